"""Add the time at which a pending batch becomes active by itself.

Only adds a column (expand): the release before this one starts batches by hand. 0012b adds its index.

Revision ID: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011c"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("batches", sa.Column("starts_at", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("batches", "starts_at")
