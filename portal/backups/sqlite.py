"""SQLite: its online backup, which copies one moment while others write, into a file and back."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import click
from flask_migrate import upgrade
from sqlalchemy import Engine

from portal.backups import schema
from portal.backups.schema import PORTAL_TABLES, TRANSIENT_TABLES
from portal.db import schema_changes
from portal.extensions import db

MAGIC = b"SQLite format 3\0"
PAGES = 2000  # a step of 8 MB

# So long a restore waits for whoever is writing.
PATIENCE_SECONDS = 60

Advance = Callable[[int, int], object]


def write(engine: Engine, path: Path, advance: Advance) -> None:
    """One moment of the database, in a file that is empty before. `advance` is told the pages left, and all of them.

    The transaction that is open on the source keeps to its moment through all steps; others go on writing.
    """
    with engine.connect() as connection, closing(sqlite3.connect(path, isolation_level=None)) as copy:
        connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
        source = connection.connection.driver_connection
        source.backup(copy, pages=PAGES, progress=lambda _status, left, pages: advance(left, pages))
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.execute("PRAGMA secure_delete = ON")
        present = table_names(copy)
        for table in TRANSIENT_TABLES:
            if table in present:
                copy.execute(f"DELETE FROM {table}")


def inspect(path: Path) -> str | None:
    """The schema of the backup in a file. Raises click.ClickException where it is none, or is damaged."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise click.ClickException(f"{path} is a database in use, or a copy of a part of one: {log.name} belongs to it")
    try:
        with closing(open_backup(path)) as copy:
            if not table_names(copy) >= PORTAL_TABLES:
                raise click.ClickException(f"{path} is not a backup of Batch Portal")
            refuse_damaged(copy)
            row = copy.execute("SELECT version_num FROM alembic_version").fetchone()
            return row[0] if row else None
    except sqlite3.DatabaseError as error:
        raise click.ClickException(f"{path} is damaged: {error}") from error


def restore(engine: Engine, path: Path, revision: str, advance: Advance) -> None:
    """Make the database what the file of that schema holds, in one transaction: a reader keeps what was there before.

    An older schema is brought to the newest before that, in a copy. Raises click.ClickException where another writer
    does not end, or the pages differ in size.
    """
    if schema.is_newest(revision):
        return swap_contents(engine, path, advance)
    with tempfile.TemporaryDirectory(prefix=".batch-portal-", dir=Path(str(engine.url.database)).parent) as folder:
        newer = Path(folder) / "portal.db"
        with closing(open_backup(path)) as old, closing(sqlite3.connect(newer)) as copy:
            old.backup(copy)
        migrate(newer)
        return swap_contents(engine, newer, advance)


def migrate(path: Path) -> None:
    """Bring the database in a file, which nobody uses, to the newest schema."""
    from portal import create_app

    environ = {"DATABASE_URL": f"sqlite:///{path}", "SECRET_KEY": "asked by nobody", "INSTANCE_DIR": str(path.parent)}
    with create_app(environ=environ).app_context():
        upgrade()
        with db.engine.connect() as connection:  # the last one to leave takes the log into the file
            connection.connection.driver_connection.execute("PRAGMA journal_mode = DELETE")
        db.engine.dispose()


def swap_contents(engine: Engine, path: Path, advance: Advance) -> None:
    """The same for a file of the newest schema."""
    with (
        engine.connect() as connection,
        closing(open_backup(path)) as copy,
        schema_changes.exclusive_migration(connection),
    ):
        live = connection.connection.driver_connection
        sizes = [one.execute("PRAGMA page_size").fetchone()[0] for one in (copy, live)]
        if live.execute("PRAGMA page_count").fetchone()[0] and sizes[0] != sizes[1]:
            raise click.ClickException(f"The backup's pages have {sizes[0]} bytes, the database's {sizes[1]}")
        deadline = time.monotonic() + PATIENCE_SECONDS

        def told(status: int, left: int, pages: int) -> None:
            if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > deadline:
                raise click.ClickException("Another process goes on writing; nothing was changed")
            advance(left, pages)

        copy.backup(live, pages=PAGES, progress=told)


def open_backup(path: Path) -> sqlite3.Connection:
    """A file that nobody else writes, to be read."""
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1", uri=True, isolation_level=None)


def table_names(connection: sqlite3.Connection) -> set[str]:
    """The names of the tables."""
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def refuse_damaged(connection: sqlite3.Connection) -> None:
    """Read all of it. Raises click.ClickException where pages, indexes or references do not fit together."""
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise click.ClickException(f"The copy is damaged: {found.splitlines()[0]}")
    if connection.execute("PRAGMA foreign_key_check").fetchone():
        raise click.ClickException("The copy is damaged: a row speaks of another that is not there")
