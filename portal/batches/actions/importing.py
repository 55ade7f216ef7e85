"""Import a call history into batches of one owner."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, update
from sqlalchemy.orm import Session

from portal.audit.batch_log import log_batch_event
from portal.batches import query
from portal.batches.actions.inserting import (
    call_row,
    insert_batches,
    insert_calls,
    lock_batch_list,
    record_created,
    update_counts,
)
from portal.batches.call_history import CallHistory, CallHistoryRow, CallPeriod
from portal.calls import query as calls_query
from portal.db.transactions import write_transaction
from portal.models import Batch, BatchEvent, Channel, QueueStatus
from portal.models.actor import Actor


@dataclass(frozen=True)
class ImportResult:
    """The numbers of batches and calls added, and the batches skipped or found under another name.

    `deleted` holds names from the file; `renamed` maps a name in the file to the current name.
    """

    batches: int
    calls: int
    deleted: Sequence[str]
    renamed: Mapping[str, str]


def import_history(owner_key: int, history: CallHistory, advance: Callable[[int], object]) -> ImportResult:
    """Add the batches and calls of a call history that the owner does not have yet.

    A batch is matched by its name in the history, also after a rename; a deleted batch is skipped. A call is matched
    by its phone number. `advance` receives the number of rows read; the file is read twice, first to check it, then
    to store it. Raises CallHistoryError with the problems of all rows, and stores nothing.
    """
    periods = history.read_periods(advance)  # checks every row before other writers have to wait
    with write_transaction() as session:
        lock_batch_list(session, owner_key)  # a second import waits here and then finds the rows of this one
        known = query.find_imported(owner_key, periods)
        live = {name: batch for name, batch in known.items() if batch.deleted_at is None}
        new = [import_batch_row(name, period) for name, period in periods.items() if name not in known]
        added = insert_batches(session, owner_key, new)
        keys = {name: batch.key for name, batch in live.items()} | {row["source_name"]: row["key"] for row in added}
        present = {name: calls_query.fetch_phone_numbers(owner_key, batch.id) for name, batch in live.items()}
        counter = insert_calls(session, new_call_rows(history.read_rows(advance), keys, present))
        by = Actor(owner_key, Channel.COMMAND)
        for name, batch in live.items():
            if counter[batch.key]:
                extend_period(session, batch, periods[name])
                update_counts(session, owner_key, batch.id)
                log_batch_event(session, by, BatchEvent.CALLS_ADDED, {batch.key: {"added": counter[batch.key]}})
        record_created(session, by, added, counter)
    return ImportResult(
        batches=len(added),
        calls=counter.total(),
        deleted=[name for name in known if name not in live],
        renamed={name: batch.name for name, batch in live.items() if batch.name != name},
    )


def import_batch_row(name: str, period: CallPeriod) -> dict[str, Any]:
    """Return the columns of a batch from a call history; all of its calls have ended."""
    return {
        "name": name,
        "source_name": name,
        "status": QueueStatus.COMPLETED,
        "created_at": period.first,
        "updated_at": period.last,
    }


def new_call_rows(
    rows: Iterable[CallHistoryRow], keys: Mapping[str, int], present: Mapping[str, set[str]]
) -> Iterator[dict[str, Any]]:
    """Yield rows to insert for the batches in `keys` (by batchName), except for the phone numbers in `present`."""
    for columns, fields in rows:
        name, number, started_at = columns.batch_name, columns.phone_number, columns.started_at
        if name not in keys or number in present.get(name, ()):
            continue
        yield call_row(
            keys[name],
            number,
            fields,
            started_at,
            status=columns.status,
            duration_seconds=columns.duration_seconds,
            attempts=columns.attempts,
            last_event_at=started_at + columns.duration_seconds * 1000,
        )


def extend_period(session: Session, batch: Row[Any], period: CallPeriod) -> None:
    """Extend created_at and updated_at of a batch to include the added calls."""
    first, last = min(batch.created_at, period.first), max(batch.updated_at, period.last)
    session.execute(update(Batch).where(Batch.key == batch.key).values(created_at=first, updated_at=last))
