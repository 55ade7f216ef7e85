"""Read and write in transactions; `write_transaction` is the only way to change rows of the portal."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from flask import current_app
from sqlalchemy import Connection, CursorResult, Executable, Row
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from portal.db.engine import BEGIN_OPTION, WRITE_LOCKS
from portal.db.outages import find_outage
from portal.extensions import db

# The key in Session.info that marks an open write transaction.
WRITING = "writing"

# Maximum number of rows or values in one statement.
CHUNK_SIZE = 1000

Item = TypeVar("Item")

# A writer acquires the lock before it reads, so that no write is based on a stale read.
WRITE_OPTIONS: dict[str, dict[str, Any]] = {
    "sqlite": {BEGIN_OPTION: "IMMEDIATE"},
    "postgresql": {"isolation_level": "READ COMMITTED"},
}


@contextmanager
def write_transaction() -> Iterator[Session]:
    """Yield a session whose changes are committed at the end, or rolled back if an exception is raised.

    The request's read transaction is ended first, so that the writer sees the current rows. A nested call joins the
    outer transaction.
    """
    session = db.session()
    if session.info.get(WRITING):
        yield session
        return
    session.rollback()
    with write_lock():
        try:
            session.info[WRITING] = True
            session.connection(execution_options=WRITE_OPTIONS[db.engine.dialect.name])
            yield session
            session.commit()
        except BaseException:
            session.rollback()
            raise
        finally:
            session.info.pop(WRITING, None)


@contextmanager
def write_lock() -> Iterator[None]:
    """Let one thread of this process write at a time, on SQLite. Raises OperationalError after BUSY_TIMEOUT_MS."""
    if db.engine.dialect.name != "sqlite":
        yield
        return
    lock = WRITE_LOCKS[db.engine]
    if not lock.acquire(current_app.config["BUSY_TIMEOUT_MS"] / 1000):
        raise OperationalError("BEGIN IMMEDIATE", {}, sqlite3.OperationalError("database is locked"))
    try:
        yield
    finally:
        lock.release()


def lift_time_limit(connection: Connection) -> None:
    """Remove the time limit from the statements of this transaction, for work on a whole table."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    else:
        connection.connection.driver_connection.deadline.seconds = math.inf


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Split items into lists of at most CHUNK_SIZE."""
    remaining = iter(items)
    while chunk := list(islice(remaining, CHUNK_SIZE)):
        yield chunk


def fetch(statement: Executable, **values: Any) -> CursorResult[Any]:
    """Run a select in the request's transaction and return its rows as tuples.

    This bypasses the overhead of the ORM, for selects that every request runs. If the first select of a request finds
    that the connection is lost, it is retried on a new one.
    """
    is_first = not db.session().in_transaction()
    try:
        return db.session.connection().execute(statement, values)
    except DBAPIError as error:
        if not (is_first and error.connection_invalidated):
            raise
    db.session.rollback()
    return db.session.connection().execute(statement, values)


def write_separately(statement: Executable) -> Sequence[Row[Any]]:
    """Run one statement in a transaction of its own, independent of the request's, and return its rows.

    It is for counts, which may be lost in a power failure: PostgreSQL does not wait for the disk. Inside
    `write_transaction` it would wait for itself.
    """
    dialect = db.engine.dialect.name
    with (
        write_lock(),
        db.engine.connect().execution_options(**WRITE_OPTIONS[dialect]) as connection,
        connection.begin(),
    ):
        if dialect == "postgresql":
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        return result_rows(connection.execute(statement))


def try_write(statement: Executable) -> Sequence[Row[Any]] | None:
    """Run one statement in a transaction of its own and return its rows, or None if that is not possible at once.

    It does not wait for other writers, and does not fail during an outage: for values that may be lost.
    """
    dialect = db.engine.dialect.name
    try:
        connect = db.engine.connect().execution_options(**WRITE_OPTIONS[dialect])
        with connect as connection, without_waiting(connection), connection.begin():
            if dialect == "postgresql":
                connection.exec_driver_sql("SET LOCAL lock_timeout = 50")
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            return result_rows(connection.execute(statement))
    except SQLAlchemyError as error:
        if find_outage(error) is None:
            raise
        return None


@contextmanager
def without_waiting(connection: Connection) -> Iterator[None]:
    """Disable SQLite's busy timeout within the block. On PostgreSQL, `try_write` sets a lock timeout instead."""
    driver = connection.connection.driver_connection
    if connection.dialect.name == "postgresql":
        yield
        return
    busy_timeout = driver.execute("PRAGMA busy_timeout").fetchone()[0]
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        yield
    finally:
        driver.execute(f"PRAGMA busy_timeout = {busy_timeout}")


def result_rows(result: CursorResult[Any]) -> Sequence[Row[Any]]:
    """Return the rows of a result, which are none for a statement without RETURNING."""
    return result.all() if result.returns_rows else []
