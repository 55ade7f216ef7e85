"""What becomes of a batch: made, moved, renamed, deleted, restored, purged. Each action is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from portal.audit.batch_log import log_batch_event
from portal.batches import query, transitions
from portal.batches.actions.inserting import (
    insert_batches,
    insert_calls,
    lock_batch_list,
    pending_call_row,
    update_counts,
)
from portal.batches.transitions import BatchAction
from portal.calls import query as calls_query
from portal.db.transactions import lift_time_limit, write_transaction
from portal.live import Deleted
from portal.models import Batch, BatchEvent, QueueStatus
from portal.models.actor import Actor
from portal.text import fold
from portal.times import now_ms

STOPPED_BY_DELETION = {QueueStatus.ACTIVE, QueueStatus.PAUSED}


@dataclass(frozen=True)
class CreatedBatch:
    """A batch that was made, and how many calls it got."""

    id: str
    key: int
    calls: int


def create_batch(
    by: Actor,
    name: str,
    settings: Mapping[str, Any],
    calls: Iterable[Mapping[str, Any]] = (),
    inside: Callable[[Session, CreatedBatch], object] | None = None,
) -> CreatedBatch:
    """Make a pending batch with its calls: `phone_number` and `fields` each.

    `inside` is called with what was made before the transaction ends, for what must be true with it or not at all.
    """
    now = now_ms()
    with write_transaction() as session:
        values = {
            "name": name,
            "status": QueueStatus.PENDING,
            "created_at": now,
            "updated_at": now,
            "settings": dict(settings),
        }
        (row,) = insert_batches(session, by.user_key, [values])
        counter = insert_calls(session, (pending_call_row(row["key"], call, now) for call in calls))
        made = CreatedBatch(row["id"], row["key"], counter.total())
        if made.calls:
            update_counts(session, by.user_key, made.id)
        log_batch_event(session, by, BatchEvent.CREATED, {made.key: {"calls": made.calls}})
        if inside:
            inside(session, made)
    return made


def duplicate_batch(by: Actor, batch_id: str, name: str, *, only_not_reached: bool) -> CreatedBatch | None:
    """Make a batch with the settings and contacts of another: all, or those that nobody picked up.

    None where there is no such batch.
    """
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        batch = query.find_row(by.user_key, batch_id)
        if batch is None:
            return None
        contacts = calls_query.fetch_contacts(by.user_key, batch_id, only_not_reached=only_not_reached)
        return create_batch(by, name, batch.settings, contacts)


def change_status(by: Actor, batch_id: str, move: BatchAction) -> QueueStatus | None:
    """Move a batch by the table, and return where it stands then; None where there is no such batch.

    A move that changes nothing writes nothing. Raises Refused.
    """
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        batch = query.find_row(by.user_key, batch_id)
        if batch is None:
            return None
        status = QueueStatus(batch.status)
        has_open = calls_query.has_open_calls(by.user_key, batch_id)
        there = transitions.target_status(status, move, has_open=has_open)
        if there is not status:
            set_status(session, by, batch.key, status, there)
            if there is QueueStatus.ACTIVE and not has_open:
                there = complete_batch(session, by, batch.key)
        return there


def complete_batch(session: Session, by: Actor, batch_key: int) -> QueueStatus:
    """An active batch without an open call is completed, by itself."""
    set_status(session, by, batch_key, QueueStatus.ACTIVE, QueueStatus.COMPLETED, by_itself=True)
    return QueueStatus.COMPLETED


def set_status(
    session: Session, by: Actor, batch_key: int, before: QueueStatus, after: QueueStatus, **told: Any
) -> None:
    """Give a batch another status, and write it down."""
    session.execute(update(Batch).where(Batch.key == batch_key).values(status=after, updated_at=now_ms()))
    log_batch_event(session, by, BatchEvent.STATUS, {batch_key: {"from": before, "to": after} | told})


def rename_batch(by: Actor, batch_id: str, name: str) -> bool:
    """Give a batch another name. Returns whether there is such a batch; the same name changes nothing."""
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        batch = query.find_row(by.user_key, batch_id)
        if batch is None:
            return False
        if batch.name != name:
            values = {"name": name, "name_folded": fold(name), "updated_at": now_ms()}
            session.execute(update(Batch).where(Batch.key == batch.key).values(**values))
            log_batch_event(session, by, BatchEvent.RENAMED, {batch.key: {"from": batch.name, "to": name}})
        return True


def delete_batch(by: Actor, batch_id: str) -> bool:
    """Put a batch into the trash, its calls with it; what is running is stopped. Returns whether there was one."""
    now = now_ms()
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        batch = query.find_row(by.user_key, batch_id)
        if batch is None:
            return False
        status = QueueStatus.STOPPED if batch.status in STOPPED_BY_DELETION else QueueStatus(batch.status)
        values = {"status": status, "updated_at": now, "deleted_at": now, "deleted_by_key": by.user_key}
        session.execute(update(Batch).where(Batch.key == batch.key).values(**values))
        log_batch_event(session, by, BatchEvent.DELETED, {batch.key: {"from": batch.status, "to": status}})
        return True


def restore_batch(by: Actor, batch_id: str) -> bool:
    """Take a batch out of the trash; one that is not in it stays as it is. Returns whether there is such a batch."""
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        batch = query.find_row(by.user_key, batch_id, Deleted.INCLUDE)
        if batch is None:
            return False
        if batch.deleted_at is not None:
            values = {"updated_at": now_ms(), "deleted_at": None, "deleted_by_key": None}
            session.execute(update(Batch).where(Batch.key == batch.key).values(**values))
            log_batch_event(session, by, BatchEvent.RESTORED, {batch.key: {"status": batch.status}})
        return True


def purge_batches(owner_key: int, batch_ids: Collection[str], advance: Callable[[int], object]) -> int:
    """Remove deleted batches for good, their calls, reports and changes with them. Returns how many.

    One transaction a batch, so that nobody waits long; one that was restored meanwhile stays.
    """
    removed = 0
    for batch_id in batch_ids:
        with write_transaction() as session:
            lift_time_limit(session.connection())
            lock_batch_list(session, owner_key)
            batch = query.find_row(owner_key, batch_id, Deleted.ONLY)
            if batch is not None:
                session.execute(delete(Batch).where(Batch.key == batch.key))
                removed += 1
        advance(1)
    return removed
