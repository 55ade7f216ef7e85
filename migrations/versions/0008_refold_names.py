"""Fold the names of batches and the search texts of calls by the rules of this release (portal/text.py).

This changes only rows, in small transactions: other writers do not wait long, and an interrupted run can be continued.
The release before this one runs on it: it reads both columns as they are, and finds names by its own folding of a
search, which differs only for characters outside ASCII and for repeated white space.

Revision ID: 0008
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from portal.db.schema_changes import ROWS_PER_COMMIT, commit_progress
from portal.models.base import OWNER_SHIFT
from portal.models.batch import fold_name
from portal.models.call import search_text

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BATCHES = sa.table(
    "batches", sa.column("key", sa.BigInteger), sa.column("name", sa.String), sa.column("name_folded", sa.String)
)
CALLS = sa.table(
    "calls",
    sa.column("key", sa.BigInteger),
    sa.column("batch_key", sa.BigInteger),
    sa.column("phone_number", sa.String),
    sa.column("fields", sa.JSON),
    sa.column("search_text", sa.Text),
)
LISTS = sa.table("batch_lists", sa.column("owner_key", sa.BigInteger))


def upgrade() -> None:
    refold(BATCHES, BATCHES.c.name_folded, lambda row: fold_name(row.name), lambda row: row.key)
    refold(CALLS, CALLS.c.search_text, lambda row: search_text(row.phone_number, row.fields), lambda row: row.batch_key)


def refold(table: Any, column: Any, fold_row: Callable[[sa.Row], str], batch_key: Callable[[sa.Row], int]) -> None:
    """Correct the column in all rows that differ from `fold_row`.

    The lists of the owners are locked before the rows are read again, as each writer does (see lock_batch_list), so
    that no change of a batch or call in the meantime is overwritten.
    """

    def find_outdated(rows: Iterable[sa.Row]) -> list[sa.Row]:
        return [row for row in rows if getattr(row, column.name) != fold_row(row)]

    for rows in read_chunks(table):
        outdated = find_outdated(rows)
        if not outdated:
            continue
        owners = {batch_key(row) >> OWNER_SHIFT for row in outdated}
        locked = sa.select(LISTS).where(LISTS.c.owner_key.in_(owners)).order_by(LISTS.c.owner_key)
        op.get_bind().execute(locked.with_for_update())
        current = sa.select(table).where(table.c.key.in_([row.key for row in outdated]))
        values = [
            {"row_key": row.key, "folded": fold_row(row)} for row in find_outdated(op.get_bind().execute(current))
        ]
        if values:
            statement = sa.update(table).where(table.c.key == sa.bindparam("row_key"))
            op.get_bind().execute(statement.values({column.name: sa.bindparam("folded")}), values)
        commit_progress()


def read_chunks(table: Any) -> Iterator[list[sa.Row]]:
    """Yield all rows of a table, by key."""
    last = 0
    page = sa.select(table).order_by(table.c.key).limit(ROWS_PER_COMMIT)
    while rows := list(op.get_bind().execute(page.where(table.c.key > last)).all()):
        last = rows[-1].key
        yield rows


def downgrade() -> None:
    """Keep the texts: the release before this one reads them, too."""
