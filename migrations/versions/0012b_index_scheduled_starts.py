"""Index the batches with a scheduled start, so that those that are due are found at once.

Revision ID: 0012b
"""

import sqlalchemy as sa
from alembic import op

from portal.db.schema_changes import create_index

revision = "0012b"
down_revision = "0012"
branch_labels = None
depends_on = None

SCHEDULED = sa.text("deleted_at IS NULL AND starts_at IS NOT NULL")


def upgrade() -> None:
    create_index(
        "ix_batches_starts",
        "batches",
        ["owner_key", "starts_at"],
        sqlite_where=SCHEDULED,
        postgresql_where=SCHEDULED,
    )


def downgrade() -> None:
    op.drop_index("ix_batches_starts", "batches")
