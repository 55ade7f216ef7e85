"""Number the calls of each batch, and count them per status, per minute and hour of the answer, and in spans.

Only adds (expand). The triggers number and count the calls of the release before this one, too. 0016b to 0016e fill the
columns and tables for existing calls.

Revision ID: 0016
"""

import sqlalchemy as sa
from alembic import op

from portal.calls import derived
from portal.db.schema_changes import lock_tables

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
POSITION = sa.String(40).with_variant(sa.String(40, collation="C"), "postgresql")
STATUSES = (
    "pending", "dialing", "in_progress", "completed", "dropped", "no_answer", "busy", "failed", "canceled",
)  # fmt: skip
LONG = sa.text("calls > 4096")


def upgrade() -> None:
    lock_tables("batches", "calls")
    op.add_column("calls", sa.Column("number", sa.Integer))
    create_counts("call_counts", sa.Column("status", sa.String(20)), sa.Column("held_for", sa.String(20)))
    create_counts(
        "call_answers",
        sa.Column("length", sa.Integer, autoincrement=False),
        sa.Column("number", sa.BigInteger, autoincrement=False),
    )
    op.create_table(
        "call_text_versions",
        sa.Column("batch_key", KEY, nullable=False, autoincrement=False),
        sa.Column("version", KEY, nullable=False),
        sa.PrimaryKeyConstraint("batch_key", name="pk_call_text_versions"),
        batch_reference("call_text_versions"),
    )
    op.create_table(
        "call_spans",
        sa.Column("key", KEY, nullable=False),
        sa.Column("batch_key", KEY, nullable=False),
        sa.Column("sort", sa.String(20), nullable=False),
        sa.Column("first", POSITION, nullable=False),
        sa.Column("calls", sa.Integer, nullable=False, server_default="0"),
        *(sa.Column(status, sa.Integer, nullable=False, server_default="0") for status in STATUSES),
        sa.PrimaryKeyConstraint("key", name="pk_call_spans"),
        sa.UniqueConstraint("batch_key", "sort", "first", name="uq_call_spans_batch_key_sort_first"),
        batch_reference("call_spans"),
    )
    op.create_index("ix_call_spans_long", "call_spans", ["batch_key"], sqlite_where=LONG, postgresql_where=LONG)
    derived.install_triggers(op.get_bind())


def batch_reference(table: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_batch_key"
    return sa.ForeignKeyConstraint(["batch_key"], ["batches.key"], name=name, ondelete="CASCADE")


def create_counts(table: str, *key_columns: sa.Column) -> None:
    """Create a table of numbers of calls per batch and key columns."""
    op.create_table(
        table,
        sa.Column("batch_key", KEY, nullable=False, autoincrement=False),
        *key_columns,
        sa.Column("calls", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("batch_key", *(column.name for column in key_columns), name=f"pk_{table}"),
        batch_reference(table),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    lock_tables("batches", "calls")
    derived.remove_triggers(op.get_bind())
    for table in ("call_spans", "call_text_versions", "call_answers", "call_counts"):
        op.drop_table(table)
    op.drop_column("calls", "number")
