"""Write down what a search of calls looks at, for the calls that were there before 0002.

Writes rows alone, so many a transaction: nobody waits, and what was cut short goes on where it ended.

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
    while rows := some_after(last):
        last = rows[-1].key
        empty = [row for row in rows if not row.search_text]
        if empty:
            fill(empty)
            commit_progress()


def some_after(last: int) -> list[sa.Row]:
    """The next calls by their keys."""
    page = sa.select(CALLS.c.key, CALLS.c.phone_number, CALLS.c.fields, CALLS.c.search_text)
    return list(op.get_bind().execute(page.where(CALLS.c.key > last).order_by(CALLS.c.key).limit(ROWS_PER_COMMIT)).all())


def fill(rows: list[sa.Row]) -> None:
    """Only where nobody else has written it meanwhile: a call that changes gets it from the portal."""
    statement = sa.update(CALLS).where(CALLS.c.key == sa.bindparam("which"), CALLS.c.search_text == "")
    told = [{"which": row.key, "told": search_text(row.phone_number, row.fields)} for row in rows]
    op.get_bind().execute(statement.values(search_text=sa.bindparam("told")), told)


def downgrade() -> None:
    pass
