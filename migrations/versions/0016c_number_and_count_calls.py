"""Number and count the calls that are older than 0016.

This changes only rows, in small transactions: other writers do not wait long, and an interrupted run can be continued.
Calls that the release before adds meanwhile to a batch that is not numbered yet are numbered here, too.

Revision ID: 0016c
"""

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

from portal.calls import derived
from portal.db.schema_changes import ROWS_PER_COMMIT, commit_progress

revision = "0016c"
down_revision = "0016b"
branch_labels = None
depends_on = None

OWNER_SHIFT = 32
CALLS_PER_COMMIT = 20_000  # that are counted; a larger batch is counted alone

LISTS = sa.table("batch_lists", sa.column("owner_key"), sa.column("next_number"))
CALLS = sa.table("calls", sa.column("key"), sa.column("batch_key"), sa.column("number"))
BATCHES = sa.table("batches", sa.column("key"), sa.column("total_calls"))
# Continues after the highest number of each batch, in the order of keys.
NUMBER_CALLS = """
    UPDATE calls SET number = numbered.number FROM (
        SELECT key, row_number() OVER (PARTITION BY batch_key ORDER BY key) + coalesce(
            (SELECT max(number) FROM calls numbered_before WHERE numbered_before.batch_key = missing.batch_key), 0
        ) AS number
        FROM (SELECT key, batch_key FROM calls WHERE number IS NULL AND {condition}) missing
    ) numbered
    WHERE numbered.key = calls.key"""


def upgrade() -> None:
    last = 0
    while calls := next_calls(last):
        lock_owners(call.batch_key for call in calls)
        number_calls("key BETWEEN :first AND :last", calls[0].key, calls[-1].key)
        last = calls[-1].key
        commit_progress()
    last = 0
    while keys := next_batches(last):
        # Without open transactions of the owners, no call is left out.
        lock_owners(keys)
        number_calls("batch_key BETWEEN :first AND :last", keys[0], keys[-1])
        derived.recount_batches(op.get_bind(), keys[0], keys[-1])
        last = keys[-1]
        commit_progress()


def next_calls(last: int) -> list[sa.Row]:
    """Return the next calls without a number, by key."""
    missing = sa.select(CALLS.c.key, CALLS.c.batch_key).where(CALLS.c.key > last, CALLS.c.number.is_(None))
    return list(op.get_bind().execute(missing.order_by(CALLS.c.key).limit(ROWS_PER_COMMIT)))


def lock_owners(batch_keys: Iterable[int]) -> None:
    """Lock the owners of these batches, as every writer does first."""
    owners = sorted({key >> OWNER_SHIFT for key in batch_keys})
    lock = sa.update(LISTS).where(LISTS.c.owner_key.in_(owners)).values(next_number=LISTS.c.next_number)
    op.get_bind().execute(lock)


def number_calls(condition: str, first: int, last: int) -> None:
    """Number the calls without a number that meet the condition."""
    op.get_bind().execute(sa.text(NUMBER_CALLS.format(condition=condition)), {"first": first, "last": last})


def next_batches(last: int) -> list[int]:
    """Return the keys of the next batches, with so many calls that counting them takes no long time."""
    statement = sa.select(BATCHES).where(BATCHES.c.key > last).order_by(BATCHES.c.key).limit(ROWS_PER_COMMIT)
    keys: list[int] = []
    calls = 0
    for batch in op.get_bind().execute(statement):
        calls += batch.total_calls
        if keys and calls > CALLS_PER_COMMIT:
            break
        keys.append(batch.key)
    return keys


def downgrade() -> None:
    pass
