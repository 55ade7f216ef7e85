"""Engine set-up for each database, and the one way to write."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from flask import Flask, current_app
from psycopg import Error as PsycopgError
from sqlalchemy import Connection, CursorResult, Engine, ExceptionContext, Executable, Row, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from portal.extensions import db
from portal.reopening import ReopeningPool
from portal.timed_sqlite import timed
from portal.trouble import Trouble, trouble
from portal.turns import Turns

# How a transaction begins on SQLite; the pool hands out connections that begin by reading.
BEGIN = "sqlite_begin"

# The mark of a session that is writing already.
WRITING = "writing"

# Since when a connection has not been used, and after how long it is tried before it is used again.
RESTING = "resting_since"
PING_AFTER_SECONDS = 0.5

# Who waits to write, for each of SQLite's files that this process has open.
TURNS: WeakKeyDictionary[Engine, Turns] = WeakKeyDictionary()

# How many rows or values one statement carries: few enough for both databases, enough to be fast.
CHUNK = 1000

# So long a new connection to PostgreSQL may take.
CONNECT_SECONDS = 5

Item = TypeVar("Item")

# A writer waits for its turn, and then sees what is true now instead of failing for what it read before.
WRITE_OPTIONS: dict[str, dict[str, Any]] = {
    "sqlite": {BEGIN: "IMMEDIATE"},
    "postgresql": {"isolation_level": "READ COMMITTED"},
}


def engine_options(url: str, config: dict[str, Any]) -> dict[str, Any]:
    """What create_engine is told for a database of this URL."""
    private = {"hide_parameters": True}  # an error's text must hold no phone number
    if url.startswith("sqlite:"):
        seconds = config["STATEMENT_TIMEOUT_MS"] / 1000 or math.inf
        busy = config["BUSY_TIMEOUT_MS"] / 1000
        patient = {"timeout": busy, "factory": timed(seconds)}
        return private | {"poolclass": ReopeningPool, "connect_args": patient}
    return private | {
        "pool_recycle": 1800,
        "pool_use_lifo": True,  # the connection that knows the statements already
        # A reading request sees one moment: the rows, the total and the version under its ETag agree.
        "isolation_level": "REPEATABLE READ",
        "connect_args": {
            "options": f"-c statement_timeout={config['STATEMENT_TIMEOUT_MS']} -c timezone=UTC",
            "application_name": "batch-portal",
            "connect_timeout": CONNECT_SECONDS,
        },
    }


def init_app(app: Flask) -> None:
    """Tie SQLAlchemy to the app and set up its engine."""
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(url, app.config)
    db.init_app(app)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            set_up_sqlite(db.engine)
        else:
            set_up_postgresql(db.engine)
            app.teardown_appcontext(end_reading)


def set_up_postgresql(engine: Engine) -> None:
    """Try a connection that has rested for a while before it is used: the server may have been restarted meanwhile.

    SQLAlchemy's own pool_pre_ping tries it every time, which makes a quick answer a fifth slower. What is lost while a
    connection is busy, `fetch` asks once more.
    """

    @event.listens_for(engine, "checkin")
    def rest(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info[RESTING] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        if time.monotonic() - record.info.get(RESTING, math.inf) > PING_AFTER_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise DisconnectionError from error


def end_reading(_error: BaseException | None) -> None:
    """End what has been read by COMMIT: at a ROLLBACK psycopg forgets every statement that it has prepared.

    What was to be written is committed, or rolled back, by then (see `writing`); the session itself is closed next.
    """
    session = db.session()
    if not session.in_transaction():
        return
    try:
        session.connection().connection.driver_connection.commit()
        session.close()
    except (SQLAlchemyError, PsycopgError):
        # The connection has gone since. The answer is made, and not to be lost for it: nothing is asked of it any more.
        session.invalidate()


def set_up_sqlite(engine: Engine) -> None:
    """WAL, foreign keys, and transactions that begin when SQLAlchemy says so.

    Python's driver begins a transaction late and as a reader, so two writers can both read, and one then fails at
    once with "locked", whatever the timeout. Here a writer says BEGIN IMMEDIATE and waits for its turn.
    """
    TURNS[engine] = Turns()

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # an acknowledged change outlives a power cut
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        deadline = connection.connection.driver_connection.deadline
        deadline.seconds = deadline.usual  # whatever the transaction before was allowed
        how = connection.get_execution_options().get(BEGIN)
        if how:
            connection.exec_driver_sql(f"BEGIN {how}")
        else:  # it cannot fail, and is a part of every request: straight to the driver
            connection.connection.driver_connection.execute("BEGIN")

    @event.listens_for(engine, "handle_error")
    def look_again(context: ExceptionContext) -> None:
        if context.sqlalchemy_exception and trouble(context.sqlalchemy_exception) is Trouble.READ_ONLY:
            engine.pool.doubt()


@contextmanager
def writing() -> Iterator[Session]:
    """A transaction that writes: committed at the end, rolled back when anything is raised.

    What the request has read so far is let go first, so that the writer sees what is true now. Inside another one it
    is a part of that, and is committed with it.
    """
    session = db.session()
    if session.info.get(WRITING):
        yield session
        return
    session.rollback()
    with turn():
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
def turn() -> Iterator[None]:
    """One writer of this process after the other, on SQLite. Raises OperationalError where the turn does not come."""
    if db.engine.dialect.name != "sqlite":
        yield
        return
    turns = TURNS[db.engine]
    if not turns.take(current_app.config["BUSY_TIMEOUT_MS"] / 1000):
        raise OperationalError("BEGIN IMMEDIATE", {}, sqlite3.OperationalError("database is locked"))
    try:
        yield
    finally:
        turns.leave()


def no_time_limit(connection: Connection) -> None:
    """Let this transaction's statements take as long as they need: for work on a whole table."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    else:
        connection.connection.driver_connection.deadline.seconds = math.inf


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """The items in lists of up to CHUNK, each of which one statement can carry."""
    remaining = iter(items)
    while chunk := list(islice(remaining, CHUNK)):
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


