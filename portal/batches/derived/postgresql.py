"""PostgreSQL: triggers that run once per statement, and a GIN index of owners and trigrams of names.

Once per statement, because a row that one transaction updates many times becomes slow here.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, text
from sqlalchemy.exc import DBAPIError

from portal.batches.derived.time_buckets import COARSE_BITS, COUNT_COLUMNS, FINE_BITS, STATUSES
from portal.db.schema_changes import create_index_concurrently
from portal.models import Batch

# The special characters of LIKE.
SPECIAL, ESCAPED = re.compile(r"([%_\\])"), r"\\\1"

ROWS = {
    "inserted": "SELECT owner_key, created_at, deleted_at, status, 1 AS n FROM new_rows",
    "removed": "SELECT owner_key, created_at, deleted_at, status, -1 AS n FROM old_rows",
}
ROWS["changed"] = f"{ROWS['inserted']} UNION ALL {ROWS['removed']}"
TABLES = {
    "inserted": "INSERT ON batches REFERENCING NEW TABLE AS new_rows",
    "removed": "DELETE ON batches REFERENCING OLD TABLE AS old_rows",
    "changed": "UPDATE ON batches REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows",
}
SUMS = ", ".join(
    f"coalesce(sum(n) FILTER (WHERE status = '{status}' AND deleted_at IS NULL), 0) AS {status}" for status in STATUSES
)
SAME_BUCKETS = "(new_row.owner_key, new_row.created_at) = (old_row.owner_key, old_row.created_at)"
ADD_COUNTS = ", ".join(f"{status} = stored.{status} + excluded.{status}" for status in STATUSES)
ANY_SUM = " OR ".join(f"{status} <> 0" for status in STATUSES)

# A new version of a list, with the 53 bits of random().
RANDOM_VERSION = "(random() * 9007199254740992)::bigint"


def create_function(event: str) -> str:
    """Return the statement that creates the trigger function of an event.

    A statement that changes a single batch, the usual case, takes a shorter path at a third of the cost, unless
    created_at changes.
    """
    new, old = event != "removed", event != "inserted"
    sides = [*(["new"] if new else []), *(["old"] if old else [])]
    is_single = " AND ".join(f"(SELECT count(*) FROM (SELECT FROM {side}_rows LIMIT 2) two) = 1" for side in sides)
    read_row = " ".join(
        f"SELECT owner_key, created_at, deleted_at, status INTO {side}_row FROM {side}_rows;" for side in sides
    )
    return f"""
    CREATE FUNCTION batches_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE new_row record; old_row record;
    BEGIN
        IF {is_single} THEN
            {read_row}
            IF {SAME_BUCKETS if new and old else "true"} THEN
                {change_one(f"{sides[0]}_row", new=new, old=old)}
                RETURN NULL;
            END IF;
        END IF;
        {change_many(event)}
        RETURN NULL;
    END
    $$"""


def change_one(row: str, *, new: bool, old: bool) -> str:
    """Return the statements that update the list of one batch, and its two buckets if a count changes."""

    def count_change(status: str) -> str:
        live = "({row}.deleted_at IS NULL AND {row}.status = '{status}')::int"
        plus = live.format(row="new_row", status=status) if new else ""
        return plus + (" - " + live.format(row="old_row", status=status) if old else "")

    in_list = ", ".join(f"{status} = {status} + {count_change(status)}" for status in STATUSES)
    changes = ", ".join(count_change(status) for status in STATUSES)
    values = ", ".join(
        f"({row}.owner_key, {bits}, {row}.created_at >> {bits}, {changes})" for bits in (COARSE_BITS, FINE_BITS)
    )
    same = "new_row.status = old_row.status AND (new_row.deleted_at IS NULL) = (old_row.deleted_at IS NULL)"
    return f"""
        UPDATE batch_lists SET version = {RANDOM_VERSION}, {in_list} WHERE owner_key = {row}.owner_key;
        IF NOT ({same if new and old else "false"}) THEN
            INSERT INTO batch_counts AS stored (owner_key, bits, number, {COUNT_COLUMNS}) VALUES {values}
            ON CONFLICT (owner_key, bits, number) DO UPDATE SET {ADD_COUNTS};
        END IF;"""


def change_many(event: str) -> str:
    """Return the statements that update the lists and buckets of many batches, each once."""
    in_lists = ", ".join(f"{status} = stored.{status} + changes.{status}" for status in STATUSES)
    return f"""
        UPDATE batch_lists stored SET version = {RANDOM_VERSION}, {in_lists}
        FROM (SELECT owner_key, {SUMS} FROM ({ROWS[event]}) touched GROUP BY owner_key) changes
        WHERE stored.owner_key = changes.owner_key;
        INSERT INTO batch_counts AS stored (owner_key, bits, number, {COUNT_COLUMNS})
        SELECT * FROM (
            SELECT owner_key, bits, created_at >> bits AS number, {SUMS}
            FROM ({ROWS[event]}) touched, (VALUES ({COARSE_BITS}), ({FINE_BITS})) bucket (bits)
            GROUP BY owner_key, bits, created_at >> bits
        ) changes WHERE {ANY_SUM} ORDER BY owner_key, bits, number
        ON CONFLICT (owner_key, bits, number) DO UPDATE SET {ADD_COUNTS};"""


INSTALL = tuple(
    statement
    for event in ROWS
    for statement in (
        create_function(event),
        f"CREATE TRIGGER batches_{event} AFTER {TABLES[event]} FOR EACH STATEMENT EXECUTE FUNCTION batches_{event}()",
    )
)

# From this many matches on, reading all of an owner's names is faster than fetching the matches of the index.
MANY_MATCHES = 5000
ESTIMATE = text(
    "EXPLAIN (FORMAT JSON) SELECT 1 FROM batches"
    " WHERE owner_key = :owner AND deleted_at IS NULL AND name_folded LIKE :pattern"
)

EXTENSIONS = ("CREATE EXTENSION IF NOT EXISTS pg_trgm", "CREATE EXTENSION IF NOT EXISTS btree_gin")
NO_EXTENSIONS = ("0A000", "42501", "58P01")  # not supported, not permitted, file not found
NAME_INDEX = "ix_batches_live_trigrams"
ON_NAMES = f"""{NAME_INDEX} ON batches USING gin (owner_key, name_folded gin_trgm_ops)
    WITH (fastupdate = on, gin_pending_list_limit = 64) WHERE deleted_at IS NULL"""

REMOVE = (
    *(f"DROP TRIGGER IF EXISTS batches_{event} ON batches" for event in ROWS),
    *(f"DROP FUNCTION IF EXISTS batches_{event}" for event in ROWS),
    f"DROP INDEX IF EXISTS {NAME_INDEX}",
)


def missing_triggers(connection: Connection) -> list[str]:
    """Return the names of missing or disabled triggers."""
    enabled = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'batches'::regclass AND tgenabled <> 'D'"
    present = set(connection.exec_driver_sql(enabled).scalars())
    return [f"batches_{event}" for event in ROWS if f"batches_{event}" not in present]


def has_name_index(connection: Connection) -> bool:
    """Return whether a valid name index exists; an incomplete one is not valid."""
    is_valid = connection.exec_driver_sql(
        f"SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{NAME_INDEX}')"
    )
    return bool(is_valid.scalar())


# The planner decides by itself to count in the index.
INDEXED_KEYS = None

# The folded name contains the search text, in a form that uses the index (three characters or more).
INDEXED = Batch.name_folded.like(bindparam("pattern"), escape="\\")


def contains_search_text(text_column: Any) -> ColumnElement[bool]:
    """Return the condition that a folded text contains the search text, in a form that does not use the index."""
    return func.strpos(text_column, bindparam("folded")) > 0


def name_values(owner_key: int, folded: str) -> dict[str, str]:
    """Return the values of the conditions above, in addition to `folded`."""
    return {"pattern": f"%{re.sub(SPECIAL, ESCAPED, folded)}%"}


def expects_many(connection: Connection, owner_key: int, folded: str) -> bool:
    """Return whether reading all names is faster than fetching the matches, by the planner's estimate of matches."""
    plan = connection.execute(ESTIMATE, {"owner": owner_key, **name_values(owner_key, folded)}).scalar_one()
    return plan[0]["Plan"]["Plan Rows"] > MANY_MATCHES


