"""SQLite: triggers that run for each row, and an FTS5 index of names whose row numbers are the batches' keys."""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Connection, and_, bindparam, column, func, select, table
from sqlalchemy.exc import DatabaseError

from portal.batches.derived.time_buckets import COARSE_BITS, COUNT_COLUMNS, FINE_BITS, STATUSES
from portal.models import Batch
from portal.models.base import OWNER_SHIFT

# A new version of a list.
STAMP = "random()"

INDEX_MODULE = "fts5"
NAMES = table("batch_names", column("rowid"), column("batch_names"))


def live_flag(row: str, status: str) -> str:
    """1 where the row is live and has the status, else 0."""
    return f"({row}.deleted_at IS NULL AND {row}.status = '{status}')"


def count_change(status: str, *, old: bool, new: bool) -> str:
    """By how much the count of live batches of a status changes."""
    return (f"+ {live_flag('NEW', status)}" if new else "") + (f" - {live_flag('OLD', status)}" if old else "")


def update_list_sql(row: str, *, old: bool, new: bool) -> str:
    """The owner's list: a new version, which is a stamp and no number, and the counts per status."""
    counts = ", ".join(f"{status} = {status} {count_change(status, old=old, new=new)}" for status in STATUSES)
    return f"UPDATE batch_lists SET version = {STAMP}, {counts} WHERE owner_key = {row}.owner_key;"


def update_buckets_sql(row: str, *, old: bool, new: bool) -> str:
    """The two spans that hold the row's created_at."""
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

# What the planner is told of the indexes (rows of the table, then of each further column): as many as a middling owner
# has. Left to guess, it takes a wrong index for the same equality, or walks all of an owner's rows beside a search.
STATISTICS = {
    "ix_batches_live_created": "1000000 1000 2 1",
    "ix_batches_live_updated": "1000000 1000 2 1",
    "ix_batches_live_name": "1000000 1000 2 1 1 1 1",
    "ix_batches_live_calls": "1000000 1000 5 1",
    "ix_batches_live_status": "1000000 1000 200 2 1",
    "ix_batches_source": "1000000 100000 1",
}
PLANNING = (
    "ANALYZE sqlite_schema",
    *(f"DELETE FROM sqlite_stat1 WHERE idx = '{index}'" for index in STATISTICS),
    *(f"INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('batches', '{i}', '{s}')" for i, s in STATISTICS.items()),
)
INSTALL = (*TRIGGERS, *PLANNING)

ADD_NAME = "INSERT INTO batch_names (rowid, name_folded) VALUES (NEW.key, NEW.name_folded);"
DROP_NAME = "INSERT INTO batch_names (batch_names, rowid, name_folded) VALUES ('delete', OLD.key, OLD.name_folded);"
# The index keeps no copy of the names; the view is where it finds them, to be built anew and to be checked.
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
    # One trigger for both steps: triggers have no order, and a new name must not come before the old one has gone.
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
    """The names of the triggers that should be there and are not."""
    present = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars())
    expected = TRIGGER_NAMES + (NAME_TRIGGER_NAMES if has_name_index(connection) else ())
    return [f"batches_{name}" for name in expected if f"batches_{name}" not in present]


def has_name_index(connection: Connection) -> bool:
    """Whether names can be searched by the index."""
    found = connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'batch_names'")
    return found.first() is not None


# The rows of the index that hold the phrase and are the owner's.
INDEX_ROWS = and_(
    NAMES.c.batch_names.op("MATCH")(bindparam("phrase")),
    NAMES.c.rowid.between(bindparam("first_key"), bindparam("last_key")),
)

# The keys of the owner's live batches whose folded names hold the phrase, read from the index alone.
INDEXED_KEYS = select(NAMES.c.rowid).where(INDEX_ROWS)

# The folded name holds the search: found by the index, for three characters and more; or looked for row by row, by
# instr(), because SQLite's LIKE would fold case once more.
INDEXED = and_(Batch.key == NAMES.c.rowid, INDEX_ROWS)
SCANNED = func.instr(Batch.name_folded, bindparam("folded")) > 0


def name_values(owner_key: int, folded: str) -> dict[str, Any]:
    """The values of the conditions above, beside `folded` itself."""
    first = owner_key << OWNER_SHIFT
    phrase = '"' + folded.replace('"', '""') + '"'
    return {"phrase": phrase, "first_key": first, "last_key": first + (1 << OWNER_SHIFT) - 1}


def expects_many(connection: Connection, owner_key: int, folded: str) -> bool:
    """No: the index counts any number of names more quickly than they are read."""
    return False


def optimize(connection: Connection) -> None:
    """Merge what many changes have left the index in: a search looks into each of its parts."""
    if has_name_index(connection):
        connection.exec_driver_sql("INSERT INTO batch_names (batch_names) VALUES ('optimize')")


def create_name_index(connection: Connection) -> bool:
    """Create the empty index of names. Return False if this SQLite lacks FTS5 or its trigram tokenizer (3.34)."""
    if sqlite3.sqlite_version_info < (3, 34):
        return False
    if not connection.exec_driver_sql("SELECT 1 FROM pragma_module_list WHERE name = ?", (INDEX_MODULE,)).scalar():
        return False
    for statement in NAME_INDEX:
        connection.exec_driver_sql(statement)
    return True


def complete(connection: Connection) -> None:
    """Nothing: SQLite has one writer, who would keep the others waiting now as well as within the migration."""


def fill_name_index(connection: Connection) -> None:
    """Every live name anew, packed as tightly as the index can be."""
    for task in ("rebuild", "optimize"):
        connection.exec_driver_sql(f"INSERT INTO batch_names (batch_names) VALUES ('{task}')")


def name_index_agrees(connection: Connection) -> bool:
    """Whether the index holds the live names, each as it is, and no others. Other writers wait meanwhile."""
    try:
        connection.exec_driver_sql("INSERT INTO batch_names (batch_names, rank) VALUES ('integrity-check', 1)")
    except DatabaseError:  # "malformed", says SQLite
        return False
    return True
