"""Create, start, stop, rename, delete, restore and purge batches. Each action is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, delete, update
from sqlalchemy.orm import Session

from portal.attempts.actions import apply_retry_settings
from portal.attempts.retries import RETRY_SETTINGS
from portal.audit.batch_log import log_batch_event
from portal.batches import query, transitions
from portal.batches.actions.inserting import call_row, insert_batches, insert_calls, lock_batch_list, record_created
from portal.batches.settings import RULE_SETTINGS, effective_settings, settings_columns
from portal.batches.transitions import BatchAction
from portal.calls import query as calls_query
from portal.db.transactions import lift_time_limit, write_transaction
from portal.live import Deleted
from portal.models import Batch, BatchEvent, Call, CallStatus, Channel, QueueStatus
from portal.models.actor import Actor
from portal.models.batch import fold_name
from portal.times import now_ms
from portal.trunks.calling_numbers import with_phone_numbers

CALLS = Call.__table__
STOPPED_BY_DELETION = {QueueStatus.ACTIVE, QueueStatus.PAUSED}


@dataclass(frozen=True)
class CreatedBatch:
    """A new batch as stored; `calls` is the number of its calls."""

    id: str
    key: int
    calls: int
    settings: Mapping[str, Any]


def create_batch(
    by: Actor,
    name: str,
    settings: Mapping[str, Any],
    contacts: Iterable[tuple[str, Mapping[str, Any]]] = (),
    before_commit: Callable[[Session, CreatedBatch], object] | None = None,
) -> CreatedBatch:
    """Create a pending batch with one call per contact, a pair of phone number and fields.

    `before_commit` runs in the same transaction, for a change that must succeed or fail together with it. Raises
    InvalidParameter for an unknown phone id in the settings.
    """
    now = now_ms()
    columns = {"name": name, "status": QueueStatus.PENDING, "created_at": now, "updated_at": now}
    with write_transaction() as session:
        settings = with_phone_numbers(by.user_key, settings)
        (row,) = insert_batches(session, by.user_key, [columns | settings_columns(settings)])
        counter = insert_calls(session, (call_row(row["key"], number, fields, now) for number, fields in contacts))
        record_created(session, by, [row], counter)
        created = CreatedBatch(row["id"], row["key"], counter.total(), row["settings"])
        if before_commit:
            before_commit(session, created)
    return created


def duplicate_batch(by: Actor, batch_id: str, name: str, *, only_not_reached: bool) -> CreatedBatch | None:
    """Create a batch with the settings of another and with its contacts, or only those without an answer.

    A scheduled start is not copied: the new batch waits to be started. Returns None if the other batch does not exist.
    """
    with write_transaction() as session:
        batch = lock_batch(session, by.user_key, batch_id)
        if batch is None:
            return None
        contacts = calls_query.fetch_contacts(by.user_key, batch_id, only_not_reached=only_not_reached)
        return create_batch(by, name, batch.settings, contacts)


def lock_batch(session: Session, owner_key: int, batch_id: str, deleted: Deleted = Deleted.EXCLUDE) -> Row[Any] | None:
    """Lock the owner's batches and return the current row of one; None if it does not exist."""
    lock_batch_list(session, owner_key)
    return query.find_row(owner_key, batch_id, deleted)


def change_status(by: Actor, batch_id: str, action: BatchAction) -> QueueStatus | None:
    """Apply an action to a batch and return its new status; None if the batch does not exist.

    An action that changes nothing writes nothing. Raises IllegalTransition.
    """
    with write_transaction() as session:
        batch = lock_batch(session, by.user_key, batch_id)
        if batch is None:
            return None
        status = QueueStatus(batch.status)
        has_open = calls_query.has_open_calls(by.user_key, batch_id)
        target = transitions.target_status(status, action, has_open=has_open)
        if target is not status:
            set_status(session, by, batch.key, status, target)
            if transitions.is_complete(target, has_open=has_open):
                target = complete_batch(session, by, batch.key)
        return target


def complete_if_done(session: Session, by: Actor, batch: Row[Any]) -> None:
    """Complete a batch (its key, id and status) if it is active and has no open call."""
    has_open = calls_query.has_open_calls(by.user_key, batch.id)
    if transitions.is_complete(QueueStatus(batch.status), has_open=has_open):
        complete_batch(session, by, batch.key)


def complete_batch(session: Session, by: Actor, batch_key: int) -> QueueStatus:
    """Complete an active batch that has no open call, and log that no person did it."""
    set_status(session, by, batch_key, QueueStatus.ACTIVE, QueueStatus.COMPLETED, by_itself=True)
    return QueueStatus.COMPLETED


def start_scheduled_batches() -> None:
    """Start the pending batches whose scheduled start has come, each in a transaction of its own.

    Any number of processes may do so at the same time. A batch without open calls starts when it has some.
    """
    for owner_key in query.find_owners_with_due_starts(now_ms()):
        for batch in query.find_due_starts(owner_key, now_ms()):
            start_scheduled_batch(owner_key, batch.id)


