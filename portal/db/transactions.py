"""Engine set-up for each database, and the one way to write."""

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

# The mark of a session that is writing already.
WRITING = "writing"


# How many rows or values one statement carries: few enough for both databases, enough to be fast.
CHUNK_SIZE = 1000


Item = TypeVar("Item")

# A writer waits for its turn, and then sees what is true now instead of failing for what it read before.
WRITE_OPTIONS: dict[str, dict[str, Any]] = {
    "sqlite": {BEGIN_OPTION: "IMMEDIATE"},
    "postgresql": {"isolation_level": "READ COMMITTED"},
}


@contextmanager
def write_transaction() -> Iterator[Session]:
    """A transaction that writes: committed at the end, rolled back when anything is raised.

    What the request has read so far is let go first, so that the writer sees what is true now. Inside another one it
    is a part of that, and is committed with it.
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
    """One writer of this process after the other, on SQLite. Raises OperationalError where the turn does not come."""
    if db.engine.dialect.name != "sqlite":
        yield
        return
    turns = WRITE_LOCKS[db.engine]
    if not turns.take(current_app.config["BUSY_TIMEOUT_MS"] / 1000):
        raise OperationalError("BEGIN IMMEDIATE", {}, sqlite3.OperationalError("database is locked"))
    try:
        yield
    finally:
        turns.leave()


def lift_time_limit(connection: Connection) -> None:
    """Let this transaction's statements take as long as they need: for work on a whole table."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    else:
        connection.connection.driver_connection.deadline.seconds = math.inf


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """The items in lists of up to CHUNK, each of which one statement can carry."""
    remaining = iter(items)
    while chunk := list(islice(remaining, CHUNK_SIZE)):
        yield chunk


def fetch(statement: Executable, **values: Any) -> CursorResult[Any]:
    """The rows of a select, in the request's own transaction, as rows of values.

    For the selects that every request makes: built once, given their values here, and run without the session's own
    work, which is made for objects. Where the connection turns out to be lost at a request's first select, it is asked
    once more, on a new one.
    """
    first = not db.session().in_transaction()
    try:
        return db.session.connection().execute(statement, values)
    except DBAPIError as error:
        if not (first and error.connection_invalidated):
            raise
    db.session.rollback()
    return db.session.connection().execute(statement, values)


def write_separately(statement: Executable) -> Sequence[Row[Any]]:
    """Run one small statement in a transaction of its own, whatever becomes of the request's; its rows, if any.

    For counts: what a power cut takes back of them does no harm, so PostgreSQL does not wait for its disk. Not to be
    used within `writing`, for whose end it would wait.
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


def try_write(statement: Executable) -> bool:
    """The same at once, or not at all: where another writer stands in the way, or the database cannot be written to.

    For what is nice to have written, and worth neither waiting nor failing for. Returns whether it was written.
    """
    return try_write_returning(statement) is not None


def try_write_returning(statement: Executable) -> Sequence[Row[Any]] | None:
    """The rows of what `write_if_free` writes, if any; None = it was not written."""
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
    """No waiting for another writer meanwhile, on SQLite; on PostgreSQL a transaction says so itself."""
    driver = connection.connection.driver_connection
    if connection.dialect.name == "postgresql":
        yield
        return
    patience = driver.execute("PRAGMA busy_timeout").fetchone()[0]
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        yield
    finally:
        driver.execute(f"PRAGMA busy_timeout = {patience}")


def result_rows(result: CursorResult[Any]) -> Sequence[Row[Any]]:
    """The rows of what was run, none where it gives none."""
    return result.all() if result.returns_rows else []