def write_apart(statement: Executable) -> Sequence[Row[Any]]:
    """Run one small statement in a transaction of its own, whatever becomes of the request's; its rows, if any.

    For counts: what a power cut takes back of them does no harm, so PostgreSQL does not wait for its disk. Not to be
    used within `writing`, for whose end it would wait.
    """
    dialect = db.engine.dialect.name
    with turn(), db.engine.connect().execution_options(**WRITE_OPTIONS[dialect]) as connection, connection.begin():
        if dialect == "postgresql":
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
        return rows_of(connection.execute(statement))


def write_if_free(statement: Executable) -> bool:
    """The same at once, or not at all: where another writer stands in the way, or the database cannot be written to.

    For what is nice to have written, and worth neither waiting nor failing for. Returns whether it was written.
    """
    return rows_if_free(statement) is not None


def rows_if_free(statement: Executable) -> Sequence[Row[Any]] | None:
    """The rows of what `write_if_free` writes, if any; None = it was not written."""
    dialect = db.engine.dialect.name
    try:
        connect = db.engine.connect().execution_options(**WRITE_OPTIONS[dialect])
        with connect as connection, at_once(connection), connection.begin():
            if dialect == "postgresql":
                connection.exec_driver_sql("SET LOCAL lock_timeout = 50")
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            return rows_of(connection.execute(statement))
    except SQLAlchemyError as error:
        if trouble(error) is None:
            raise
        return None


@contextmanager
def at_once(connection: Connection) -> Iterator[None]:
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


def rows_of(result: CursorResult[Any]) -> Sequence[Row[Any]]:
    """The rows of what was run, none where it gives none."""
    return result.all() if result.returns_rows else []
