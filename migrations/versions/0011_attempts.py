"""Add attempts, when a call is due, and the attempt of each event.

Only adds (expand): the release before this one does not use them. 0011b adds the indexes of existing tables, and 0011c
gives existing calls their attempts.

That release counts calls by their statuses alone, so it would count a call again that is tried again. A trigger
corrects this. It recognizes that release by `due_at`, which this one sets to 0 when a call stops waiting. A later
release can drop the trigger.

Revision ID: 0011
"""

import sqlalchemy as sa
from alembic import op

from portal.db.schema_changes import lock_tables

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MILLIS = sa.BigInteger()
PUBLIC_ID = sa.String(24).with_variant(sa.String(24, collation="C"), "postgresql")
ON_LINE = sa.text("state <> 'ended' AND worker IS NOT NULL")
OUTCOMES = "outcome IN ('completed', 'dropped', 'no-answer', 'busy', 'failed', 'canceled')"
CALL_COLUMNS = ("answered_at", "due_at", "zone_set", "held_for")
IS_CALLED = "({row}.status NOT IN ('pending', 'canceled'))"
IS_PICKED = "({row}.status IN ('in-progress', 'completed', 'dropped'))"
BY_EARLIER_RELEASE = (
    "NEW.status <> OLD.status AND NEW.status <> 'pending' AND NEW.due_at > 0 AND OLD.due_at > 0 AND OLD.attempts > 0"
)
EVENT_COLUMNS = ("attempt_number", "names_attempt")


def upgrade() -> None:
    lock_tables("users", "trunks", "calls", "call_events")
    op.add_column("calls", sa.Column("answered_at", MILLIS))
    op.add_column("calls", sa.Column("due_at", MILLIS, nullable=False, server_default="0"))
    op.add_column("calls", sa.Column("zone_set", sa.Text, nullable=False, server_default=""))
    op.add_column("calls", sa.Column("held_for", sa.String(20)))
    op.add_column("call_events", sa.Column("attempt_number", sa.Integer))
    op.add_column("call_events", sa.Column("names_attempt", sa.Boolean, nullable=False, server_default=sa.false()))
    create_attempts()
    create_trigger(op.get_bind().dialect.name)


def create_trigger(dialect: str) -> None:
    called = count_again(IS_CALLED, dialect)
    picked = count_again(IS_PICKED, dialect)
    correction = (
        f"UPDATE batches SET calls_called = calls_called - ({called}),"  # noqa: S608 (constants)
        f" calls_picked = calls_picked - (CASE WHEN OLD.answered_at IS NULL THEN 0 ELSE {picked} END)"
        " WHERE key = NEW.batch_key;"
    )
    event = "CREATE TRIGGER calls_by_earlier_release AFTER UPDATE OF status ON calls FOR EACH ROW"
    if dialect == "sqlite":
        op.execute(f"{event} WHEN {BY_EARLIER_RELEASE} BEGIN {correction} END")
        return
    op.execute(
        "CREATE FUNCTION calls_by_earlier_release() RETURNS trigger LANGUAGE plpgsql"
        f" AS $$ BEGIN {correction} RETURN NULL; END $$"
    )
    op.execute(f"{event} WHEN ({BY_EARLIER_RELEASE}) EXECUTE FUNCTION calls_by_earlier_release()")


def count_again(condition: str, dialect: str) -> str:
    """Return by how much the release before this one changes a count."""
    number = "{}" if dialect == "sqlite" else "{}::int"
    return " - ".join(number.format(condition.format(row=row)) for row in ("NEW", "OLD"))


def create_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", PUBLIC_ID, nullable=False),
        sa.Column("owner_key", KEY, nullable=False),
        sa.Column("call_key", KEY, nullable=False),
        sa.Column("phone_number", sa.String(16), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("trunk_key", KEY),
        sa.Column("from_number", sa.String(16)),
        sa.Column("worker", sa.String(100)),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("taken_at", MILLIS),
        sa.Column("placed_at", MILLIS),
        sa.Column("answered_at", MILLIS),
        sa.Column("ended_at", MILLIS),
        sa.Column("outcome", sa.String(20)),
        sa.Column("duration_seconds", sa.Integer, nullable=False, server_default="0"),
        sa.Column("cause", sa.Integer),
        sa.Column("answered_by", sa.String(20)),
        sa.Column("lost", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("record", sa.JSON),
        sa.PrimaryKeyConstraint("key", name="pk_attempts"),
        sa.UniqueConstraint("id", name="uq_attempts_id"),
        sa.UniqueConstraint("call_key", "number", name="uq_attempts_call_key_number"),
        sa.ForeignKeyConstraint(["owner_key"], ["users.key"], name="fk_attempts_owner_key"),
        sa.ForeignKeyConstraint(["call_key"], ["calls.key"], name="fk_attempts_call_key", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["trunk_key"], ["trunks.key"], name="fk_attempts_trunk_key", ondelete="SET NULL"),
        *create_checks(),
    )
    op.create_index("ix_attempts_owner_key_phone_number", "attempts", ["owner_key", "phone_number"])
    op.create_index(
        "ix_attempts_on_line_trunk", "attempts", ["trunk_key"], sqlite_where=ON_LINE, postgresql_where=ON_LINE
    )
    op.create_index(
        "ix_attempts_on_line_number",
        "attempts",
        ["owner_key", "phone_number"],
        unique=True,
        sqlite_where=ON_LINE,
        postgresql_where=ON_LINE,
    )


def create_checks() -> list[sa.CheckConstraint]:
    conditions = {
        "state_known": "state IN ('taken', 'placed', 'ringing', 'answered', 'ended')",
        "outcome_known": OUTCOMES,
        "number_positive": "number > 0",
        "duration_positive": "duration_seconds >= 0",
        "ended_with_outcome": "(state = 'ended') = (outcome IS NOT NULL)",
        "ended_at_a_time": "(state = 'ended') = (ended_at IS NOT NULL)",
        "taken_by_worker": "worker IS NULL OR taken_at IS NOT NULL",
    }
    return [sa.CheckConstraint(text, name=op.f(f"ck_attempts_{name}")) for name, text in conditions.items()]


def downgrade() -> None:
    lock_tables("users", "trunks", "calls", "call_events", "attempts")
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER calls_by_earlier_release")
    else:
        op.execute("DROP TRIGGER calls_by_earlier_release ON calls")
        op.execute("DROP FUNCTION calls_by_earlier_release")
    op.drop_table("attempts")
    for table, columns in (("call_events", EVENT_COLUMNS), ("calls", CALL_COLUMNS)):
        for column in columns:
            op.drop_column(table, column)
