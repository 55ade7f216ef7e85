"""Server-side sessions, two-factor authentication, roles, shared counters, and the log of account events.

This only adds (expand), so the release before this one still works. Only that release reads `users.session_nonce`; a
later migration drops it (contract).

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002b"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MILLIS = sa.BigInteger()
WHAT = (
    "what IN ('added', 'changed', 'disabled', 'enabled', 'role', 'password', 'signed-in', 'sign-in-refused',"
    " 'signed-out', 'signed-out-everywhere', 'second-factor-on', 'second-factor-off', 'recovery-codes-made',"
    " 'recovery-code-used', 'identity-linked', 'token-made', 'token-revoked', 'exported')"
)


def bytewise(length: int) -> sa.String:
    """Return a text type that is compared by code point on both databases."""
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("users", sa.Column("is_admin", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("users", sa.Column("totp_secret", sa.String(255)))
    op.add_column("users", sa.Column("totp_step", sa.BigInteger))
    create_sessions()
    create_recovery_codes()
    create_identities()
    create_counters()
    create_account_events()


def create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id_hash", bytewise(64), nullable=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("created_at", MILLIS, nullable=False),
        sa.Column("seen_at", MILLIS, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_sessions"),
        sa.UniqueConstraint("id_hash", name="uq_sessions_id_hash"),
        sa.ForeignKeyConstraint(["user_key"], ["users.key"], name="fk_sessions_user_key", ondelete="CASCADE"),
    )
    op.create_index("ix_sessions_user_key", "sessions", ["user_key"])


def create_recovery_codes() -> None:
    op.create_table(
        "recovery_codes",
        sa.Column("key", KEY, nullable=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("code_hash", bytewise(64), nullable=False),
        sa.Column("used_at", MILLIS),
        sa.PrimaryKeyConstraint("key", name="pk_recovery_codes"),
        sa.UniqueConstraint("user_key", "code_hash", name="uq_recovery_codes_user_key_code_hash"),
        sa.ForeignKeyConstraint(["user_key"], ["users.key"], name="fk_recovery_codes_user_key", ondelete="CASCADE"),
    )


def create_identities() -> None:
    op.create_table(
        "identities",
        sa.Column("key", KEY, nullable=False),
        sa.Column("user_key", KEY, nullable=False),
        sa.Column("issuer", bytewise(255), nullable=False),
        sa.Column("subject", bytewise(255), nullable=False),
        sa.Column("created_at", MILLIS, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_identities"),
        sa.UniqueConstraint("issuer", "subject", name="uq_identities_issuer_subject"),
        sa.ForeignKeyConstraint(["user_key"], ["users.key"], name="fk_identities_user_key", ondelete="CASCADE"),
    )
    op.create_index("ix_identities_user_key", "identities", ["user_key"])


def create_counters() -> None:
    op.create_table(
        "counters",
        sa.Column("bucket", bytewise(80), nullable=False),
        sa.Column("ends_at", MILLIS, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("bucket", name="pk_counters"),
    )
    op.create_index("ix_counters_ends_at", "counters", ["ends_at"])


def create_account_events() -> None:
    op.create_table(
        "account_events",
        sa.Column("key", KEY, nullable=False),
        sa.Column("at", MILLIS, nullable=False),
        sa.Column("subject_key", KEY),
        sa.Column("actor_key", KEY),
        sa.Column("token_key", KEY),
        sa.Column("way", sa.String(20), nullable=False),
        sa.Column("what", sa.String(30), nullable=False),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_account_events"),
        sa.ForeignKeyConstraint(["subject_key"], ["users.key"], name="fk_account_events_subject_key"),
        sa.ForeignKeyConstraint(["actor_key"], ["users.key"], name="fk_account_events_actor_key"),
        sa.ForeignKeyConstraint(["token_key"], ["tokens.key"], name="fk_account_events_token_key"),
        sa.CheckConstraint("way IN ('page', 'api', 'command')", name="ck_account_events_way_known"),
        sa.CheckConstraint(WHAT, name="ck_account_events_what_known"),
    )
    op.create_index("ix_account_events_subject_key_key", "account_events", ["subject_key", "key"])
    op.create_index("ix_account_events_at", "account_events", ["at"])
    for statement in KEEP_EVENTS[op.get_bind().dialect.name]:
        op.execute(statement)


# The log is append-only.
KEEP_EVENTS = {
    "sqlite": (
        "CREATE TRIGGER account_events_stay BEFORE UPDATE ON account_events"
        " BEGIN SELECT RAISE(ABORT, 'account events are never altered'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION account_events_stay() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN RAISE EXCEPTION 'account events are never altered'; END$$",
        "CREATE TRIGGER account_events_stay BEFORE UPDATE ON account_events"
        " FOR EACH STATEMENT EXECUTE FUNCTION account_events_stay()",
    ),
}


def downgrade() -> None:
    for table in ("account_events", "counters", "identities", "recovery_codes", "sessions"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION account_events_stay")
    for column in ("totp_step", "totp_secret", "is_admin"):
        op.drop_column("users", column)
