"""SQLite: triggers that run for each row, and an FTS5 index of names, whose row ids are the keys of batches."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, column, func, select, table
from sqlalchemy.exc import DatabaseError

from portal.batches.derived.time_buckets import COARSE_BITS, COUNT_COLUMNS, FINE_BITS, STATUSES
from portal.models import Batch
from portal.models.base import OWNER_SHIFT

# The first SQLite with the trigram tokenizer.
TRIGRAM_VERSION = (3, 34)

# A new version of a list.
RANDOM_VERSION = "random()"

NAMES = table("batch_names", column("rowid"), column("batch_names"))


def live_flag(row: str, status: str) -> str:
    """Return the expression that is 1 if the row is live and has the status, else 0."""
    return f"({row}.deleted_at IS NULL AND {row}.status = '{status}')"


def count_change(status: str, *, old: bool, new: bool) -> str:
    """Return the expression for the change of the count of live batches with a status."""
    return (f"+ {live_flag('NEW', status)}" if new else "") + (f" - {live_flag('OLD', status)}" if old else "")


def update_list_sql(row: str, *, old: bool, new: bool) -> str:
    """Return the statement that updates the version and counts of the owner's list."""
    counts = ", ".join(f"{status} = {status} {count_change(status, old=old, new=new)}" for status in STATUSES)
    return f"UPDATE batch_lists SET version = {RANDOM_VERSION}, {counts} WHERE owner_key = {row}.owner_key;"


def update_buckets_sql(row: str, *, old: bool, new: bool) -> str:
    """Return the statement that updates the two buckets of the row."""
    changes = ", ".join(count_change(status, old=old, new=new) for status in STATUSES)
    values = ", ".join(
        f"({row}.owner_key, {bits}, {row}.created_at >> {bits}, {changes})" for bits in (COARSE_BITS, FINE_BITS)
    )
    added = ", ".join(f"{status} = {status} + excluded.{status}" for status in STATUSES)
    return (
        f"INSERT INTO batch_counts (owner_key, bits, number, {COUNT_COLUMNS}) VALUES {values}"
        f" ON CONFLICT (owner_key, bits, number) DO UPDATE SET {added};"
    )


COUNTED_CHANGE = "OLD.status <> NEW.status OR (OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL)"

TRIGGERS = (
    f"""CREATE TRIGGER batches_inserted AFTER INSERT ON batches BEGIN
        {update_list_sql("NEW", old=False, new=True)} {update_buckets_sql("NEW", old=False, new=True)} END""",
    f"""CREATE TRIGGER batches_removed AFTER DELETE ON batches BEGIN
        {update_list_sql("OLD", old=True, new=False)} {update_buckets_sql("OLD", old=True, new=False)} END""",
    f"""CREATE TRIGGER batches_changed AFTER UPDATE ON batches BEGIN
        {update_list_sql("NEW", old=True, new=True)} END""",
    f"""CREATE TRIGGER batches_recounted AFTER UPDATE OF status, deleted_at ON batches
        WHEN OLD.created_at = NEW.created_at AND ({COUNTED_CHANGE}) BEGIN
        {update_buckets_sql("NEW", old=True, new=True)} END""",
    f"""CREATE TRIGGER batches_redated AFTER UPDATE OF created_at ON batches
        WHEN OLD.created_at <> NEW.created_at BEGIN
        {update_buckets_sql("OLD", old=True, new=False)} {update_buckets_sql("NEW", old=False, new=True)} END""",
)

# Fixed statistics for the planner, those of an owner with an average number of batches: the rows of the table, then per
# distinct value of the first, the first two … columns. Without them it chooses wrong indexes.
STATISTICS = {
    "ix_batches_live_created": "1000000 1000 2 1",
    "ix_batches_live_updated": "1000000 1000 2 1",
    "ix_batches_live_name": "1000000 1000 2 1 1 1 1",
    "ix_batches_live_calls": "1000000 1000 5 1",
    "ix_batches_live_status": "1000000 1000 200 2 1",
    "ix_batches_deleted": "100000 100 2 1",
    "ix_batches_source": "1000000 100000 1",
}
SET_STATISTICS = (
    "ANALYZE sqlite_schema",
    *(f"DELETE FROM sqlite_stat1 WHERE idx = '{index}'" for index in STATISTICS),
    *(f"INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('batches', '{i}', '{s}')" for i, s in STATISTICS.items()),
)
INSTALL = (*TRIGGERS, *SET_STATISTICS)

