"""Temporary passwords, and sessions started by a sign-in provider.

This only adds (expand), so the release before this one still works. A password that it sets is not temporary.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("temporary_until", sa.BigInteger))
    op.add_column("sessions", sa.Column("by_provider", sa.Boolean, nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.drop_column("sessions", "by_provider")
    op.drop_column("users", "temporary_until")
