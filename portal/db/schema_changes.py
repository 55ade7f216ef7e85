"""What changes of the schema share: one at a time, never long in the portal's way, begun again when cut short."""

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

# Whoever changes the schema, or puts a backup in its place, holds this advisory lock: "batch_up" in ASCII.
LOCK = 0x62617463685F7570
POLL_SECONDS = 0.25

# A change that waits for a table makes all wait who come after it: it gives up after this long, and tries again.
LOCK_WAIT = "1s"
TRIES = 20
REST_SECONDS = 1.0
BUSY = ("55P03", "40P01")  # lock_not_available, deadlock_detected

# An index that is built beside the work waits for the transactions before it, and nobody waits for it.
INDEX_WAIT = "300s"

# Rows that one step of a data migration writes, for whose end others wait who want one of them (on SQLite, any); and
# its rest after that, in which they write.
STEP_ROWS = 1000
STEP_REST_SECONDS = 0.05


@contextmanager
def exclusive_migration(connection: Connection) -> Iterator[None]:
    """No other process changes this database's schema within the block; whoever comes second waits, and says so.

    Its statements may take as long as they need. The connection must not be in a transaction, and is closed at the end,
    since its session is set up for this work alone.
    """
    try:
        with (lock_folder if connection.dialect.name == "sqlite" else hold_advisory_lock)(connection):
            yield
    finally:
        connection.invalidate()


@contextmanager
def hold_advisory_lock(connection: Connection) -> Iterator[None]:
    """PostgreSQL's advisory lock, held by the session."""
    connection.exec_driver_sql("SET statement_timeout = 0")
    wait_for_lock(lambda: try_advisory_lock(connection))
    connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_WAIT}'")
    connection.commit()
    try:
        yield
    finally:
        with suppress(DBAPIError):  # where the connection is gone, so is the lock
            connection.rollback()
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK})")
            connection.commit()


def try_advisory_lock(connection: Connection) -> bool:
    """Whether the advisory lock is this session's now. Waited for within a statement, it would stop CREATE INDEX
    CONCURRENTLY, which waits for every statement that is under way."""
    taken = connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({LOCK})").scalar_one()
    connection.commit()
    return bool(taken)


@contextmanager
def lock_folder(connection: Connection) -> Iterator[None]:
    """The folder of an SQLite file, locked against others who want to migrate there; the file itself is not touched."""
    deadline = connection.connection.driver_connection.deadline
    deadline.seconds = deadline.usual = math.inf
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
    """Whether the folder is locked for us now."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_for_lock(taken: Callable[[], bool]) -> None:
    """Ask until it is our turn; says once that it waits."""
    told = False
    while not taken():
        if not told:
            click.echo("Another process changes this database; waiting until it is done", err=True)
            told = True
        time.sleep(POLL_SECONDS)


def retry_when_busy(work: Callable[[], None], connection: Connection) -> None:
    """Do the work, and again where a table was in use for too long: its transaction is then rolled back.

    Raises click.ClickException when that went on through all tries.
    """
    for attempt in range(1, TRIES + 1):
        try:
            return work()
        except DBAPIError as error:
            connection.rollback()
            if getattr(error.orig, "sqlstate", None) not in BUSY:
                raise
            if attempt == TRIES:
                raise click.ClickException(
                    "A table was in use through all tries, by a long transaction; this step changed nothing:"
                    " run the command again when less is under way"
                ) from error
        click.echo("A table is in use; trying again", err=True)
        time.sleep(REST_SECONDS)
    raise AssertionError("unreachable")


def create_index(name: str, table: str, columns: list[str], **options: Any) -> None:
    """In a migration: an index, on PostgreSQL built while everybody goes on writing (`concurrently`).

    For a table that may be large. It ends the migration's transaction so far: in a migration of its own, which can be
    run again when it was cut short.
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
    """Have `create` build the index by CREATE INDEX CONCURRENTLY, unless it is there; one that was left half-built by
    a run that was cut short goes first. The connection is in autocommit."""
    valid = connection.exec_driver_sql(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%(name)s)", {"name": name}
    ).scalar()
    if valid:
        return
    connection.exec_driver_sql(f"SET lock_timeout = '{INDEX_WAIT}'")
    try:
        if valid is not None:
            connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY {name}")
        create()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in BUSY:
            raise
        raise click.ClickException(
            f"The index {name} was not built beside a long transaction; what came before it stands:"
            " run the command again when less is under way"
        ) from error
    finally:
        connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_WAIT}'")


def commit_progress() -> None:
    """In a migration that writes many rows: keep what it has written, and let others write before it goes on.

    Such a migration changes no table, and finds what is still to be done when it is run again.
    """
    connection = op.get_bind()
    connection.exec_driver_sql("COMMIT")
    time.sleep(STEP_REST_SECONDS)
    if connection.dialect.name == "sqlite":  # PostgreSQL's driver begins by itself
        connection.exec_driver_sql("BEGIN IMMEDIATE")
