"""Divide the calls of large batches into spans.

The triggers count in the spans that exist; here they are created and divided. A span of more than MAX_SPAN calls is
replaced by spans of half that length, found in one pass over the index of its order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, text

from portal.calls.derived.expressions import COLUMN_NAMES, STATUS_SUMS
from portal.calls.derived.orders import ORDERS, CallOrder, Engine
from portal.models.call_counts import LONG, MAX_SPAN, CallCount, CallSpan

NEW_LENGTH = MAX_SPAN // 2
SPANS, COUNTS = CallSpan.__table__, CallCount.__table__


def divide_calls(connection: Connection, engine: Engine, batch_keys: Iterable[int]) -> None:
    """Divide the spans of these batches that have become too long, and create those of batches that have become large.

    The owner of the batches must be locked.
    """
    for batch_key in batch_keys:
        if not has_spans(connection, batch_key):
            if count_calls(connection, batch_key) <= MAX_SPAN:
                continue
            connection.execute(insert(SPANS), [whole_order(batch_key, order) for order in ORDERS.values()])
        for span in connection.execute(select(SPANS).where(SPANS.c.batch_key == batch_key, LONG)).all():
            divide_span(connection, engine, span)


def whole_order(batch_key: int, order: CallOrder) -> dict[str, Any]:
    """Return the span of a whole order, not counted yet; its length makes it be divided."""
    return {"batch_key": batch_key, "sort": order.name, "first": "", "calls": MAX_SPAN + 1}


def has_spans(connection: Connection, batch_key: int) -> bool:
    """Return whether the batch has spans."""
    return connection.execute(select(SPANS.c.key).where(SPANS.c.batch_key == batch_key).limit(1)).first() is not None


def count_calls(connection: Connection, batch_key: int) -> int:
    """Return the number of the batch's calls."""
    total = select(func.coalesce(func.sum(COUNTS.c.calls), 0)).where(COUNTS.c.batch_key == batch_key)
    return connection.execute(total).scalar_one()


def large_batches(connection: Connection) -> list[int]:
    """Return the keys of all batches that need spans."""
    total = func.sum(COUNTS.c.calls)
    return list(
        connection.execute(select(COUNTS.c.batch_key).group_by(COUNTS.c.batch_key).having(total > MAX_SPAN)).scalars()
    )


def find_undivided(connection: Connection) -> list[int]:
    """Return the keys of the batches that `divide_calls` would divide."""
    long = set(connection.execute(select(SPANS.c.batch_key).where(LONG).distinct()).scalars())
    return sorted(long | {key for key in large_batches(connection) if not has_spans(connection, key)})


def divide_span(connection: Connection, engine: Engine, span: Row[Any]) -> None:
    """Replace a span by shorter ones, and remove the empty spans of its order."""
    in_order = (SPANS.c.batch_key == span.batch_key, SPANS.c.sort == span.sort)
    end = connection.execute(select(func.min(SPANS.c.first)).where(*in_order, SPANS.c.first > span.first)).scalar()
    is_empty = (SPANS.c.calls == 0) & (SPANS.c.first != "")
    connection.execute(delete(SPANS).where(*in_order, (SPANS.c.key == span.key) | is_empty))
    order = ORDERS[span.sort]
    values = {"batch_key": span.batch_key, "sort": span.sort, "first": span.first, "length": NEW_LENGTH}
    conditions = ["batch_key = :batch_key", order.condition("calls")]
    for name, sign, position in (("from", ">=", span.first), ("to", "<", end)):
        if position:
            parsed = {f"{name}_{index}": value for index, value in enumerate(order.parse(position))}
            values |= parsed
            conditions.append(f"({order.column_names}) {sign} ({', '.join(f':{key}' for key in parsed)})")
    inserted = connection.execute(text(divide_sql(order, engine, " AND ".join(conditions))), values)
    if not inserted.rowcount:
        connection.execute(insert(SPANS), whole_order(span.batch_key, order) | {"first": span.first, "calls": 0})


def divide_sql(order: CallOrder, engine: Engine, condition: str) -> str:
    """Return the statement that inserts spans of `length` calls that meet the condition."""
    return f"""
        INSERT INTO call_spans (batch_key, sort, first, calls, {COLUMN_NAMES})
        SELECT :batch_key, :sort, CASE WHEN part = 0 THEN :first ELSE max(position) END, count(*), {STATUS_SUMS}
        FROM (
            SELECT status, place / :length AS part,
                CASE WHEN place % :length = 0 THEN {order.position("ordered", engine)} END AS position
            FROM (
                SELECT status, {order.column_names}, row_number() OVER (ORDER BY {order.column_names}) - 1 AS place
                FROM calls WHERE {condition}
            ) ordered
        ) divided
        GROUP BY part"""
