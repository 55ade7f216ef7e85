"""Index the attempts that workers took by their time, so that the rate of a batch is measured at once.

Revision ID: 0013d
"""

import sqlalchemy as sa
from alembic import op

from portal.db.schema_changes import create_index

revision = "0013d"
down_revision = "0013c"
branch_labels = None
depends_on = None

BY_WORKER = sa.text("worker IS NOT NULL")


def upgrade() -> None:
    create_index(
        "ix_attempts_taken",
        "attempts",
        ["owner_key", "taken_at"],
        sqlite_where=BY_WORKER,
        postgresql_where=BY_WORKER,
    )


def downgrade() -> None:
    op.drop_index("ix_attempts_taken", "attempts")
