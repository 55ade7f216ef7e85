"""Adding batches and calls: keys, rows, counts. For the other actions to use in transactions of theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from portal.audit.batch_log import log_batch_event
from portal.batches import derived
from portal.calls import query as calls_query
from portal.db.transactions import CHUNK_SIZE, chunks, write_transaction
from portal.ids import new_id
from portal.models import Batch, BatchEvent, BatchList, Call, CallStatus, QueueStatus
from portal.models.actor import Actor
from portal.models.base import OWNER_SHIFT
from portal.models.call import search_text
from portal.text import fold


@dataclass(frozen=True)
class BatchImport:
    """A batch to be added with its calls. Times are milliseconds; calls are the columns of Call without their keys."""

    name: str
    status: QueueStatus
    created_at: int
    updated_at: int
    calls: Sequence[Mapping[str, Any]]


def reserve_keys(session: Session, owner_key: int, count: int) -> range:
    """Keys for `count` new batches of the owner, taken in the caller's transaction; other writers of theirs wait."""
    taken = session.execute(
        update(BatchList)
        .where(BatchList.owner_key == owner_key)
        .values(next_number=BatchList.next_number + count)
        .returning(BatchList.next_number)
    ).scalar_one()
    first = (owner_key << OWNER_SHIFT) + taken - count
    return range(first, first + count)


def lock_batch_list(session: Session, owner_key: int) -> None:
    """Let no other writer of the owner's batches in until the caller's transaction ends.

    Whoever changes a batch moves its list's version and so waits for that row in any case; taken first, by everybody,
    it cannot be waited for in a circle, and what is read after it is what will be changed.
    """
    reserve_keys(session, owner_key, 0)


def insert_batch_imports(by: Actor, batches: Sequence[BatchImport]) -> None:
    """Add batches of the actor's with all their calls, counted."""
    owner_key = by.user_key
    with write_transaction() as session:
        rows = [
            {"name": batch.name, "status": batch.status, "created_at": batch.created_at, "updated_at": batch.updated_at}
            for batch in batches
        ]
        added = insert_batches(session, owner_key, rows)
        calls = (
            call | {"batch_key": row["key"]} for row, batch in zip(added, batches, strict=True) for call in batch.calls
        )
        counter = insert_calls(session, calls)
        for row in added:
            update_counts(session, owner_key, row["id"])
        log_batch_event(session, by, BatchEvent.CREATED, {row["key"]: {"calls": counter[row["key"]]} for row in added})


def insert_batches(session: Session, owner_key: int, batches: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Insert batches, as yet without calls, and return their rows."""
    empty = {"owner_key": owner_key, "total_calls": 0, "calls_called": 0, "calls_picked": 0, "calls_completed": 0}
    rows = [
        {"key": key, "id": new_id(), "name_folded": fold(batch["name"])} | empty | dict(batch)
        for key, batch in zip(reserve_keys(session, owner_key, len(batches)), batches, strict=True)
    ]
    # RETURNING makes it one statement for many rows: PostgreSQL's triggers run, and its counters move, once for each.
    adding = insert(Batch.__table__).returning(Batch.__table__.c.key)
    for chunk in chunks(rows):
        session.execute(adding, chunk)
    if len(rows) >= CHUNK_SIZE:
        derived.engine_module(session.get_bind().dialect.name).optimize(session.connection())
    return rows


def insert_calls(session: Session, calls: Iterable[Mapping[str, Any]]) -> Counter[int]:
    """Insert calls; returns how many each batch got, by its key."""
    counter: Counter[int] = Counter()
    for chunk in chunks(calls):
        session.execute(insert(Call.__table__), [call_row(call) for call in chunk])
        counter.update(call["batch_key"] for call in chunk)
    return counter


def call_row(columns: Mapping[str, Any]) -> dict[str, Any]:
    """A row to insert: the columns, an id, and what a search looks at."""
    told = search_text(columns["phone_number"], columns["fields"])
    return {"id": new_id(), "search_text": told} | dict(columns)


def update_counts(session: Session, owner_key: int, batch_id: str) -> None:
    """Set the counts of a live batch to what its calls say."""
    counted = calls_query.count_by_batch(owner_key, batch_id)
    counts = next(iter(counted.values()), calls_query.NO_CALLS)
    session.execute(update(Batch).where(Batch.id == batch_id).values(**asdict(counts)))


def pending_call_row(batch_key: int, call: Mapping[str, Any], now: int) -> dict[str, Any]:
    """A call that is still to be made, as a row to insert."""
    return {
        "batch_key": batch_key,
        "phone_number": call["phone_number"],
        "status": CallStatus.PENDING,
        "duration_seconds": 0,
        "attempts": 0,
        "created_at": now,
        "fields": call["fields"],
    }
