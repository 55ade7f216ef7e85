"""Count the ended attempts of each batch by number and outcome.

Adds a table and the triggers that maintain it (expand): the release before this one writes no attempts. 0013c counts
the attempts of earlier migrations.

Revision ID: 0013b
"""

import sqlalchemy as sa
from alembic import op

from portal.db.schema_changes import lock_tables

revision = "0013b"
down_revision = "0013"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

ADD = """
    INSERT INTO attempt_counts (batch_key, number, outcome, by_machine, attempts)
    SELECT batch_key, NEW.number, NEW.outcome, COALESCE(NEW.answered_by = 'machine', FALSE), 1
    FROM calls WHERE key = NEW.call_key AND NEW.outcome IS NOT NULL
    ON CONFLICT (batch_key, number, outcome, by_machine) DO UPDATE SET attempts = attempt_counts.attempts + 1;
"""
# Without an effect on the counts of a batch that is being purged: its calls are gone.
DROP = """
    UPDATE attempt_counts SET attempts = attempts - 1
    WHERE batch_key = (SELECT batch_key FROM calls WHERE key = OLD.call_key) AND number = OLD.number
    AND outcome = OLD.outcome AND by_machine = COALESCE(OLD.answered_by = 'machine', FALSE);
"""
IS_CHANGED = "OLD.outcome {other} NEW.outcome OR OLD.answered_by {other} NEW.answered_by"
TRIGGERS = {
    "attempts_counted": ("INSERT", "NEW.outcome IS NOT NULL", ADD),
    "attempts_recounted": ("UPDATE OF outcome, answered_by", IS_CHANGED, DROP + ADD),
    "attempts_uncounted": ("DELETE", "OLD.outcome IS NOT NULL", DROP),
}


def upgrade() -> None:
    lock_tables("batches", "attempts")
    op.create_table(
        "attempt_counts",
        sa.Column("batch_key", KEY, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("by_machine", sa.Boolean, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("batch_key", "number", "outcome", "by_machine", name="pk_attempt_counts"),
        sa.ForeignKeyConstraint(["batch_key"], ["batches.key"], name="fk_attempt_counts_batch_key", ondelete="CASCADE"),
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name, (event, condition, body) in TRIGGERS.items():
        condition = condition.format(other="IS NOT" if is_sqlite else "IS DISTINCT FROM")
        trigger = f"CREATE TRIGGER {name} AFTER {event} ON attempts FOR EACH ROW WHEN ({condition})"
        if is_sqlite:
            op.execute(f"{trigger} BEGIN {body} END")
        else:
            op.execute(
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$"
            )
            op.execute(f"{trigger} EXECUTE FUNCTION {name}()")


def downgrade() -> None:
    lock_tables("batches", "attempts")
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for name in TRIGGERS:
        op.execute(f"DROP TRIGGER {name}" if is_sqlite else f"DROP TRIGGER {name} ON attempts")
        if not is_sqlite:
            op.execute(f"DROP FUNCTION {name}")
    op.drop_table("attempt_counts")
