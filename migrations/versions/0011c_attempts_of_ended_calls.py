"""Give the ended calls that have events their attempts, and count calls that were tried and then canceled as called.

This changes only rows, in small transactions: other writers do not wait long, and an interrupted run can be continued.
Open calls get their attempts with their next event. What an earlier release reports while this runs, the hourly tasks
find later (portal/calls/actions.py, divide_earlier_events).

Revision ID: 0011c
"""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

from portal.attempts.progress import attempt_values, measure_progress, read_report
from portal.attempts.retries import RetryRule
from portal.db.schema_changes import ROWS_PER_COMMIT, commit_progress
from portal.ids import new_id
from portal.times import now_ms

revision = "0011c"
down_revision = "0011b"
branch_labels = None
depends_on = None

OWNER_SHIFT = 32
OPEN = ("pending", "dialing", "in-progress")


def describe_table(name: str, columns: str) -> sa.TableClause:
    """Return a table with these columns."""
    return sa.table(name, *(sa.column(column) for column in columns.split()))


CALLS = describe_table(
    "calls",
    "key batch_key phone_number status duration_seconds attempts answered_at last_event_at created_at",
)
EVENTS = describe_table(
    "call_events",
    "key call_key status duration_seconds occurred_at received_at attempt_number names_attempt",
)
ATTEMPTS = describe_table(
    "attempts",
    "id owner_key call_key phone_number number state taken_at placed_at answered_at ended_at outcome duration_seconds"
    " lost",
)
BATCHES = describe_table("batches", "key calls_called")


def upgrade() -> None:
    last = 0
    while calls := next_calls(last):
        last = calls[-1].key
        record_attempts(calls)
        commit_progress()
    last = 0
    while keys := next_batches(last):
        last = keys[-1]
        count_called(keys)
        commit_progress()


def next_calls(last: int) -> list[sa.Row]:
    """Return the next ended calls with events but without attempts, by key."""
    undivided = sa.exists().where(EVENTS.c.call_key == CALLS.c.key, EVENTS.c.attempt_number.is_(None))
    recorded = sa.exists().where(ATTEMPTS.c.call_key == CALLS.c.key)
    calls = sa.select(CALLS).where(CALLS.c.key > last, CALLS.c.status.not_in(OPEN), undivided, ~recorded)
    return list(op.get_bind().execute(calls.order_by(CALLS.c.key).limit(ROWS_PER_COMMIT)))


def record_attempts(calls: list[sa.Row]) -> None:
    """Store the attempts of these calls, and in the events and the calls what follows from them."""
    stored: dict[int, list[sa.Row]] = {}
    for event in op.get_bind().execute(sa.select(EVENTS).where(EVENTS.c.call_key.in_([call.key for call in calls]))):
        stored.setdefault(event.call_key, []).append(event)
    attempts, numbers, changes = [], [], []
    for call in calls:
        events = stored[call.key]
        reports = [read_report(event._mapping) for event in events]
        progress = measure_progress(call, [], reports, [], RetryRule(), now_ms())
        shared = {"owner_key": call.batch_key >> OWNER_SHIFT, "call_key": call.key, "phone_number": call.phone_number}
        for attempt in progress.attempts:
            values = attempt_values(attempt, progress.taken.get(attempt.number), None)
            attempts.append({"id": new_id(), "number": attempt.number} | shared | values)
        numbers += [
            {"event_key": event.key, "new_number": number}
            for event, number in zip(events, progress.numbers, strict=True)
        ]
        changes.append(
            {
                "call_key": call.key,
                "new_attempts": max(progress.outcome.attempts, call.attempts),
                "new_answered_at": progress.outcome.answered_at,
            }
        )
    write(sa.insert(ATTEMPTS), attempts)
    write(
        sa.update(EVENTS)
        .where(EVENTS.c.key == sa.bindparam("event_key"))
        .values(attempt_number=sa.bindparam("new_number")),
        numbers,
    )
    write(
        sa.update(CALLS)
        .where(CALLS.c.key == sa.bindparam("call_key"))
        .values(attempts=sa.bindparam("new_attempts"), answered_at=sa.bindparam("new_answered_at")),
        changes,
    )


def write(statement: Any, rows: list[dict[str, Any]]) -> None:
    """Execute a statement for each row."""
    if rows:
        op.get_bind().execute(statement, rows)


def next_batches(last: int) -> list[int]:
    """Return the keys of the next batches with a call that was tried and then canceled."""
    canceled = sa.select(CALLS.c.batch_key).where(CALLS.c.status == "canceled", CALLS.c.attempts > 0)
    following = canceled.where(CALLS.c.batch_key > last).distinct().order_by(CALLS.c.batch_key).limit(ROWS_PER_COMMIT)
    return list(op.get_bind().execute(following).scalars())


def count_called(keys: Iterable[int]) -> None:
    """Count the called calls of these batches."""
    called = sa.or_(CALLS.c.status.not_in(("pending", "canceled")), CALLS.c.attempts > 0)
    count = sa.select(sa.func.count()).where(CALLS.c.batch_key == BATCHES.c.key, called).scalar_subquery()
    op.get_bind().execute(sa.update(BATCHES).where(BATCHES.c.key.in_(list(keys))).values(calls_called=count))


def downgrade() -> None:
    pass