def start_scheduled_batch(owner_key: int, batch_id: str) -> None:
    """Start a batch unless it was started, stopped, deleted or scheduled for another time in the meantime."""
    with write_transaction() as session:
        lock_batch_list(session, owner_key)
        due = {batch.id: batch.key for batch in query.find_due_starts(owner_key, now_ms())}
        if batch_id in due and calls_query.has_open_calls(owner_key, batch_id):
            by = Actor(owner_key, Channel.SCHEDULE)
            set_status(session, by, due[batch_id], QueueStatus.PENDING, QueueStatus.ACTIVE, by_itself=True)


def set_status(session: Session, by: Actor, batch_key: int, old: QueueStatus, new: QueueStatus, **details: Any) -> None:
    """Store the new status of a batch and log the change."""
    session.execute(update(Batch).where(Batch.key == batch_key).values(status=new, updated_at=now_ms()))
    log_batch_event(session, by, BatchEvent.STATUS, {batch_key: {"from": old, "to": new} | details})


def rename_batch(by: Actor, batch_id: str, name: str) -> bool:
    """Rename a batch and return whether it exists; the same name changes nothing."""
    with write_transaction() as session:
        batch = lock_batch(session, by.user_key, batch_id)
        if batch is None:
            return False
        if batch.name != name:
            values = {"name": name, "name_folded": fold_name(name), "updated_at": now_ms()}
            session.execute(update(Batch).where(Batch.key == batch.key).values(**values))
            log_batch_event(session, by, BatchEvent.RENAMED, {batch.key: {"from": batch.name, "to": name}})
        return True


def change_batch(by: Actor, batch_id: str, name: str | None, changes: Mapping[str, Any]) -> Row[Any] | None:
    """Change the name and the settings that differ, and return the batch's current row; None if it does not exist.

    The log has the old and new values, except for caller IDs, which are phone numbers. Raises InvalidParameter for an
    unknown phone id.
    """
    with write_transaction() as session:
        if name is not None:
            rename_batch(by, batch_id, name)
        batch = lock_batch(session, by.user_key, batch_id)
        if batch is None:
            return None
        old, new = effective_settings(batch), with_phone_numbers(by.user_key, changes)
        changed = {setting: value for setting, value in new.items() if old[setting] != value}
        if not changed:
            return batch
        columns = settings_columns({**batch.settings, "startsAt": old["startsAt"], **changed})
        session.execute(update(Batch).where(Batch.key == batch.key).values(**columns, updated_at=now_ms()))
        if changed.keys() & RULE_SETTINGS:
            release_held_calls(session, batch.key)
        logged = [setting for setting in changed if setting != "callingNumbers"]
        details = {
            "changed": list(changed),
            "from": {setting: old[setting] for setting in logged},
            "to": {setting: changed[setting] for setting in logged},
        }
        log_batch_event(session, by, BatchEvent.SETTINGS, {batch.key: details})
        if RETRY_SETTINGS & changed.keys():
            apply_retry_settings(session, by.user_key, query.find_row(by.user_key, batch_id), now_ms())
            complete_if_done(session, by, batch)
        return query.find_row(by.user_key, batch_id)


def release_held_calls(session: Session, batch_key: int) -> None:
    """Let the dialer check the calls that the previous rules held. They were due: a delay does not hold calls."""
    held = (CALLS.c.status == CallStatus.PENDING, CALLS.c.due_at > 0, CALLS.c.held_for.is_not(None))
    session.execute(update(CALLS).where(CALLS.c.batch_key == batch_key, *held).values(due_at=0, held_for=None))


def delete_batch(by: Actor, batch_id: str) -> bool:
    """Move a batch with its calls to the trash and return whether it exists; an active or paused batch is stopped."""
    now = now_ms()
    with write_transaction() as session:
        batch = lock_batch(session, by.user_key, batch_id)
        if batch is None:
            return False
        status = QueueStatus.STOPPED if batch.status in STOPPED_BY_DELETION else QueueStatus(batch.status)
        values = {"status": status, "updated_at": now, "deleted_at": now, "deleted_by_key": by.user_key}
        session.execute(update(Batch).where(Batch.key == batch.key).values(**values))
        log_batch_event(session, by, BatchEvent.DELETED, {batch.key: {"from": batch.status, "to": status}})
        return True


def restore_batch(by: Actor, batch_id: str) -> bool:
    """Restore a batch from the trash and return whether it exists; a batch that is not deleted does not change."""
    with write_transaction() as session:
        batch = lock_batch(session, by.user_key, batch_id, Deleted.INCLUDE)
        if batch is None:
            return False
        if batch.deleted_at is not None:
            values = {"updated_at": now_ms(), "deleted_at": None, "deleted_by_key": None}
            session.execute(update(Batch).where(Batch.key == batch.key).values(**values))
            log_batch_event(session, by, BatchEvent.RESTORED, {batch.key: {"status": batch.status}})
        return True


def purge_batch(owner_key: int, batch_id: str) -> bool:
    """Delete a batch of the trash permanently, with its calls, reports and log; return whether it was still there.

    One transaction per batch, so that other writers do not wait long.
    """
    with write_transaction() as session:
        lift_time_limit(session.connection())
        batch = lock_batch(session, owner_key, batch_id, Deleted.ONLY)
        if batch is None:
            return False
        session.execute(delete(Batch).where(Batch.key == batch.key))
        return True
