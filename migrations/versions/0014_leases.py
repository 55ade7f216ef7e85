"""Add the time until which an attempt is held by its dialer.

Only adds (expand): no worker of the release before this one takes calls. 0014b adds the index.

Revision ID: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013d"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("held_until", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("attempts", "held_until")
