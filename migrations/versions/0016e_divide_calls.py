"""Divide the calls of large batches into spans.

This changes only rows, one batch per transaction, and an interrupted run can be continued.

Revision ID: 0016e
"""

import sqlalchemy as sa
from alembic import op

from portal.calls import derived
from portal.calls.derived import spans
from portal.db.schema_changes import commit_progress

revision = "0016e"
down_revision = "0016d"
branch_labels = None
depends_on = None

OWNER_SHIFT = 32
LISTS = sa.table("batch_lists", sa.column("owner_key"), sa.column("next_number"))


def upgrade() -> None:
    for batch_key in spans.large_batches(op.get_bind()):
        owner = LISTS.c.owner_key == batch_key >> OWNER_SHIFT
        op.get_bind().execute(sa.update(LISTS).where(owner).values(next_number=LISTS.c.next_number))
        derived.divide_calls(op.get_bind(), [batch_key])
        commit_progress()


def downgrade() -> None:
    op.execute("DELETE FROM call_spans")
