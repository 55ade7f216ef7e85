"""Fixtures of taking calls: a trunk with a number, an active batch that calls from it, and helpers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.batches.derived import check
from portal.dialing import taking
from portal.dialing.taking import TakenCall
from portal.extensions import db
from portal.models import Attempt, Batch, Call, Trunk, User
from portal.times import now_ms
from tests.support.builders import Builder

OUR_NUMBER = "+12025550100"


@pytest.fixture
def trunk(build: Builder, owner: User) -> Trunk:
    """A trunk that was heard just now, and a number of it."""
    trunk = build.create_trunk(owner, lines=10, per_second=100, heard_at=now_ms() + 3_600_000)
    build.create_caller_number(owner, OUR_NUMBER, trunk_key=trunk.key)
    return trunk


@pytest.fixture
def create_batch(build: Builder, owner: User) -> Callable[..., Batch]:
    """Create an active batch with this many calls at any hour; keyword arguments are settings."""

    def create(calls: int = 1, *, numbers: tuple[str, ...] = (OUR_NUMBER,), **settings: Any) -> Batch:
        stored = {"callingNumbers": list(numbers), "useCalleeZone": False} | settings
        batch = build.create_batch(owner, status="active", settings=stored, total_calls=calls)
        for _ in range(calls):
            build.create_call(batch)
        return batch

    return create


@pytest.fixture
def take(app: Flask, trunk: Trunk) -> Callable[..., list[TakenCall]]:
    """Take calls for the trunk; `after` seconds from the start of the test."""
    start = now_ms()

    def run(after: float = 0, trunk_key: int = trunk.key) -> list[TakenCall]:
        with app.app_context():
            return taking.take_calls(trunk_key, "worker", start + round(after * 1000))

    return run


@pytest.fixture
def find_attempts(app: Flask) -> Callable[[], list[Any]]:
    """Return all attempts in order."""

    def find() -> list[Any]:
        with app.app_context():
            return list(db.session.execute(select(Attempt.__table__).order_by(Attempt.key)))

    return find


@pytest.fixture
def find_calls(app: Flask) -> Callable[[Batch], list[Any]]:
    """Return the calls of a batch in order."""

    def find(batch: Batch) -> list[Any]:
        with app.app_context():
            statement = select(Call.__table__).where(Call.batch_key == batch.key).order_by(Call.key)
            return list(db.session.execute(statement))

    return find


@pytest.fixture
def is_consistent(app: Flask) -> Callable[[], bool]:
    """Return whether all kept counts agree with the rows."""

    def compare() -> bool:
        with app.app_context():
            return not list(check.find_all_differences(lambda _count: None))

    return compare