def optimize(connection: Connection) -> None:
    """Do nothing: autovacuum optimizes the index."""


def create_name_index(connection: Connection) -> bool:
    """Create the name index in the caller's transaction. Return False if pg_trgm or btree_gin is not available."""
    try:
        with connection.begin_nested():
            for statement in (*EXTENSIONS, f"CREATE INDEX {ON_NAMES}"):
                connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in NO_EXTENSIONS:
            return False
        raise
    return True


def complete_indexes(connection: Connection) -> None:
    """Create the name index, if missing, without blocking readers and writers.

    Slow on a large table. The connection is in autocommit mode. Does nothing if the extensions are not available.
    """
    if connection.exec_driver_sql("SELECT to_regclass('batches')").scalar() is None:
        return
    try:
        for statement in EXTENSIONS:
            connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in NO_EXTENSIONS:
            return
        raise
    create_index_concurrently(
        connection, NAME_INDEX, lambda: connection.exec_driver_sql(f"CREATE INDEX CONCURRENTLY {ON_NAMES}")
    )


def fill_name_index(connection: Connection) -> None:
    """Rebuild the name index."""
    connection.exec_driver_sql(f"REINDEX INDEX {NAME_INDEX}")


def is_name_index_correct(connection: Connection) -> bool:
    """Return True: PostgreSQL maintains its indexes."""
    return True
