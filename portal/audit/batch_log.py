"""Write the log of changes to batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from portal.db.transactions import chunks
from portal.models import BatchEvent, BatchLogEntry
from portal.models.actor import Actor
from portal.times import now_ms


def log_batch_event(session: Session, by: Actor, event: BatchEvent, details: Mapping[int, Mapping[str, Any]]) -> None:
    """Log the event for each batch in `details`, by batch key, in the transaction of the change.

    Details must not contain phone numbers.
    """
    shared = {
        "at": now_ms(),
        "user_key": by.user_key,
        "token_key": by.token_key,
        "way": by.channel,
        "what": event,
    }
    rows = [shared | {"batch_key": key, "details": dict(values)} for key, values in details.items()]
    for chunk in chunks(rows):
        session.execute(insert(BatchLogEntry.__table__), chunk)
