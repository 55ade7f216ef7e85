"""Index deleted batches, so that lists of them read only these.

Revision ID: 0009
"""

import sqlalchemy as sa
from alembic import op

from portal.batches.derived.sqlite import SET_STATISTICS
from portal.db.schema_changes import create_index

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

DELETED = sa.text("deleted_at IS NOT NULL")


def upgrade() -> None:
    create_index(
        "ix_batches_deleted",
        "batches",
        ["owner_key", "created_at", "id"],
        sqlite_where=DELETED,
        postgresql_where=DELETED,
    )
    if op.get_bind().dialect.name == "sqlite":
        for statement in SET_STATISTICS:
            op.execute(statement)


def downgrade() -> None:
    op.drop_index("ix_batches_deleted", "batches")
