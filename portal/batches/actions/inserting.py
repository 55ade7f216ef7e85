"""Insert batches and calls, and count them. The functions belong to a transaction of their caller."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from portal.audit.batch_log import log_batch_event
from portal.batches import derived
from portal.calls import derived as calls_derived
from portal.calls import query as calls_query
from portal.db.bulk_insert import insert_rows
from portal.db.transactions import CHUNK_SIZE, chunks
from portal.dialing.callee_zones import find_zone_set
from portal.ids import new_id
from portal.models import Batch, BatchEvent, BatchList, Call, CallStatus
from portal.models.actor import Actor
from portal.models.base import OWNER_SHIFT
from portal.models.batch import fold_name
from portal.models.call import search_text

NO_COUNTS = asdict(calls_query.NO_CALLS)


def reserve_keys(session: Session, owner_key: int, count: int) -> range:
    """Reserve keys for `count` new batches of the owner and lock the owner's list until the transaction ends."""
    next_number = session.execute(
        update(BatchList)
        .where(BatchList.owner_key == owner_key)
        .values(next_number=BatchList.next_number + count)
        .returning(BatchList.next_number)
    ).scalar_one()
    first = (owner_key << OWNER_SHIFT) + next_number - count
    return range(first, first + count)


def lock_batch_list(session: Session, owner_key: int) -> None:
    """Lock the owner's batches against other writers until the caller's transaction ends.

    Every change of a batch updates the version of its list, and so waits for this row anyway. Every writer locks it
    first, so that writers cannot deadlock and no change is based on a stale read.
    """
    reserve_keys(session, owner_key, 0)


def insert_batches(session: Session, owner_key: int, batches: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Insert batches without calls, each given by its columns, and return the complete rows."""
    keys = reserve_keys(session, owner_key, len(batches))
    rows = [
        {"key": key, "id": new_id(), "owner_key": owner_key, "name_folded": fold_name(batch["name"])}
        | NO_COUNTS
        | batch
        for key, batch in zip(keys, batches, strict=True)
    ]
    # With RETURNING, one statement inserts many rows, so that the triggers of PostgreSQL run once for all of them.
    statement = insert(Batch.__table__).returning(Batch.__table__.c.key)
    for chunk in chunks(rows):
        session.execute(statement, chunk)
    if len(rows) >= CHUNK_SIZE:
        derived.engine_module(session.get_bind().dialect.name).optimize(session.connection())
    return rows


def call_row(
    batch_key: int,
    phone_number: str,
    fields: Mapping[str, Any],
    created_at: int,
    *,
    status: CallStatus = CallStatus.PENDING,
    duration_seconds: int = 0,
    attempts: int = 0,
    last_event_at: int | None = None,
    answered_at: int | None = None,
    due_at: int = 0,
) -> dict[str, Any]:
    """Return a call as a row to insert; without an outcome, it is still to be made. Times are milliseconds."""
    return {
        "id": new_id(),
        "batch_key": batch_key,
        "phone_number": phone_number,
        "status": status,
        "duration_seconds": duration_seconds,
        "attempts": attempts,
        "last_event_at": last_event_at,
        "answered_at": answered_at,
        "due_at": due_at,
        "created_at": created_at,
        "fields": fields,
        "search_text": search_text(phone_number, fields),
        "zone_set": find_zone_set(phone_number, fields) if status is CallStatus.PENDING else "",
    }


def insert_calls(session: Session, rows: Iterable[Mapping[str, Any]]) -> Counter[int]:
    """Insert rows built by `call_row` and return the number of calls per batch key. The owner must be locked."""
    counter: Counter[int] = Counter()
    last_numbers: dict[int, int] = {}
    for chunk in chunks(rows):
        last_numbers |= calls_query.find_last_numbers({row["batch_key"] for row in chunk} - last_numbers.keys())
        numbered = [row | {"number": next_number(last_numbers, row["batch_key"])} for row in chunk]
        insert_rows(session.connection(), Call.__table__, numbered)
        counter.update(row["batch_key"] for row in chunk)
    calls_derived.divide_calls(session.connection(), counter)
    return counter


def next_number(last_numbers: dict[int, int], batch_key: int) -> int:
    """Return the number of the next call of a batch."""
    last_numbers[batch_key] += 1
    return last_numbers[batch_key]


def update_counts(session: Session, owner_key: int, batch_id: str) -> None:
    """Copy the counts of a live batch from its calls."""
    counted = calls_query.count_by_batch(owner_key, batch_id)
    counts = next(iter(counted.values()), calls_query.NO_CALLS)
    session.execute(update(Batch).where(Batch.id == batch_id).values(**asdict(counts)))


def record_created(session: Session, by: Actor, rows: Sequence[Mapping[str, Any]], counter: Counter[int]) -> None:
    """Set the counts of new batches after their calls were inserted, and log their creation."""
    for row in rows:
        if counter[row["key"]]:
            update_counts(session, by.user_key, row["id"])
    log_batch_event(session, by, BatchEvent.CREATED, {row["key"]: {"calls": counter[row["key"]]} for row in rows})
