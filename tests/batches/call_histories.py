"""Rows of call histories, and what their import has stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Flask

from portal.extensions import db
from portal.live import live_batches, live_calls
from portal.models import Batch, Call, User

HEADER = "batchName,phoneNumber,startedAt,durationSeconds,callStatus,attempts,city"

ROW = "Spring,+12015550100,2025-03-03T09:00:00Z,61,completed,1,Lisbon"

ADDED_NOTHING = "0 batches, 0 calls added"


def last_line(result: Any) -> str:
    """Return the last line of output of a successful command."""
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout.splitlines()[-1]


def listed(app: Flask, owner: User) -> dict[str, Batch]:
    """Return the live batches of the owner by name."""
    with app.app_context():
        return {batch.name: batch for batch in db.session.execute(live_batches(owner.key)).scalars()}


def calls_of(app: Flask, owner: User, batch: Batch) -> list[Call]:
    """Return the calls of a batch in the order in which they were added."""
    with app.app_context():
        return list(db.session.execute(live_calls(owner.key, batch.id).order_by(Call.key)).scalars())


def counts(batch: Batch) -> tuple[int, int, int, int]:
    """Return the numbers of calls: all, called, picked up, completed."""
    return batch.total_calls, batch.calls_called, batch.calls_picked, batch.calls_completed


def rows_of(name: str, numbers: Iterable[int]) -> list[str]:
    return [
        f"{name},+1{201 + number // 100}55501{number % 100:02},2025-03-03T09:{number % 60:02}:00Z,9,dropped,1,Porto"
        for number in numbers
    ]
