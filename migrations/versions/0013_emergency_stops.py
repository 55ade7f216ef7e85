"""Add emergency stops.

Only adds a table (expand): the release before this one takes no calls.

Revision ID: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012b"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "emergency_stops",
        sa.Column("owner_key", KEY, autoincrement=False, nullable=False),
        sa.Column("stopped_at", sa.BigInteger, nullable=False),
        sa.Column("by_key", KEY),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("owner_key", name="pk_emergency_stops"),
        sa.ForeignKeyConstraint(["by_key"], ["users.key"], name="fk_emergency_stops_by_key"),
    )


def downgrade() -> None:
    op.drop_table("emergency_stops")
