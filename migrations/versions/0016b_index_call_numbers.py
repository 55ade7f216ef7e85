"""Index the numbers of calls, before 0016c sets them.

Revision ID: 0016b
"""

from alembic import op

from portal.db.schema_changes import create_index

revision = "0016b"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_index("ix_calls_number", "calls", ["batch_key", "number"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_calls_number", "calls")
