"""PostgreSQL: triggers that run once per statement, because a row that is updated many times becomes slow here."""

from __future__ import annotations

import sys

from sqlalchemy import Connection

from portal.calls.derived.expressions import COLUMNS, LENGTHS, picked_at
from portal.calls.derived.orders import places

# A new version of the texts, with the 53 bits of random().
RANDOM_VERSION = "(random() * 9007199254740992)::bigint"


def pad_number(value: str, digits: int) -> str:
    """Return the SQL expression of a number with leading zeros."""
    return f"lpad(({value})::text, {digits}, '0')"


def pad_text(value: str, length: int) -> str:
    """Return the SQL expression of a text with blanks at its end."""
    return f"rpad({value}, {length})"


def both_sides(columns: str, sides: dict[str, int]) -> str:
    """Return the select of columns of the changed rows, old ones with n = -1 and new ones with n = 1."""
    return " UNION ALL ".join(f"SELECT {columns}, {n} AS n FROM {side}" for side, n in sides.items())


def count_changes(sides: dict[str, int]) -> str:
    """Return the statement that adds to the counts of statuses and reasons to hold calls."""
    return f"""
        INSERT INTO call_counts AS stored (batch_key, status, held_for, calls)
        SELECT batch_key, status, coalesce(held_for, ''), sum(n)
        FROM ({both_sides("batch_key, status, held_for", sides)}) changed
        GROUP BY batch_key, status, coalesce(held_for, '') HAVING sum(n) <> 0 ORDER BY 1, 2, 3
        ON CONFLICT (batch_key, status, held_for) DO UPDATE SET calls = stored.calls + excluded.calls;"""


def count_answers(sides: dict[str, int]) -> str:
    """Return the statement that adds to the counts of the intervals in which calls were picked up."""
    lengths = ", ".join(f"({length})" for length in LENGTHS)
    picked = " UNION ALL ".join(
        f"SELECT batch_key, {picked_at(side)} AS picked_at, {n} AS n FROM {side}" for side, n in sides.items()
    )
    return f"""
        INSERT INTO call_answers AS stored (batch_key, length, number, calls)
        SELECT batch_key, length, picked_at / length, sum(n)
        FROM ({picked}) changed, (VALUES {lengths}) interval (length) WHERE picked_at IS NOT NULL
        GROUP BY batch_key, length, picked_at / length HAVING sum(n) <> 0 ORDER BY 1, 2, 3
        ON CONFLICT (batch_key, length, number) DO UPDATE SET calls = stored.calls + excluded.calls;"""


def count_spans(sides: dict[str, int]) -> str:
    """Return the statement that adds to the counts of the spans that hold the rows."""
    in_orders = ", ".join(f"({order}, {position})" for order, position in places("changed", sys.modules[__name__]))
    columns = "batch_key, status, phone_number, duration_seconds, last_event_at, number"
    sums = ", ".join(
        f"coalesce(sum(n) FILTER (WHERE status = '{status}'), 0) AS {column}" for status, column in COLUMNS.items()
    )
    added = ", ".join(f"{column} = stored.{column} + change.{column}" for column in COLUMNS.values())
    return f"""
        IF EXISTS (SELECT FROM call_spans WHERE batch_key IN (SELECT batch_key FROM {next(iter(sides))})) THEN
            UPDATE call_spans stored SET calls = stored.calls + change.calls, {added}
            FROM (
                SELECT span.key, sum(n) AS calls, {sums}
                FROM ({both_sides(columns, sides)}) changed,
                LATERAL (VALUES {in_orders}) place (sort, position),
                LATERAL (
                    SELECT key FROM call_spans
                    WHERE batch_key = changed.batch_key AND sort = place.sort AND first <= place.position
                    ORDER BY first DESC LIMIT 1
                ) span
                WHERE changed.number IS NOT NULL GROUP BY span.key
            ) change
            WHERE change.key = stored.key;
        END IF;"""


SIDES = {
    "inserted": {"new_rows": 1},
    "changed": {"new_rows": 1, "old_rows": -1},
}
TABLES = {
    "inserted": "INSERT ON calls REFERENCING NEW TABLE AS new_rows",
    "changed": "UPDATE ON calls REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows",
}
# A release without numbers added the call. While a migration numbers the batch, it will number this call, too.
NUMBER_CALL = """
        IF NOT EXISTS (SELECT FROM calls WHERE batch_key = NEW.batch_key AND number IS NULL) THEN
            NEW.number := (SELECT coalesce(max(number), 0) + 1 FROM calls WHERE batch_key = NEW.batch_key);
        END IF;
        RETURN NEW;"""

CHANGE_TEXT_VERSION = f"""
        INSERT INTO call_text_versions (batch_key, version) VALUES (NEW.batch_key, {RANDOM_VERSION})
        ON CONFLICT (batch_key) DO UPDATE SET version = excluded.version;
        RETURN NULL;"""


def create_function(event: str) -> str:
    """Return the statement that creates the trigger function of an event."""
    sides = SIDES[event]
    return f"""
    CREATE FUNCTION calls_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        {count_changes(sides)}
        {count_answers(sides)}
        {count_spans(sides)}
        RETURN NULL;
    END
    $$"""


INSTALL = (
    *(create_function(event) for event in SIDES),
    *(
        f"CREATE TRIGGER calls_{event} AFTER {TABLES[event]} FOR EACH STATEMENT EXECUTE FUNCTION calls_{event}()"
        for event in SIDES
    ),
    f"CREATE FUNCTION calls_numbered() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {NUMBER_CALL} END $$",
    "CREATE TRIGGER calls_numbered BEFORE INSERT ON calls FOR EACH ROW WHEN (NEW.number IS NULL)"
    " EXECUTE FUNCTION calls_numbered()",
    f"CREATE FUNCTION calls_text_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {CHANGE_TEXT_VERSION} END $$",
    "CREATE TRIGGER calls_text_changed AFTER UPDATE OF search_text, fields ON calls FOR EACH ROW"
    " WHEN (OLD.search_text <> NEW.search_text OR OLD.fields::text <> NEW.fields::text)"
    " EXECUTE FUNCTION calls_text_changed()",
)
TRIGGER_NAMES = ("calls_inserted", "calls_changed", "calls_numbered", "calls_text_changed")
REMOVE = (
    *(f"DROP TRIGGER IF EXISTS {name} ON calls" for name in TRIGGER_NAMES),
    *(f"DROP FUNCTION IF EXISTS {name}" for name in TRIGGER_NAMES),
)


def missing_triggers(connection: Connection) -> list[str]:
    """Return the names of missing or disabled triggers."""
    enabled = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'calls'::regclass AND tgenabled <> 'D'"
    present = set(connection.exec_driver_sql(enabled).scalars())
    return [name for name in TRIGGER_NAMES if name not in present]
