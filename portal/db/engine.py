"""Engine."""

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

# How a transaction begins on SQLite; the pool hands out connections that begin by reading.
BEGIN_OPTION = "sqlite_begin"


# Since when a connection has not been used, and after how long it is tried before it is used again.
IDLE_SINCE = "resting_since"


PING_AFTER_SECONDS = 0.5


# Who waits to write, for each of SQLite's files that this process has open.
WRITE_LOCKS: WeakKeyDictionary[Engine, FairLock] = WeakKeyDictionary()


# So long a new connection to PostgreSQL may take.
CONNECT_SECONDS = 5


def engine_options(url: str, config: dict[str, Any]) -> dict[str, Any]:
    """What create_engine is told for a database of this URL."""
    private = {"hide_parameters": True}  # an error's text must hold no phone number
    if url.startswith("sqlite:"):
        seconds = config["STATEMENT_TIMEOUT_MS"] / 1000 or math.inf
        busy = config["BUSY_TIMEOUT_MS"] / 1000
        patient = {"timeout": busy, "factory": timed_connection_factory(seconds)}
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
            app.teardown_appcontext(end_read_transaction)


def set_up_postgresql(engine: Engine) -> None:
    """Try a connection that has rested for a while before it is used: the server may have been restarted meanwhile.

    SQLAlchemy's own pool_pre_ping tries it every time, which makes a quick answer a fifth slower. What is lost while a
    connection is busy, `fetch` asks once more.
    """

    @event.listens_for(engine, "checkin")
    def rest(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info[IDLE_SINCE] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ping(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        if time.monotonic() - record.info.get(IDLE_SINCE, math.inf) > PING_AFTER_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise DisconnectionError from error


def end_read_transaction(_error: BaseException | None) -> None:
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
    WRITE_LOCKS[engine] = FairLock()

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
        how = connection.get_execution_options().get(BEGIN_OPTION)
        if how:
            connection.exec_driver_sql(f"BEGIN {how}")
        else:  # it cannot fail, and is a part of every request: straight to the driver
            connection.connection.driver_connection.execute("BEGIN")

    @event.listens_for(engine, "handle_error")
    def look_again(context: ExceptionContext) -> None:
        if context.sqlalchemy_exception and find_outage(context.sqlalchemy_exception) is Outage.READ_ONLY:
            engine.pool.doubt()
