"""Index the calls that are due, and the events that belong to no attempt yet.

Revision ID: 0011b
"""

import sqlalchemy as sa
from alembic import op

from portal.db.schema_changes import create_index

revision = "0011b"
down_revision = "0011"
branch_labels = None
depends_on = None

PENDING = sa.text("status = 'pending'")
NOT_DIVIDED = sa.text("attempt_number IS NULL")


def upgrade() -> None:
    create_index(
        "ix_calls_due", "calls", ["batch_key", "due_at", "key"], sqlite_where=PENDING, postgresql_where=PENDING
    )
    create_index(
        "ix_call_events_not_divided",
        "call_events",
        ["call_key"],
        sqlite_where=NOT_DIVIDED,
        postgresql_where=NOT_DIVIDED,
    )


def downgrade() -> None:
    op.drop_index("ix_call_events_not_divided", "call_events")
    op.drop_index("ix_calls_due", "calls")
