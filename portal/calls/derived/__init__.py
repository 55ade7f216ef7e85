"""Data derived from the rows of `calls`, so that the page of a batch costs the same for a million calls.

- `calls.number`: the position of a call in its batch.
- `call_counts`: the calls of each batch per status, and per reason to hold them.
- `call_answers`: the calls of each batch picked up per minute and per hour.
- `call_spans`: for batches with more than MAX_SPAN calls, counts of consecutive calls in each order (orders.py).

Database triggers count in the transaction of the change. The code that changes calls then divides spans that have
become too long (spans.py); how long they are affects only the speed.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType

from sqlalchemy import Connection

from portal.calls.derived import postgresql, spans, sqlite
from portal.calls.derived.expressions import LENGTHS, count_by_interval_sql, count_by_status_sql

LAST_KEY = (1 << 63) - 1
# Calls without a number are the last ones, and keep the order in which they were added. Numbers are negative at first,
# because the unique index would refuse a number that another call is still to lose.
NUMBER_CALLS = (
    """UPDATE calls SET number = -numbered.number FROM (
        SELECT key, row_number() OVER (PARTITION BY batch_key ORDER BY coalesce(number, 2000000000), key) AS number
        FROM calls
    ) numbered
    WHERE numbered.key = calls.key AND coalesce(calls.number, 0) <> numbered.number""",
    "UPDATE calls SET number = -number WHERE number < 0",
)


def engine_module(dialect: str) -> ModuleType:
    """Return the module with the SQL of an engine."""
    return {"sqlite": sqlite, "postgresql": postgresql}[dialect]


def install_triggers(connection: Connection) -> None:
    """Create the triggers; replace existing ones."""
    remove_triggers(connection)
    for statement in engine_module(connection.dialect.name).INSTALL:
        connection.exec_driver_sql(statement)


def remove_triggers(connection: Connection) -> None:
    """Drop the triggers."""
    for statement in engine_module(connection.dialect.name).REMOVE:
        connection.exec_driver_sql(statement)


def recount_batches(connection: Connection, first: int, last: int) -> None:
    """Count the calls of the batches with keys from `first` to `last` again."""
    keys = f"batch_key BETWEEN {first:d} AND {last:d}"
    for table in ("call_counts", "call_answers"):
        connection.exec_driver_sql(f"DELETE FROM {table} WHERE {keys}")
    connection.exec_driver_sql(
        f"INSERT INTO call_counts (batch_key, status, held_for, calls) {count_by_status_sql(keys)}"
    )
    for length in LENGTHS:
        connection.exec_driver_sql(
            f"INSERT INTO call_answers (batch_key, length, number, calls) {count_by_interval_sql(length, keys)}"
        )


def divide_calls(connection: Connection, batch_keys: Iterable[int]) -> None:
    """Divide what has become too long in these batches, whose owner must be locked."""
    spans.divide_calls(connection, engine_module(connection.dialect.name), batch_keys)


def rebuild_derived(connection: Connection) -> None:
    """Number all calls again, in their order and without gaps, and count them."""
    connection.exec_driver_sql("DELETE FROM call_spans")
    for statement in NUMBER_CALLS:
        connection.exec_driver_sql(statement)
    recount_batches(connection, 0, LAST_KEY)
    divide_calls(connection, spans.large_batches(connection))
