"""Index the attempts in progress by the time until which they are held, so that those that are lost are found at once.

Revision ID: 0014b
"""

import sqlalchemy as sa
from alembic import op

from portal.db.schema_changes import create_index

revision = "0014b"
down_revision = "0014"
branch_labels = None
depends_on = None

ON_LINE = sa.text("state <> 'ended' AND worker IS NOT NULL")


def upgrade() -> None:
    create_index("ix_attempts_on_line_held", "attempts", ["held_until"], sqlite_where=ON_LINE, postgresql_where=ON_LINE)


def downgrade() -> None:
    op.drop_index("ix_attempts_on_line_held", "attempts")
