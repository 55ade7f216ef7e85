"""Fill `calls.search_text` for the calls that are older than 0002.

This changes only rows, in small transactions: other writers do not wait long, and an interrupted run can be continued.

Revision ID: 0002b
"""

import sqlalchemy as sa
from alembic import op

from portal.db.schema_changes import ROWS_PER_COMMIT, commit_progress
from portal.models.call import search_text

revision = "0002b"
down_revision = "0002"
branch_labels = None
depends_on = None

CALLS = sa.table(
    "calls",
    sa.column("key", sa.BigInteger),
    sa.column("phone_number", sa.String),
    sa.column("fields", sa.JSON),
    sa.column("search_text", sa.Text),
)


def upgrade() -> None:
    last = 0
    while rows := next_calls(last):
        last = rows[-1].key
        empty = [row for row in rows if not row.search_text]
        if empty:
            fill(empty)
            commit_progress()


def next_calls(last: int) -> list[sa.Row]:
    """Return the next calls by key."""
    columns = sa.select(CALLS.c.key, CALLS.c.phone_number, CALLS.c.fields, CALLS.c.search_text)
    page = columns.where(CALLS.c.key > last).order_by(CALLS.c.key).limit(ROWS_PER_COMMIT)
    return list(op.get_bind().execute(page).all())


def fill(rows: list[sa.Row]) -> None:
    """Fill the texts that are still empty: the portal itself fills those of calls that it changes."""
    statement = sa.update(CALLS).where(CALLS.c.key == sa.bindparam("call_key"), CALLS.c.search_text == "")
    values = [{"call_key": row.key, "new_text": search_text(row.phone_number, row.fields)} for row in rows]
    op.get_bind().execute(statement.values(search_text=sa.bindparam("new_text")), values)


def downgrade() -> None:
    pass
