"""Set up the SQLAlchemy engine for SQLite or PostgreSQL."""

from __future__ import annotations

import math
import sqlite3
import time
from typing import Any
from weakref import WeakKeyDictionary

from flask import Flask
from psycopg import Error as PsycopgError
from sqlalchemy import Connection, Engine, ExceptionContext, event
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from portal.db.fair_lock import FairLock
from portal.db.outages import Outage, find_outage
from portal.db.sqlite_pool import ReopeningPool
from portal.db.sqlite_timeout import timed_connection_factory
from portal.extensions import db

# The execution option for the mode in which a transaction begins on SQLite, such as IMMEDIATE.
BEGIN_OPTION = "sqlite_begin"

# PostgreSQL connections that were idle for longer than this are tested before they are used.
IDLE_SINCE = "idle_since"
PING_AFTER_SECONDS = 0.5

CONNECT_TIMEOUT_SECONDS = 5  # PostgreSQL

# The write lock of each SQLite database that this process uses.
WRITE_LOCKS: WeakKeyDictionary[Engine, FairLock] = WeakKeyDictionary()


def engine_options(url: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of create_engine for a database URL."""
    common = {"hide_parameters": True}  # the text of an error must not contain phone numbers
    if url.startswith("sqlite:"):
        timeout = config["STATEMENT_TIMEOUT_MS"] / 1000 or math.inf
        busy_timeout = config["BUSY_TIMEOUT_MS"] / 1000
        connect_args = {"timeout": busy_timeout, "factory": timed_connection_factory(timeout)}
        return common | {"poolclass": ReopeningPool, "connect_args": connect_args}
    return common | {
        "pool_recycle": 1800,
        "pool_use_lifo": True,  # prefer connections that have prepared the statements already
        # One request reads one snapshot, so that its rows, its total and the version in its ETag agree.
        "isolation_level": "REPEATABLE READ",
        "connect_args": {
            "options": f"-c statement_timeout={config['STATEMENT_TIMEOUT_MS']} -c timezone=UTC",
            "application_name": "batch-portal",
            "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        },
    }


def init_app(app: Flask) -> None:
    """Register SQLAlchemy with the app and set up its engine."""
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(url, app.config)
    db.init_app(app)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            set_up_sqlite(db.engine)
        else:
            set_up_postgresql(db.engine)
            app.teardown_appcontext(end_read_transaction)


def set_up_postgresql(engine: Engine) -> None:
    """Test idle connections before they are used: the server may have restarted.

    SQLAlchemy's pool_pre_ping tests them every time, which makes a fast request 20 % slower. `fetch` retries a query
    whose connection is lost in use.
    """

    @event.listens_for(engine, "checkin")
    def note_idle(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info[IDLE_SINCE] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        if time.monotonic() - record.info.get(IDLE_SINCE, math.inf) > PING_AFTER_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise DisconnectionError from error


def end_read_transaction(_error: BaseException | None) -> None:
    """Commit the read transaction of a request: after a ROLLBACK, psycopg forgets its prepared statements.

    `write_transaction` has committed or rolled back every change by then.
    """
    session = db.session()
    if not session.in_transaction():
        return
    try:
        session.connection().connection.driver_connection.commit()
        session.close()
    except (SQLAlchemyError, PsycopgError):
        session.invalidate()  # the connection is lost, but the response is complete


def set_up_sqlite(engine: Engine) -> None:
    """Enable WAL and foreign keys, and begin transactions explicitly.

    Python's driver begins a transaction late and as a reader. Two writers can then both read, and one of them fails
    with "locked" immediately, despite the timeout. Writers therefore use BEGIN IMMEDIATE and wait for the lock.
    """
    WRITE_LOCKS[engine] = FairLock()

    @event.listens_for(engine, "connect")
    def connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")  # acknowledged changes survive a power failure
        connection.execute("PRAGMA foreign_keys = ON")
        # A statement with a trigger has a journal of its own, by default in a temporary file.
        connection.execute("PRAGMA temp_store = MEMORY")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        deadline = connection.connection.driver_connection.deadline
        deadline.seconds = deadline.default_seconds  # the transaction before may have lifted the limit
        mode = connection.get_execution_options().get(BEGIN_OPTION)
        if mode:
            connection.exec_driver_sql(f"BEGIN {mode}")
        else:  # a plain BEGIN cannot fail; every request runs it, so SQLAlchemy's overhead is avoided
            connection.connection.driver_connection.execute("BEGIN")

    @event.listens_for(engine, "handle_error")
    def reopen_if_read_only(context: ExceptionContext) -> None:
        if context.sqlalchemy_exception and find_outage(context.sqlalchemy_exception) is Outage.READ_ONLY:
            engine.pool.mark_stale()
