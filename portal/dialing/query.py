"""Read what the dialer needs: trunks, batches and calls that are due, and attempts in progress."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, func, literal_column, select, tuple_

from portal.calls.query import STATE_COLUMNS
from portal.db.transactions import chunks
from portal.extensions import db
from portal.live import Deleted, live_batches, live_calls
from portal.models import Attempt, AttemptState, Batch, Call, CallerNumber, CallStatus, QueueStatus, Trunk, User
from portal.models.call import HeldFor
from portal.times import now_ms
from portal.trunks.query import ON_LINE, on_line_of

# The word is part of the statement: the partial index of due calls requires it.
IS_PENDING = Call.status == literal_column(f"'{CallStatus.PENDING}'")
DUE_COLUMNS = (*STATE_COLUMNS, Call.due_at, Call.zone_set, Call.fields)
MAX_COUNTED = 10_000  # waiting calls


def find_trunk(trunk_key: int, *, lock: bool = False) -> Row[Any] | None:
    """Return the current columns of a trunk whose owner is active, if there is one; `lock` until the commit."""
    columns = (
        Trunk.key,
        Trunk.owner_key,
        Trunk.lines,
        Trunk.per_second,
        Trunk.ring_seconds,
        Trunk.next_at,
        Trunk.held,
        Trunk.heard_at,
    )
    statement = select(*columns).join(User, User.key == Trunk.owner_key)
    statement = statement.where(Trunk.key == trunk_key, User.disabled_at.is_(None))
    return db.session.execute(statement.with_for_update(of=Trunk) if lock else statement).one_or_none()


def find_numbers_of_trunks(owner_key: int) -> dict[str, int]:
    """Return the keys of trunks by the phone numbers that belong to them."""
    statement = select(CallerNumber.phone_number, CallerNumber.trunk_key)
    of_owner = statement.where(CallerNumber.owner_key == owner_key, CallerNumber.trunk_key.is_not(None))
    return {row.phone_number: row.trunk_key for row in db.session.execute(of_owner)}


def find_due_batches(owner_key: int, now: int, batch_id: str | None = None) -> list[Row[Any]]:
    """Return the key, id and settings of the owner's active batches, or of one of them, that have due calls."""
    due = live_calls(owner_key).with_only_columns(Call.key)
    due = due.where(Call.batch_key == Batch.key, IS_PENDING, Call.due_at <= now).correlate(Batch)
    # LIMIT makes the database look into the index once per batch, instead of reading all due calls.
    first = due.order_by(Call.due_at, Call.key).limit(1).scalar_subquery()
    active = live_batches(owner_key).with_only_columns(Batch.key, Batch.id, Batch.settings)
    active = active.where(Batch.status == QueueStatus.ACTIVE, first.is_not(None))
    if batch_id is not None:
        active = active.where(Batch.id == batch_id)
    return list(db.session.execute(active))


def find_due_calls(
    owner_key: int, batch_id: str, now: int, after: tuple[int, int], slots: tuple[int, Sequence[int]], limit: int
) -> Sequence[Row[Any]]:
    """Return the first due calls of a batch by due time, after a pair of due time and key, locked until the commit.

    `slots`: only calls whose key, modulo the first number, is one of the others.
    """
    count, positions = slots
    statement = live_calls(owner_key, batch_id).with_only_columns(*DUE_COLUMNS)
    statement = statement.where(IS_PENDING, Call.due_at <= now)
    if after > (0, 0):
        statement = statement.where(tuple_(Call.due_at, Call.key) > after)
    if len(positions) < count:
        statement = statement.where((Call.key % count).in_(positions))
    ordered = statement.order_by(Call.due_at, Call.key).limit(limit)
    return db.session.execute(ordered.with_for_update(skip_locked=True, of=Call)).all()


