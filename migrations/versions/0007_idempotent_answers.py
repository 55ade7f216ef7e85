"""Add the answers to requests with an Idempotency-Key.

Only adds (expand): the release before this one does not use the table.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "idempotent_answers",
        sa.Column("token_key", KEY, nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("token_key", "key_hash", name="pk_idempotent_answers"),
        sa.ForeignKeyConstraint(
            ["token_key"], ["tokens.key"], name="fk_idempotent_answers_token_key", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_idempotent_answers_expires_at", "idempotent_answers", ["expires_at"])


def downgrade() -> None:
    op.drop_table("idempotent_answers")