ADD_NAME = "INSERT INTO batch_names (rowid, name_folded) VALUES (NEW.key, NEW.name_folded);"
DROP_NAME = "INSERT INTO batch_names (batch_names, rowid, name_folded) VALUES ('delete', OLD.key, OLD.name_folded);"
# The index has no copy of the names: it reads them from this view when it is rebuilt or checked.
NAME_INDEX = (
    "CREATE VIEW live_batch_names AS SELECT key, name_folded FROM batches WHERE deleted_at IS NULL",
    """CREATE VIRTUAL TABLE batch_names USING fts5(
        name_folded, content = 'live_batch_names', content_rowid = 'key', tokenize = 'trigram case_sensitive 1')""",
    f"CREATE TRIGGER batches_named AFTER INSERT ON batches WHEN NEW.deleted_at IS NULL BEGIN {ADD_NAME} END",
    f"CREATE TRIGGER batches_unnamed AFTER DELETE ON batches WHEN OLD.deleted_at IS NULL BEGIN {DROP_NAME} END",
    f"""CREATE TRIGGER batches_name_gone AFTER UPDATE OF deleted_at ON batches
        WHEN OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL BEGIN {DROP_NAME} END""",
    f"""CREATE TRIGGER batches_name_back AFTER UPDATE OF deleted_at ON batches
        WHEN OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS NULL BEGIN {ADD_NAME} END""",
    # One trigger for both steps, since triggers run in no particular order and the old name must be removed first.
    f"""CREATE TRIGGER batches_renamed AFTER UPDATE OF name_folded ON batches
        WHEN OLD.deleted_at IS NULL AND NEW.deleted_at IS NULL AND OLD.name_folded <> NEW.name_folded
        BEGIN {DROP_NAME} {ADD_NAME} END""",
)

TRIGGER_NAMES = ("inserted", "removed", "changed", "recounted", "redated")
NAME_TRIGGER_NAMES = ("named", "unnamed", "name_gone", "name_back", "renamed")
REMOVE = (
    *(f"DROP TRIGGER IF EXISTS batches_{name}" for name in (*TRIGGER_NAMES, *NAME_TRIGGER_NAMES)),
    "DROP TABLE IF EXISTS batch_names",
    "DROP VIEW IF EXISTS live_batch_names",
)


def missing_triggers(connection: Connection) -> list[str]:
    """Return the names of missing triggers."""
    present = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars())
    expected = TRIGGER_NAMES + (NAME_TRIGGER_NAMES if has_name_index(connection) else ())
    return [f"batches_{name}" for name in expected if f"batches_{name}" not in present]


def has_name_index(connection: Connection) -> bool:
    """Return whether the name index exists."""
    index = connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'batch_names'")
    return index.first() is not None


# The rows of the index that match the phrase and belong to the owner.
INDEX_ROWS = and_(
    NAMES.c.batch_names.op("MATCH")(bindparam("phrase")),
    NAMES.c.rowid.between(bindparam("first_key"), bindparam("last_key")),
)

# The keys of the owner's live batches whose names match the phrase, read from the index alone.
INDEXED_KEYS = select(NAMES.c.rowid).where(INDEX_ROWS)

# The folded name contains the search text, by the index (three characters or more).
INDEXED = and_(Batch.key == NAMES.c.rowid, INDEX_ROWS)


def contains_search_text(text_column: Any) -> ColumnElement[bool]:
    """Return the condition that a folded text contains the search text, without the index.

    Not by LIKE, because SQLite's LIKE ignores case in its own way.
    """
    return func.instr(text_column, bindparam("folded")) > 0


def name_values(owner_key: int, folded: str) -> dict[str, Any]:
    """Return the values of the conditions above, in addition to `folded`."""
    first = owner_key << OWNER_SHIFT
    phrase = '"' + folded.replace('"', '""') + '"'
    return {"phrase": phrase, "first_key": first, "last_key": first + (1 << OWNER_SHIFT) - 1}


def expects_many(connection: Connection, owner_key: int, folded: str) -> bool:
    """Return False: the index always counts faster than the names are read."""
    return False


def optimize(connection: Connection) -> None:
    """Merge the segments of the index, each of which a search reads."""
    if has_name_index(connection):
        connection.exec_driver_sql("INSERT INTO batch_names (batch_names) VALUES ('optimize')")


def create_name_index(connection: Connection) -> bool:
    """Create an empty name index. Return False if this SQLite does not support it."""
    if not supports_name_index(connection):
        return False
    for statement in NAME_INDEX:
        connection.exec_driver_sql(statement)
    return True


def supports_name_index(connection: Connection) -> bool:
    """Return whether this SQLite has FTS5 and its trigram tokenizer."""
    module = connection.exec_driver_sql("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'")
    return module.first() is not None and sqlite3.sqlite_version_info >= TRIGRAM_VERSION


def complete_indexes(connection: Connection) -> None:
    """Do nothing: migrations create the name index, since SQLite has only one writer at a time anyway."""


def fill_name_index(connection: Connection) -> None:
    """Rebuild the name index from all live names, and optimize it."""
    for task in ("rebuild", "optimize"):
        connection.exec_driver_sql(f"INSERT INTO batch_names (batch_names) VALUES ('{task}')")


def is_name_index_correct(connection: Connection) -> bool:
    """Return whether the index holds exactly the live names. Blocks other writers meanwhile."""
    try:
        connection.exec_driver_sql("INSERT INTO batch_names (batch_names, rank) VALUES ('integrity-check', 1)")
    except DatabaseError:  # the index is malformed
        return False
    return True
