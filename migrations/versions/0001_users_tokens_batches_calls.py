"""Users, tokens, batches, calls, and the data derived from batches: versions, counts, an index of names.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

from portal.batches import derived

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MILLIS = sa.BigInteger()
LIVE = sa.text("deleted_at IS NULL")


def bytewise(length: int) -> sa.String:
    """Return a text type that sorts by code point on both databases."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def counts() -> list[sa.Column]:
    """Return the columns with the number of live batches of each status."""
    words = ("active", "paused", "pending", "stopped", "completed")
    return [sa.Column(word, sa.Integer, nullable=False, server_default="0") for word in words]


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", bytewise(24), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("email_folded", sa.String(762), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("session_nonce", sa.String(32), nullable=False),
        sa.Column("created_at", MILLIS, nullable=False),
        sa.Column("disabled_at", MILLIS),
        sa.PrimaryKeyConstraint("key", name="pk_users"),
        sa.UniqueConstraint("id", name="uq_users_id"),
        sa.UniqueConstraint("email_folded", name="uq_users_email_folded"),
    )
    op.create_table(
        "batch_lists",
        sa.Column("owner_key", KEY, autoincrement=False, nullable=False),
        sa.Column("version", KEY, nullable=False),
        sa.Column("next_number", KEY, nullable=False),
        *counts(),
        sa.PrimaryKeyConstraint("owner_key", name="pk_batch_lists"),
        sa.ForeignKeyConstraint(["owner_key"], ["users.key"], name="fk_batch_lists_owner_key"),
    )
    op.create_table(
        "batch_counts",
        sa.Column("owner_key", KEY, autoincrement=False, nullable=False),
        sa.Column("bits", sa.SmallInteger, autoincrement=False, nullable=False),
        sa.Column("number", MILLIS, autoincrement=False, nullable=False),
        *counts(),
        sa.PrimaryKeyConstraint("owner_key", "bits", "number", name="pk_batch_counts"),
        sa.ForeignKeyConstraint(["owner_key"], ["users.key"], name="fk_batch_counts_owner_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tokens",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", bytewise(24), nullable=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("scopes", sa.String(20), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("created_at", MILLIS, nullable=False),
        sa.Column("expires_at", MILLIS),
        sa.Column("last_used_at", MILLIS),
        sa.Column("revoked_at", MILLIS),
        sa.PrimaryKeyConstraint("key", name="pk_tokens"),
        sa.UniqueConstraint("id", name="uq_tokens_id"),
        sa.ForeignKeyConstraint(["user_key"], ["users.key"], name="fk_tokens_user_key"),
        sa.CheckConstraint("scopes IN ('read', 'write', 'read write')", name="ck_tokens_scopes_known"),
    )
    op.create_index("ix_tokens_user_key_created_at", "tokens", ["user_key", "created_at"])
    create_batches()
    create_calls()
    # Derived data is not frozen here: a later migration that changes it installs it again. PostgreSQL's index of names
    # is built concurrently after the migrations (derived.complete_indexes).
    derived.install_derived(op.get_bind(), name_index=op.get_bind().dialect.name == "sqlite")


def create_batches() -> None:
    op.create_table(
        "batches",
        sa.Column("key", KEY, autoincrement=False, nullable=False),
        sa.Column("id", bytewise(24), nullable=False),
        sa.Column("owner_key", KEY, nullable=False),
        sa.Column("name", bytewise(200), nullable=False),
        sa.Column("name_folded", bytewise(600), nullable=False),
        sa.Column("status", bytewise(20), nullable=False),
        sa.Column("total_calls", sa.Integer, nullable=False),
        sa.Column("calls_called", sa.Integer, nullable=False),
        sa.Column("calls_picked", sa.Integer, nullable=False),
        sa.Column("calls_completed", sa.Integer, nullable=False),
        sa.Column("created_at", MILLIS, nullable=False),
        sa.Column("updated_at", MILLIS, nullable=False),
        sa.Column("deleted_at", MILLIS),
        sa.Column("deleted_by_key", KEY),
        sa.Column("source_name", bytewise(200)),
        sa.PrimaryKeyConstraint("key", name="pk_batches"),
        sa.UniqueConstraint("id", name="uq_batches_id"),
        sa.ForeignKeyConstraint(["owner_key"], ["users.key"], name="fk_batches_owner_key"),
        sa.ForeignKeyConstraint(["deleted_by_key"], ["users.key"], name="fk_batches_deleted_by_key"),
        sa.CheckConstraint(
            "status IN ('active', 'paused', 'pending', 'stopped', 'completed')", name="ck_batches_status_known"
        ),
        sa.CheckConstraint(
            "0 <= calls_completed AND calls_completed <= calls_picked"
            " AND calls_picked <= calls_called AND calls_called <= total_calls",
            name="ck_batches_counts_agree",
        ),
        sa.CheckConstraint("(deleted_at IS NULL) = (deleted_by_key IS NULL)", name="ck_batches_deletion_signed"),
        sa.CheckConstraint("key / 4294967296 = owner_key", name="ck_batches_key_of_owner"),
        sa.CheckConstraint("length(name) > 0", name="ck_batches_named"),
    )
    for name, columns in {
        "created": ["created_at", "id"],
        "updated": ["updated_at", "id"],
        "name": ["name_folded", "id", "status", "created_at", "deleted_at"],
        "calls": ["total_calls", "id"],
        "status": ["status", "created_at", "id"],
    }.items():
        op.create_index(
            f"ix_batches_live_{name}", "batches", ["owner_key", *columns], sqlite_where=LIVE, postgresql_where=LIVE
        )
    op.create_index("ix_batches_source", "batches", ["owner_key", "source_name"], unique=True)


def create_calls() -> None:
    op.create_table(
        "calls",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", bytewise(24), nullable=False),
        sa.Column("batch_key", KEY, nullable=False),
        sa.Column("phone_number", sa.String(16), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("duration_seconds", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_event_at", MILLIS),
        sa.Column("created_at", MILLIS, nullable=False),
        sa.Column("fields", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_calls"),
        sa.UniqueConstraint("id", name="uq_calls_id"),
        sa.ForeignKeyConstraint(["batch_key"], ["batches.key"], name="fk_calls_batch_key", ondelete="CASCADE"),
        sa.CheckConstraint(
            "status IN ('pending', 'dialing', 'in-progress', 'completed', 'dropped', 'no-answer', 'busy', 'failed',"
            " 'canceled')",
            name="ck_calls_status_known",
        ),
        sa.CheckConstraint("duration_seconds >= 0", name="ck_calls_duration_positive"),
        sa.CheckConstraint("attempts >= 0", name="ck_calls_attempts_positive"),
    )
    op.create_index("ix_calls_batch_key_status", "calls", ["batch_key", "status"])
    op.create_index("ix_calls_batch_key_phone_number", "calls", ["batch_key", "phone_number"])


def downgrade() -> None:
    derived.remove_derived(op.get_bind())
    for table in ("calls", "batches", "tokens", "batch_counts", "batch_lists", "users"):
        op.drop_table(table)
