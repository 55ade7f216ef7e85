"""Change the schema: one process at a time, with short locks, and so that an interrupted run can be repeated."""

from __future__ import annotations

import fcntl
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
from alembic import op
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

# The advisory lock of migrations and restores on PostgreSQL: "batch_up" in ASCII.
ADVISORY_LOCK = 0x62617463685F7570
POLL_SECONDS = 0.25

# While a change waits for a lock on a table, later statements wait behind it. So it gives up soon, and retries.
LOCK_TIMEOUT = "1s"
MAX_ATTEMPTS = 20
RETRY_SECONDS = 1.0
BUSY_SQLSTATES = ("55P03", "40P01")  # lock_not_available, deadlock_detected

# Building an index concurrently waits for older transactions, but blocks no other statement.
INDEX_LOCK_TIMEOUT = "300s"

# A data migration commits after this many rows, and then pauses so that other writers get the lock.
ROWS_PER_COMMIT = 1000
COMMIT_PAUSE_SECONDS = 0.05


@contextmanager
def exclusive_migration(connection: Connection) -> Iterator[None]:
    """Lock the schema against other processes, and lift the time limit of statements. Waits for the lock.

    The connection must not be in a transaction, and is invalidated at the end because its session settings change.
    """
    try:
        with (lock_folder if connection.dialect.name == "sqlite" else hold_advisory_lock)(connection):
            yield
    finally:
        connection.invalidate()


@contextmanager
def hold_advisory_lock(connection: Connection) -> Iterator[None]:
    """Hold PostgreSQL's advisory lock in the connection's session."""
    connection.exec_driver_sql("SET statement_timeout = 0")
    wait_for_lock(lambda: try_advisory_lock(connection))
    connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    connection.commit()
    try:
        yield
    finally:
        with suppress(DBAPIError):  # a lost connection has released the lock
            connection.rollback()
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock({ADVISORY_LOCK})")
            connection.commit()


def try_advisory_lock(connection: Connection) -> bool:
    """Return whether the session now has the advisory lock.

    A statement that waits for the lock would block CREATE INDEX CONCURRENTLY, which waits for all running statements.
    """
    is_locked = connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({ADVISORY_LOCK})").scalar_one()
    connection.commit()
    return bool(is_locked)


@contextmanager
def lock_folder(connection: Connection) -> Iterator[None]:
    """Lock the folder of an SQLite file. A lock on the file itself would interfere with SQLite's own locks."""
    deadline = connection.connection.driver_connection.deadline
    deadline.seconds = deadline.default_seconds = math.inf
    database = connection.engine.url.database
    if not database or database == ":memory:":
        yield
        return
    folder = os.open(Path(database).absolute().parent, os.O_RDONLY)
    try:
        wait_for_lock(lambda: try_lock_folder(folder))
        yield
    finally:
        os.close(folder)


def try_lock_folder(folder: int) -> bool:
    """Return whether this process now has the lock on the folder."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for_lock(try_lock: Callable[[], bool]) -> None:
    """Retry until the lock is acquired; print one message if that takes time."""
    if try_lock():
        return
    click.echo("Another process is changing the schema of this database; waiting for it to finish", err=True)
    while not try_lock():
        time.sleep(POLL_SECONDS)


def retry_when_busy(work: Callable[[], None], connection: Connection) -> None:
    """Do the work, and retry it if a lock on a table times out. Each attempt is rolled back before the next.

    Raises click.ClickException after MAX_ATTEMPTS.
    """
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            return work()
        except DBAPIError as error:
            connection.rollback()
            if getattr(error.orig, "sqlstate", None) not in BUSY_SQLSTATES:
                raise
            if attempt == MAX_ATTEMPTS:
                raise click.ClickException(
                    f"A long transaction uses a table; gave up after {MAX_ATTEMPTS} attempts and changed nothing."
                    " Run the command again when the database is less busy"
                ) from error
        click.echo("A table is in use; retrying", err=True)
        time.sleep(RETRY_SECONDS)
    raise AssertionError("unreachable")


def create_index(name: str, table: str, columns: list[str], **options: Any) -> None:
    """Create an index in a migration; on PostgreSQL concurrently, so that a large table stays writable.

    This commits the migration's transaction, so it belongs in a migration of its own. An interrupted run can be
    repeated.
    """
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(name, table, columns, if_not_exists=True, **options)
        return
    with op.get_context().autocommit_block():
        create_index_concurrently(
            op.get_bind(),
            name,
            lambda: op.create_index(name, table, columns, postgresql_concurrently=True, **options),
        )


def create_index_concurrently(connection: Connection, name: str, create: Callable[[], object]) -> None:
    """Run `create`, which must use CREATE INDEX CONCURRENTLY, unless the index exists.

    The invalid index of an interrupted run is dropped first. The connection must be in autocommit mode. Raises
    click.ClickException if older transactions take too long.
    """
    is_valid = connection.exec_driver_sql(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%(name)s)", {"name": name}
    ).scalar()
    if is_valid:
        return
    connection.exec_driver_sql(f"SET lock_timeout = '{INDEX_LOCK_TIMEOUT}'")
    try:
        if is_valid is not None:
            connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY {name}")
        create()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in BUSY_SQLSTATES:
            raise
        raise click.ClickException(
            f"A long transaction prevented the index {name} from being built; all earlier changes are committed."
            " Run the command again when the database is less busy"
        ) from error
    finally:
        connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")


def commit_progress() -> None:
    """Commit the rows that a data migration has written so far, and let other connections write.

    Such a migration must not change tables, and must continue where it stopped when it is run again.
    """
    connection = op.get_bind()
    connection.exec_driver_sql("COMMIT")
    time.sleep(COMMIT_PAUSE_SECONDS)
    if connection.dialect.name == "sqlite":  # psycopg begins a transaction by itself
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def lock_tables(*tables: str) -> None:
    """Lock existing tables before a migration changes several of them, in the order in which requests lock them.

    Otherwise, on PostgreSQL, a request and the migration can wait for each other: a new or removed foreign key locks
    the table to which it refers.
    """
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
