"""Store when the user of a session last authenticated, its ID token, and when an account's link was removed.

Only adds nullable columns: the release before this one runs on the new schema.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005b"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("confirmed_at", sa.BigInteger()))
    op.add_column("sessions", sa.Column("id_token", sa.Text()))
    op.add_column("users", sa.Column("unlinked_at", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("users", "unlinked_at")
    op.drop_column("sessions", "id_token")
    op.drop_column("sessions", "confirmed_at")
