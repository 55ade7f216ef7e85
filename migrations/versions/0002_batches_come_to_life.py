"""Batch settings, call events, uploads, and the log of batch changes.

0002b fills `calls.search_text` in small transactions: in this one it would block other writers for too long.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MILLIS = sa.BigInteger()
STATUSES = (
    "status IN ('pending', 'dialing', 'in-progress', 'completed', 'dropped', 'no-answer', 'busy', 'failed', 'canceled')"
)


def bytewise(length: int) -> sa.String:
    """Return a text type that sorts by code point on both databases."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("users", sa.Column("region", sa.String(2), nullable=False, server_default=""))
    op.add_column("batches", sa.Column("settings", sa.JSON, nullable=False, server_default="{}"))
    op.add_column("calls", sa.Column("search_text", sa.Text, nullable=False, server_default=""))
    create_call_events()
    create_changes()
    create_uploads()


def create_call_events() -> None:
    op.create_table(
        "call_events",
        sa.Column("key", KEY, nullable=False),
        sa.Column("owner_key", KEY, nullable=False),
        sa.Column("event_id", bytewise(200), nullable=False),
        sa.Column("call_key", KEY, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("duration_seconds", sa.Integer, nullable=False),
        sa.Column("recording_url", sa.Text, nullable=False),
        sa.Column("transcript", sa.Text, nullable=False),
        sa.Column("occurred_at", MILLIS, nullable=False),
        sa.Column("received_at", MILLIS, nullable=False),
        sa.Column("token_key", KEY),
        sa.PrimaryKeyConstraint("key", name="pk_call_events"),
        sa.UniqueConstraint("owner_key", "event_id", name="uq_call_events_owner_key_event_id"),
        sa.ForeignKeyConstraint(["owner_key"], ["users.key"], name="fk_call_events_owner_key"),
        sa.ForeignKeyConstraint(["call_key"], ["calls.key"], name="fk_call_events_call_key", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["token_key"], ["tokens.key"], name="fk_call_events_token_key"),
        sa.CheckConstraint(STATUSES, name="ck_call_events_status_known"),
        sa.CheckConstraint("duration_seconds >= 0", name="ck_call_events_duration_positive"),
    )
    op.create_index("ix_call_events_call_key_occurred_at", "call_events", ["call_key", "occurred_at"])


def create_changes() -> None:
    op.create_table(
        "changes",
        sa.Column("key", KEY, nullable=False),
        sa.Column("batch_key", KEY, nullable=False),
        sa.Column("at", MILLIS, nullable=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("token_key", KEY),
        sa.Column("way", sa.String(20), nullable=False),
        sa.Column("what", sa.String(20), nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_changes"),
        sa.ForeignKeyConstraint(["batch_key"], ["batches.key"], name="fk_changes_batch_key", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_key"], ["users.key"], name="fk_changes_user_key"),
        sa.ForeignKeyConstraint(["token_key"], ["tokens.key"], name="fk_changes_token_key"),
        sa.CheckConstraint("way IN ('page', 'api', 'command')", name="ck_changes_way_known"),
        sa.CheckConstraint(
            "what IN ('created', 'filled', 'status', 'renamed', 'deleted', 'restored')", name="ck_changes_what_known"
        ),
    )
    op.create_index("ix_changes_batch_key_key", "changes", ["batch_key", "key"])
    for statement in KEEP_CHANGES[op.get_bind().dialect.name]:
        op.execute(statement)


# The log is append-only.
KEEP_CHANGES = {
    "sqlite": (
        "CREATE TRIGGER changes_stay BEFORE UPDATE ON changes"
        " BEGIN SELECT RAISE(ABORT, 'changes are never altered'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION changes_stay() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN RAISE EXCEPTION 'changes are never altered'; END$$",
        "CREATE TRIGGER changes_stay BEFORE UPDATE ON changes FOR EACH STATEMENT EXECUTE FUNCTION changes_stay()",
    ),
}


def create_uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", bytewise(24), nullable=False),
        sa.Column("owner_key", KEY, nullable=False),
        sa.Column("file_name", sa.String(255), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("created_at", MILLIS, nullable=False),
        sa.Column("content", sa.LargeBinary),
        sa.Column("choices", sa.JSON, nullable=False),
        sa.Column("report", sa.JSON, nullable=False),
        sa.Column("batch_key", KEY),
        sa.PrimaryKeyConstraint("key", name="pk_uploads"),
        sa.UniqueConstraint("id", name="uq_uploads_id"),
        sa.ForeignKeyConstraint(["owner_key"], ["users.key"], name="fk_uploads_owner_key"),
        sa.ForeignKeyConstraint(["batch_key"], ["batches.key"], name="fk_uploads_batch_key", ondelete="SET NULL"),
        sa.CheckConstraint("size > 0", name="ck_uploads_not_empty"),
    )
    op.create_index("ix_uploads_owner_key_sha256", "uploads", ["owner_key", "sha256"])
    op.create_index("ix_uploads_batch_key", "uploads", ["batch_key"])


def downgrade() -> None:
    for table in ("uploads", "changes", "call_events"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION changes_stay")
    for table, column in (("calls", "search_text"), ("batches", "settings"), ("users", "region")):
        op.drop_column(table, column)
