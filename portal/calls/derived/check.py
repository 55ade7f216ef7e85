"""Compare the data derived from calls with all calls of an owner."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from portal.calls.derived import engine_module
from portal.calls.derived.expressions import (
    COLUMN_NAMES,
    LENGTHS,
    STATUS_SUMS,
    count_by_interval_sql,
    count_by_status_sql,
)
from portal.calls.derived.orders import ORDERS, CallOrder
from portal.models.base import OWNER_SHIFT


def find_differences(connection: Connection, owner_key: int) -> Iterator[str]:
    """Yield a sentence for each kind of difference in the owner's data."""
    first = owner_key << OWNER_SHIFT
    of_owner = f"batch_key BETWEEN {first} AND {first + (1 << OWNER_SHIFT) - 1}"
    misnumbered = (
        f"SELECT batch_key FROM calls WHERE {of_owner} GROUP BY batch_key"
        " HAVING count(number) <> count(*) OR min(number) <> 1 OR max(number) <> count(*)"
    )
    if count := count_rows(connection, misnumbered):
        yield f"the calls of {count:,} batches are numbered with gaps"
    stored = "SELECT batch_key, status, held_for, calls FROM call_counts"
    counted = count_by_status_sql(of_owner)
    if count := count_unequal(connection, counted, f"{stored} WHERE {of_owner} AND calls <> 0"):
        yield f"{count:,} counts of calls per status are wrong"
    stored = "SELECT batch_key, length, number, calls FROM call_answers"
    counted = " UNION ALL ".join(count_by_interval_sql(length, of_owner) for length in LENGTHS)
    if count := count_unequal(connection, counted, f"{stored} WHERE {of_owner} AND calls <> 0"):
        yield f"{count:,} counts of answered calls are wrong"
    for order in ORDERS.values():
        stored = f"SELECT batch_key, first, calls, {COLUMN_NAMES} FROM call_spans"
        in_order = f"sort = '{order.name}' AND {of_owner}"
        counted = count_by_span_sql(connection, order, in_order)
        if count := count_unequal(connection, counted, f"{stored} WHERE {in_order} AND calls <> 0"):
            yield f"{count:,} counts of calls in the order by {order.name} are wrong"


def count_by_span_sql(connection: Connection, order: CallOrder, in_order: str) -> str:
    """Return the select that counts the calls of spans: each belongs to the last span that begins before it."""
    position = order.position("calls", engine_module(connection.dialect.name))
    spans = f"SELECT batch_key, first FROM call_spans WHERE {in_order}"
    return f"""
        SELECT batch_key, first, count(*) AS calls, {STATUS_SUMS}
        FROM (
            SELECT batch_key, status, max(first) OVER (PARTITION BY batch_key ORDER BY position, is_call) AS first
            FROM (
                SELECT batch_key, first AS position, 0 AS is_call, first, NULL AS status FROM ({spans}) spans
                UNION ALL
                SELECT batch_key, {position}, 1, NULL, status FROM calls
                WHERE batch_key IN (SELECT batch_key FROM ({spans}) spans) AND {order.condition("calls")}
            ) ordered
        ) placed
        WHERE status IS NOT NULL GROUP BY batch_key, first"""


def count_unequal(connection: Connection, one: str, other: str) -> int:
    """Return how many rows only one of two selects returns, at most one for each pair."""
    missing, unknown = (
        count_rows(connection, f"SELECT * FROM ({left}) left_rows EXCEPT SELECT * FROM ({right}) right_rows")
        for left, right in ((one, other), (other, one))
    )
    return max(missing, unknown)


def count_rows(connection: Connection, query: str) -> int:
    """Return the number of rows of a select."""
    return connection.exec_driver_sql(f"SELECT count(*) FROM ({query}) counted").scalar_one()
