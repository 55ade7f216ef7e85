"""Add trunks, caller numbers, and do-not-call lists.

Only adds tables (expand): the release before this one does not use them.

Revision ID: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PUBLIC_ID = sa.String(24).with_variant(sa.String(24, collation="C"), "postgresql")
SOURCE = sa.String(100).with_variant(sa.String(100, collation="C"), "postgresql")


def upgrade() -> None:
    create_trunks()
    create_caller_numbers()
    create_suppressions()


def create_trunks() -> None:
    op.create_table(
        "trunks",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", PUBLIC_ID, nullable=False),
        sa.Column("owner_key", KEY, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("address", sa.String(500), nullable=False),
        sa.Column("secret", sa.Text),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("lines", sa.Integer, nullable=False),
        sa.Column("per_second", sa.Float, nullable=False),
        sa.Column("ring_seconds", sa.Integer, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("next_at", sa.BigInteger),
        sa.Column("heard_at", sa.BigInteger),
        sa.Column("trouble", sa.Text, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("key", name="pk_trunks"),
        sa.UniqueConstraint("id", name="uq_trunks_id"),
        sa.ForeignKeyConstraint(["owner_key"], ["users.key"], name="fk_trunks_owner_key"),
        sa.CheckConstraint("lines > 0", name=op.f("ck_trunks_lines_positive")),
        sa.CheckConstraint("per_second > 0", name=op.f("ck_trunks_rate_positive")),
        sa.CheckConstraint("ring_seconds >= 15", name=op.f("ck_trunks_rings_long_enough")),
    )
    op.create_index("ix_trunks_owner_key", "trunks", ["owner_key"])


def create_caller_numbers() -> None:
    op.create_table(
        "caller_numbers",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", PUBLIC_ID, nullable=False),
        sa.Column("owner_key", KEY, nullable=False),
        sa.Column("phone_number", sa.String(16), nullable=False),
        sa.Column("label", sa.String(100), nullable=False),
        sa.Column("trunk_key", KEY),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_caller_numbers"),
        sa.UniqueConstraint("id", name="uq_caller_numbers_id"),
        sa.UniqueConstraint("owner_key", "phone_number", name="uq_caller_numbers_owner_key_phone_number"),
        sa.ForeignKeyConstraint(["owner_key"], ["users.key"], name="fk_caller_numbers_owner_key"),
        sa.ForeignKeyConstraint(["trunk_key"], ["trunks.key"], name="fk_caller_numbers_trunk_key"),
    )
    op.create_index("ix_caller_numbers_trunk_key", "caller_numbers", ["trunk_key"])


def create_suppressions() -> None:
    op.create_table(
        "suppression_lists",
        sa.Column("key", KEY, nullable=False),
        sa.Column("owner_key", KEY, nullable=False),
        sa.Column("source", SOURCE, nullable=False),
        sa.Column("loaded_at", sa.BigInteger, nullable=False),
        sa.Column("valid_days", sa.Integer),
        sa.PrimaryKeyConstraint("key", name="pk_suppression_lists"),
        sa.UniqueConstraint("owner_key", "source", name="uq_suppression_lists_owner_key_source"),
        sa.ForeignKeyConstraint(["owner_key"], ["users.key"], name="fk_suppression_lists_owner_key"),
        sa.CheckConstraint("valid_days > 0", name=op.f("ck_suppression_lists_days_positive")),
    )
    op.create_table(
        "suppressions",
        sa.Column("key", KEY, nullable=False),
        sa.Column("owner_key", KEY, nullable=False),
        sa.Column("list_key", KEY, nullable=False),
        sa.Column("phone_number", sa.String(16), nullable=False),
        sa.Column("added_at", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger),
        sa.PrimaryKeyConstraint("key", name="pk_suppressions"),
        sa.UniqueConstraint(
            "owner_key", "phone_number", "list_key", name="uq_suppressions_owner_key_phone_number_list_key"
        ),
        sa.ForeignKeyConstraint(["owner_key"], ["users.key"], name="fk_suppressions_owner_key"),
        sa.ForeignKeyConstraint(
            ["list_key"], ["suppression_lists.key"], name="fk_suppressions_list_key", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_suppressions_owner_key_key", "suppressions", ["owner_key", "key"])
    op.create_index("ix_suppressions_list_key", "suppressions", ["list_key"])


def downgrade() -> None:
    for table in ("suppressions", "suppression_lists", "caller_numbers", "trunks"):
        op.drop_table(table)