def count_open(owner_key: int) -> list[Row[Any]]:
    """Return how many attempts (`count`) are in progress, by the key of their batch and of their trunk, or None."""
    statement = live_calls(owner_key, deleted=Deleted.INCLUDE).join(Attempt)
    columns = (Call.batch_key, Attempt.trunk_key, func.count().label("count"))
    counted = statement.with_only_columns(*columns).where(*on_line_of(owner_key))
    return list(db.session.execute(counted.group_by(Call.batch_key, Attempt.trunk_key)))


def find_open_numbers(owner_key: int, phone_numbers: Iterable[str]) -> set[str]:
    """Return those of the numbers to which an attempt is in progress."""
    statement = select(Attempt.phone_number).where(Attempt.owner_key == owner_key, *ON_LINE)
    return {
        number
        for chunk in chunks(phone_numbers)
        for (number,) in db.session.execute(statement.where(Attempt.phone_number.in_(chunk)))
    }


def find_attempt_times(owner_key: int, phone_numbers: Iterable[str], after: int) -> dict[str, list[int]]:
    """Return the times of the attempts to these numbers after a time, by number, of all batches of the owner."""
    at = func.coalesce(Attempt.taken_at, Attempt.placed_at, Attempt.answered_at, Attempt.ended_at)
    statement = select(Attempt.phone_number, at.label("at")).where(Attempt.owner_key == owner_key, at > after)
    times: dict[str, list[int]] = {}
    for chunk in chunks(phone_numbers):
        for number, moment in db.session.execute(statement.where(Attempt.phone_number.in_(chunk))):
            times.setdefault(number, []).append(moment)
    return times


def find_unplaced_numbers(owner_key: int) -> set[str]:
    """Return the numbers of the owner's calls that dialers of the portal have taken and are about to place."""
    is_taken = Attempt.state == literal_column(f"'{AttemptState.TAKEN}'")
    statement = select(Attempt.phone_number).where(*on_line_of(owner_key), is_taken)
    return set(db.session.execute(statement.where(Attempt.trunk_key.is_not(None))).scalars())


def fetch_earlier_attempts(call_keys: Iterable[int]) -> dict[int, list[Row[Any]]]:
    """Return number, caller number and cause of the attempts of these calls, by the calls' keys."""
    statement = select(Attempt.call_key, Attempt.number, Attempt.from_number, Attempt.cause)
    earlier: dict[int, list[Row[Any]]] = {}
    for chunk in chunks(call_keys):
        for row in db.session.execute(statement.where(Attempt.call_key.in_(chunk))):
            earlier.setdefault(row.call_key, []).append(row)
    return earlier


def fetch_open_attempts(trunk_key: int) -> Sequence[Row[Any]]:
    """Return the attempts of a trunk that are in progress."""
    return db.session.execute(select(Attempt.__table__).where(Attempt.trunk_key == trunk_key, *ON_LINE)).all()


def find_overdue(now: int, limit: int) -> dict[int, list[str]]:
    """Return the ids of attempts whose dialer was silent for too long, by the keys of their owners."""
    statement = select(Attempt.owner_key, Attempt.id).where(*ON_LINE, Attempt.held_until <= now)
    overdue: dict[int, list[str]] = {}
    for owner_key, attempt_id in db.session.execute(statement.order_by(Attempt.held_until).limit(limit)):
        overdue.setdefault(owner_key, []).append(attempt_id)
    return overdue


def count_waiting(owner_key: int) -> dict[HeldFor, int]:
    """Count the pending calls of the owner's active batches that are not due, by the reason; at most MAX_COUNTED."""
    active = live_batches(owner_key).with_only_columns(Batch.key).where(Batch.status == QueueStatus.ACTIVE)
    waiting = live_calls(owner_key).with_only_columns(Call.held_for).where(IS_PENDING, Call.due_at > now_ms())
    limited = waiting.where(Call.batch_key.in_(active)).limit(MAX_COUNTED).subquery()
    counts = dict.fromkeys(HeldFor, 0)
    reasons = select(limited.c.held_for, func.count()).group_by(limited.c.held_for)
    for reason, count in db.session.execute(reasons):
        counts[HeldFor(reason or HeldFor.DELAY)] += count
    return counts
