"""PostgreSQL: triggers that run once a statement, and a trigram GIN index of names beside their owner.

Once a statement, because a row that one transaction touches many times grows slow here.
"""

from __future__ import annotations

import re

from sqlalchemy import Connection, bindparam, func, text
from sqlalchemy.exc import DBAPIError

from portal.batches.derived.time_buckets import COARSE_BITS, COUNT_COLUMNS, FINE_BITS, STATUSES
from portal.db.schema_changes import create_index_concurrently
from portal.models import Batch

# What LIKE does not take literally.
SPECIAL, ESCAPED = re.compile(r"([%_\\])"), r"\\\1"

ROWS = {
    "inserted": "SELECT owner_key, created_at, deleted_at, status, 1 AS n FROM added",
    "removed": "SELECT owner_key, created_at, deleted_at, status, -1 AS n FROM gone",
}
ROWS["changed"] = f"{ROWS['inserted']} UNION ALL {ROWS['removed']}"
TABLES = {
    "inserted": "INSERT ON batches REFERENCING NEW TABLE AS added",
    "removed": "DELETE ON batches REFERENCING OLD TABLE AS gone",
    "changed": "UPDATE ON batches REFERENCING NEW TABLE AS added OLD TABLE AS gone",
}
SUMS = ", ".join(
    f"coalesce(sum(n) FILTER (WHERE status = '{status}' AND deleted_at IS NULL), 0) AS {status}" for status in STATUSES
)
SAME_PLACE = "(added_row.owner_key, added_row.created_at) = (gone_row.owner_key, gone_row.created_at)"
ANY_SUM = " OR ".join(f"{status} <> 0" for status in STATUSES)

# A new version of a list; as many bits as random() has.
STAMP = "(random() * 9007199254740992)::bigint"


def function(event: str) -> str:
    """What happens at a statement that inserted, removed or changed batches.

    One batch at a time is how they change all day, and costs a third of what many at once do; that goes for a batch
    whose time of creation stays as it is.
    """
    new, old = event != "removed", event != "inserted"
    rows = [*(["added"] if new else []), *(["gone"] if old else [])]
    one = " AND ".join(f"(SELECT count(*) FROM (SELECT FROM {row} LIMIT 2) few) = 1" for row in rows)
    take = " ".join(f"SELECT owner_key, created_at, deleted_at, status INTO {row}_row FROM {row};" for row in rows)
    row = f"{rows[0]}_row"
    unmoved = SAME_PLACE if new and old else "true"
    return f"""
    CREATE FUNCTION batches_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE added_row record; gone_row record;
    BEGIN
        IF {one} THEN
            {take}
            IF {unmoved} THEN
                {change_one(row, new=new, old=old)}
                RETURN NULL;
            END IF;
        END IF;
        {change_many(event)}
        RETURN NULL;
    END
    $$"""


def change_one(row: str, *, new: bool, old: bool) -> str:
    """The list and the two spans of one batch; the spans only where a count moves."""

    def moved(status: str) -> str:
        live = "({row}.deleted_at IS NULL AND {row}.status = '{status}')::int"
        added = live.format(row="added_row", status=status) if new else ""
        return added + (" - " + live.format(row="gone_row", status=status) if old else "")

    in_list = ", ".join(f"{status} = {status} + {moved(status)}" for status in STATUSES)
    in_spans = ", ".join(f"{status} = kept.{status} + excluded.{status}" for status in STATUSES)
    moves = ", ".join(moved(status) for status in STATUSES)
    values = ", ".join(
        f"({row}.owner_key, {bits}, {row}.created_at >> {bits}, {moves})" for bits in (COARSE_BITS, FINE_BITS)
    )
    same = "added_row.status = gone_row.status AND (added_row.deleted_at IS NULL) = (gone_row.deleted_at IS NULL)"
    return f"""
        UPDATE batch_lists SET version = {STAMP}, {in_list} WHERE owner_key = {row}.owner_key;
        IF NOT ({same if new and old else "false"}) THEN
            INSERT INTO batch_counts AS kept (owner_key, bits, number, {COUNT_COLUMNS}) VALUES {values}
            ON CONFLICT (owner_key, bits, number) DO UPDATE SET {in_spans};
        END IF;"""


