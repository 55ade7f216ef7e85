"""Count the attempts that earlier migrations recorded.

This changes only rows, a few batches per transaction, and an interrupted run can be continued.

Revision ID: 0013c
"""

import sqlalchemy as sa
from alembic import op

from portal.db.schema_changes import commit_progress

revision = "0013c"
down_revision = "0013b"
branch_labels = None
depends_on = None

BATCHES_PER_COMMIT = 20
BATCHES = sa.table("batches", sa.column("key"))
CALLS = sa.table("calls", sa.column("key"), sa.column("batch_key"))
ATTEMPTS = sa.table("attempts", *map(sa.column, ("call_key", "number", "outcome", "answered_by")))
COUNTS = sa.table("attempt_counts", *map(sa.column, ("batch_key", "number", "outcome", "by_machine", "attempts")))


def upgrade() -> None:
    last = 0
    while keys := next_batches(last):
        last = keys[-1]
        count_attempts(keys)
        commit_progress()


def next_batches(last: int) -> list[int]:
    """Return the keys of the next batches, by key."""
    following = sa.select(BATCHES.c.key).where(BATCHES.c.key > last).order_by(BATCHES.c.key)
    return list(op.get_bind().execute(following.limit(BATCHES_PER_COMMIT)).scalars())


def count_attempts(keys: list[int]) -> None:
    """Store the counts of these batches, instead of those that an interrupted run or a trigger has stored."""
    by_machine = sa.func.coalesce(ATTEMPTS.c.answered_by == "machine", sa.false())
    columns = (CALLS.c.batch_key, ATTEMPTS.c.number, ATTEMPTS.c.outcome, by_machine)
    counted = (
        sa.select(*columns, sa.func.count())
        .select_from(CALLS.join(ATTEMPTS, ATTEMPTS.c.call_key == CALLS.c.key))
        .where(CALLS.c.batch_key.in_(keys), ATTEMPTS.c.outcome.is_not(None))
        .group_by(*columns)
    )
    op.get_bind().execute(sa.delete(COUNTS).where(COUNTS.c.batch_key.in_(keys)))
    op.get_bind().execute(sa.insert(COUNTS).from_select([column.name for column in COUNTS.c], counted))


def downgrade() -> None:
    pass
