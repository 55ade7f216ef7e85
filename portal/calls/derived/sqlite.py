"""SQLite: triggers that run for each row."""

from __future__ import annotations

import sys

from sqlalchemy import Connection

from portal.calls.derived.expressions import COLUMNS, LENGTHS, picked_at
from portal.calls.derived.orders import places


def pad_number(value: str, digits: int) -> str:
    """Return the SQL expression of a number with leading zeros."""
    return f"printf('%0{digits}d', {value})"


def pad_text(value: str, length: int) -> str:
    """Return the SQL expression of a text with blanks at its end."""
    return f"substr({value} || '{' ' * length}', 1, {length})"


def add_count(row: str, change: int) -> str:
    """Return the statement that adds to the count of the row's status and reason to hold it."""
    return (
        "INSERT INTO call_counts (batch_key, status, held_for, calls)"
        f" VALUES ({row}.batch_key, {row}.status, coalesce({row}.held_for, ''), {change})"
        " ON CONFLICT (batch_key, status, held_for) DO UPDATE SET calls = calls + excluded.calls;"
    )


def add_answer(row: str, change: int) -> str:
    """Return the statement that adds to the counts of the intervals in which the row was picked up, if it was."""
    lengths = " UNION ALL ".join(f"SELECT {length} AS length" for length in LENGTHS)
    return (
        "INSERT INTO call_answers (batch_key, length, number, calls)"
        f" SELECT {row}.batch_key, length, ({picked_at(row)}) / length, {change}"
        f" FROM ({lengths}) WHERE {picked_at(row)} IS NOT NULL"
        " ON CONFLICT (batch_key, length, number) DO UPDATE SET calls = calls + excluded.calls;"
    )


def add_to_spans(row: str, sign: str) -> str:
    """Return the statement that adds to the counts of the spans that hold the row."""
    keys = ", ".join(
        f"(SELECT key FROM call_spans WHERE batch_key = {row}.batch_key AND sort = {order} AND first <= {position}"
        " ORDER BY first DESC LIMIT 1)"
        for order, position in places(row, sys.modules[__name__])
    )
    counts = ", ".join(f"{column} = {column} {sign} ({row}.status = '{status}')" for status, column in COLUMNS.items())
    return f"UPDATE call_spans SET calls = calls {sign} 1, {counts} WHERE key IN ({keys});"


IN_SPANS = "EXISTS (SELECT 1 FROM call_spans WHERE batch_key = NEW.batch_key)"
MOVED = " OR ".join(
    f"OLD.{column} IS NOT NEW.{column}"
    for column in ("status", "duration_seconds", "last_event_at", "phone_number", "number")
)

TRIGGERS = {
    "calls_counted": f"AFTER INSERT ON calls BEGIN {add_count('NEW', 1)} END",
    "calls_answered": (f"AFTER INSERT ON calls WHEN {picked_at('NEW')} IS NOT NULL BEGIN {add_answer('NEW', 1)} END"),
    # A release without numbers added the call. While a migration numbers the batch, it will number this call, too.
    "calls_numbered": """AFTER INSERT ON calls WHEN NEW.number IS NULL AND NOT EXISTS (
            SELECT 1 FROM calls WHERE batch_key = NEW.batch_key AND number IS NULL AND key < NEW.key
        ) BEGIN UPDATE calls SET number = (
            SELECT coalesce(max(number), 0) + 1 FROM calls WHERE batch_key = NEW.batch_key
        ) WHERE key = NEW.key; END""",
    "calls_placed": f"""AFTER INSERT ON calls WHEN NEW.number IS NOT NULL AND {IN_SPANS}
        BEGIN {add_to_spans("NEW", "+")} END""",
    "calls_recounted": f"""AFTER UPDATE OF status, held_for ON calls
        WHEN OLD.status <> NEW.status OR OLD.held_for IS NOT NEW.held_for
        BEGIN {add_count("OLD", -1)} {add_count("NEW", 1)} END""",
    "calls_answer_changed": f"""AFTER UPDATE OF status, answered_at, last_event_at ON calls
        WHEN {picked_at("OLD")} IS NOT {picked_at("NEW")} BEGIN {add_answer("OLD", -1)} {add_answer("NEW", 1)} END""",
    "calls_moved": f"""AFTER UPDATE OF status, duration_seconds, last_event_at, phone_number, number ON calls
        WHEN ({MOVED}) AND {IN_SPANS} AND OLD.number IS NOT NULL
        BEGIN {add_to_spans("OLD", "-")} {add_to_spans("NEW", "+")} END""",
    "calls_text_changed": """AFTER UPDATE OF search_text, fields ON calls
        WHEN OLD.search_text <> NEW.search_text OR OLD.fields IS NOT NEW.fields BEGIN
        INSERT INTO call_text_versions (batch_key, version) VALUES (NEW.batch_key, random())
        ON CONFLICT (batch_key) DO UPDATE SET version = excluded.version; END""",
    "calls_placed_late": f"""AFTER UPDATE OF number ON calls
        WHEN OLD.number IS NULL AND NEW.number IS NOT NULL AND {IN_SPANS} BEGIN {add_to_spans("NEW", "+")} END""",
}
# Fixed statistics for the planner (portal/batches/derived/sqlite.py), those of a batch with 10,000 calls.
STATISTICS = {
    "ix_calls_number": "10000000 10000 1",
    "ix_calls_status": "10000000 10000 2000 1",
    "ix_calls_phone_number": "10000000 10000 1 1 1",
    "ix_calls_duration": "10000000 10000 100 1 1",
    "ix_calls_last_event": "10000000 10000 2 1 1",
    "ix_calls_due": "1000000 5000 20 1",
    "uq_call_spans_batch_key_sort_first": "10000 1000 200 1",
}
INSTALL = (
    *(f"CREATE TRIGGER {name} {body}" for name, body in TRIGGERS.items()),
    "ANALYZE sqlite_schema",
)
REMOVE = tuple(f"DROP TRIGGER IF EXISTS {name}" for name in TRIGGERS)


def missing_triggers(connection: Connection) -> list[str]:
    """Return the names of missing triggers."""
    present = set(connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars())
    return [name for name in TRIGGERS if name not in present]