def change_many(event: str) -> str:
    """The lists and spans of many batches, each touched once."""
    in_lists = ", ".join(f"{status} = kept.{status} + moved.{status}" for status in STATUSES)
    in_spans = ", ".join(f"{status} = kept.{status} + excluded.{status}" for status in STATUSES)
    return f"""
        UPDATE batch_lists kept SET version = {STAMP}, {in_lists}
        FROM (SELECT owner_key, {SUMS} FROM ({ROWS[event]}) touched GROUP BY owner_key) moved
        WHERE kept.owner_key = moved.owner_key;
        INSERT INTO batch_counts AS kept (owner_key, bits, number, {COUNT_COLUMNS})
        SELECT * FROM (
            SELECT owner_key, bits, created_at >> bits AS number, {SUMS}
            FROM ({ROWS[event]}) touched, (VALUES ({COARSE_BITS}), ({FINE_BITS})) span (bits)
            GROUP BY owner_key, bits, created_at >> bits
        ) moved WHERE {ANY_SUM} ORDER BY owner_key, bits, number
        ON CONFLICT (owner_key, bits, number) DO UPDATE SET {in_spans};"""


INSTALL = tuple(
    statement
    for event in ROWS
    for statement in (
        function(event),
        f"CREATE TRIGGER batches_{event} AFTER {TABLES[event]} FOR EACH STATEMENT EXECUTE FUNCTION batches_{event}()",
    )
)

# So many names are read one by one sooner than fetched by the index, in an owner's list of any length.
MANY = 5000
ESTIMATE = text(
    "EXPLAIN (FORMAT JSON) SELECT 1 FROM batches"
    " WHERE owner_key = :owner AND deleted_at IS NULL AND name_folded LIKE :pattern"
)

EXTENSIONS = ("CREATE EXTENSION IF NOT EXISTS pg_trgm", "CREATE EXTENSION IF NOT EXISTS btree_gin")
NO_EXTENSIONS = ("0A000", "42501", "58P01")  # not built, not allowed, no such file
NAME_INDEX = "ix_batches_live_trigrams"
ON_NAMES = f"""{NAME_INDEX} ON batches USING gin (owner_key, name_folded gin_trgm_ops)
    WITH (fastupdate = on, gin_pending_list_limit = 64) WHERE deleted_at IS NULL"""

REMOVE = (
    *(f"DROP TRIGGER IF EXISTS batches_{event} ON batches" for event in ROWS),
    *(f"DROP FUNCTION IF EXISTS batches_{event}" for event in ROWS),
    f"DROP INDEX IF EXISTS {NAME_INDEX}",
)


def missing_triggers(connection: Connection) -> list[str]:
    """The names of the triggers that should be there and are not, or do not run."""
    running = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'batches'::regclass AND tgenabled <> 'D'"
    present = set(connection.exec_driver_sql(running).scalars())
    return [f"batches_{event}" for event in ROWS if f"batches_{event}" not in present]


def has_name_index(connection: Connection) -> bool:
    """Whether names can be searched by the index; one that was left half-built is none."""
    found = connection.exec_driver_sql(
        f"SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{NAME_INDEX}')"
    )
    return bool(found.scalar())


# The planner itself counts in the index where that is cheaper.
INDEXED_KEYS = None

# The folded name holds the search: in the form that the index can find, for three characters and more; or row by row,
# in a form that no index is tried for.
INDEXED = Batch.name_folded.like(bindparam("pattern"), escape="\\")
SCANNED = func.strpos(Batch.name_folded, bindparam("folded")) > 0


def name_values(owner_key: int, folded: str) -> dict[str, str]:
    """The values of the conditions above, beside `folded` itself."""
    return {"pattern": f"%{re.sub(SPECIAL, ESCAPED, folded)}%"}


def expects_many(connection: Connection, owner_key: int, folded: str) -> bool:
    """Whether so many names are to be expected that all are read more quickly than those fetched; by the planner's
    own estimate, which costs a fraction of the wrong way."""
    told = connection.execute(ESTIMATE, {"owner": owner_key, **name_values(owner_key, folded)}).scalar_one()
    return told[0]["Plan"]["Plan Rows"] > MANY


def optimize(connection: Connection) -> None:
    """Nothing: autovacuum does it."""


def create_name_index(connection: Connection) -> bool:
    """The index of names, in the caller's transaction. Returns False where the server has no pg_trgm and btree_gin, or
    does not let us have them."""
    try:
        with connection.begin_nested():
            for statement in (*EXTENSIONS, f"CREATE INDEX {ON_NAMES}"):
                connection.exec_driver_sql(statement)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in NO_EXTENSIONS:
            return False
        raise
    return True


def complete(connection: Connection) -> None:
    """The index of names where it is missing, built while everybody goes on reading and writing.

    The longest of all work on a large table. The connection is in autocommit. Without the extensions there is none.
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
    """PostgreSQL fills its indexes by itself; this one is built anew."""
    connection.exec_driver_sql(f"REINDEX INDEX {NAME_INDEX}")


def name_index_agrees(connection: Connection) -> bool:
    """Yes: it is an index like any other, which PostgreSQL keeps by itself."""
    return True
