"""Bringing in a call history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, update
from sqlalchemy.orm import Session

from portal.batches import query
from portal.batches.actions.filling import insert_batches, insert_calls, lock_list, recount
from portal.batches.history import History, HistoryCall, Period
from portal.calls import query as calls_query
from portal.changes.actions import record
from portal.changes.actor import Actor
from portal.database import writing
from portal.models import Batch, QueueStatus, Way, What


@dataclass(frozen=True)
class Imported:
    """What an import added, and which batches of the file it found deleted, or renamed (name in the file, name now)."""

    batches: int
    calls: int
    deleted: Sequence[str]
    renamed: Mapping[str, str]


def import_history(owner_key: int, history: History, advance: Callable[[int], object]) -> Imported:
    """Add what a call history holds and the owner does not have yet.

    A batch is found again by the name it had in the history, also when it was renamed since; one deleted since stays
    so. A call is found again by its number. `advance` is told of the bytes read: twice the file, which is checked and
    then stored. Raises BadHistory, and nothing is stored, when any row is bad.
    """
    periods = history.periods(advance)  # every row checked before other writers have to wait
    with writing() as session:
        lock_list(session, owner_key)  # a second import of the owner's waits here, and then sees what this one added
        known = query.imported_batches(owner_key, periods)
        live = {name: batch for name, batch in known.items() if batch.deleted_at is None}
        new = [imported_batch(name, period) for name, period in periods.items() if name not in known]
        added = insert_batches(session, owner_key, new)
        keys = {name: batch.key for name, batch in live.items()} | {row["source_name"]: row["key"] for row in added}
        present = {name: calls_query.phone_numbers(owner_key, batch.id) for name, batch in live.items()}
        counter = insert_calls(session, new_calls(history.calls(advance), keys, present))
        by = Actor(owner_key, Way.COMMAND)
        for name, batch in live.items():
            if counter[batch.key]:
                stretch(session, batch, periods[name])
                recount(session, owner_key, batch.id)
                record(session, by, What.FILLED, {batch.key: {"added": counter[batch.key]}})
        for row in added:
            recount(session, owner_key, row["id"])
        record(session, by, What.CREATED, {row["key"]: {"calls": counter[row["key"]]} for row in added})
    return Imported(
        batches=len(added),
        calls=counter.total(),
        deleted=[name for name in known if name not in live],
        renamed={name: batch.name for name, batch in live.items() if batch.name != name},
    )


def imported_batch(name: str, period: Period) -> dict[str, Any]:
    """A batch of a call history, all of whose calls are over."""
    return {
        "name": name,
        "source_name": name,
        "status": QueueStatus.COMPLETED,
        "created_at": period.first,
        "updated_at": period.last,
    }


def new_calls(
    calls: Iterable[HistoryCall], keys: Mapping[str, int], present: Mapping[str, set[str]]
) -> Iterator[dict[str, Any]]:
    """The calls of the batches in `keys` whose numbers are not there yet, as rows to insert."""
    for columns, fields in calls:
        key = keys.get(columns.batch_name)
        if key is None or columns.phone_number in present.get(columns.batch_name, ()):
            continue
        yield {
            "batch_key": key,
            "phone_number": columns.phone_number,
            "status": columns.status,
            "duration_seconds": columns.duration_seconds,
            "attempts": columns.attempts,
            "created_at": columns.started_at,
            "last_event_at": columns.started_at + columns.duration_seconds * 1000,
            "fields": fields,
        }


def stretch(session: Session, batch: Row[Any], period: Period) -> None:
    """Let the batch begin no later, and be updated no earlier, than the calls that were added to it started."""
    begun, ended = min(batch.created_at, period.first), max(batch.updated_at, period.last)
    session.execute(update(Batch).where(Batch.key == batch.key).values(created_at=begun, updated_at=ended))
