"""Bringing in a call history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, update
from sqlalchemy.orm import Session

from portal.audit.batch_log import log_batch_event
from portal.batches import query
from portal.batches.actions.inserting import insert_batches, insert_calls, lock_batch_list, update_counts
from portal.batches.call_history import CallHistory, CallHistoryRow, CallPeriod
from portal.calls import query as calls_query
from portal.db.transactions import write_transaction
from portal.models import Batch, BatchEvent, Channel, QueueStatus
from portal.models.actor import Actor


@dataclass(frozen=True)
class ImportResult:
    """What an import added, and which batches of the file it found deleted, or renamed (name in the file, name now)."""

    batches: int
    calls: int
    deleted: Sequence[str]
    renamed: Mapping[str, str]


def import_history(owner_key: int, history: CallHistory, advance: Callable[[int], object]) -> ImportResult:
    """Add what a call history holds and the owner does not have yet.

    A batch is found again by the name it had in the history, also when it was renamed since; one deleted since stays
    so. A call is found again by its number. `advance` is told of the bytes read: twice the file, which is checked and
    then stored. Raises BadHistory, and nothing is stored, when any row is bad.
    """
    periods = history.periods(advance)  # every row checked before other writers have to wait
    with write_transaction() as session:
        lock_batch_list(
            session, owner_key
        )  # a second import of the owner's waits here, and then sees what this one added
        known = query.find_imported(owner_key, periods)
        live = {name: batch for name, batch in known.items() if batch.deleted_at is None}
        new = [import_batch_row(name, period) for name, period in periods.items() if name not in known]
        added = insert_batches(session, owner_key, new)
        keys = {name: batch.key for name, batch in live.items()} | {row["source_name"]: row["key"] for row in added}
        present = {name: calls_query.fetch_phone_numbers(owner_key, batch.id) for name, batch in live.items()}
        counter = insert_calls(session, new_calls(history.calls(advance), keys, present))
        by = Actor(owner_key, Channel.COMMAND)
        for name, batch in live.items():
            if counter[batch.key]:
                extend_period(session, batch, periods[name])
                update_counts(session, owner_key, batch.id)
                log_batch_event(session, by, BatchEvent.FILLED, {batch.key: {"added": counter[batch.key]}})
        for row in added:
            update_counts(session, owner_key, row["id"])
        log_batch_event(session, by, BatchEvent.CREATED, {row["key"]: {"calls": counter[row["key"]]} for row in added})
    return ImportResult(
        batches=len(added),
        calls=counter.total(),
        deleted=[name for name in known if name not in live],
        renamed={name: batch.name for name, batch in live.items() if batch.name != name},
    )


def import_batch_row(name: str, period: CallPeriod) -> dict[str, Any]:
    """A batch of a call history, all of whose calls are over."""
    return {
        "name": name,
        "source_name": name,
        "status": QueueStatus.COMPLETED,
        "created_at": period.first,
        "updated_at": period.last,
    }


def new_calls(
    calls: Iterable[CallHistoryRow], keys: Mapping[str, int], present: Mapping[str, set[str]]
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


def extend_period(session: Session, batch: Row[Any], period: CallPeriod) -> None:
    """Let the batch begin no later, and be updated no earlier, than the calls that were added to it started."""
    begun, ended = min(batch.created_at, period.first), max(batch.updated_at, period.last)
    session.execute(update(Batch).where(Batch.key == batch.key).values(created_at=begun, updated_at=ended))
