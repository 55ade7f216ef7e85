"""The one place that writes down what was done, in the transaction of the change itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from portal.db.transactions import chunks
from portal.models import BatchEvent, BatchLogEntry
from portal.models.actor import Actor
from portal.times import now_ms


def log_batch_event(session: Session, by: Actor, what: BatchEvent, details: Mapping[int, Mapping[str, Any]]) -> None:
    """Write down what was done to batches, told by their keys. The details hold no phone number."""
    at = now_ms()
    rows = [
        {
            "batch_key": batch_key,
            "at": at,
            "user_key": by.user_key,
            "token_key": by.token_key,
            "way": by.way,
            "what": what,
            "details": dict(told),
        }
        for batch_key, told in details.items()
    ]
    for chunk in chunks(rows):
        session.execute(insert(BatchLogEntry.__table__), chunk)
