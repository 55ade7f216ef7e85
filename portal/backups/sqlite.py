"""Back up and restore SQLite with its online backup, which copies one snapshot while other connections write."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from secrets import token_hex
from urllib.parse import quote

import click
from flask_migrate import upgrade
from sqlalchemy import Engine

from portal.backups import schema
from portal.backups.schema import PORTAL_TABLES, TRANSIENT_TABLES
from portal.db import schema_changes
from portal.extensions import db

MAGIC = b"SQLite format 3\0"
PAGES_PER_STEP = 2000  # 8 MB

# Maximum time that a restore waits for other writers.
WRITE_LOCK_TIMEOUT_SECONDS = 60

# Takes the remaining and the total pages after each step.
ReportProgress = Callable[[int, int], object]


def write(engine: Engine, path: Path, report_progress: ReportProgress) -> None:
    """Copy one snapshot of the database to an empty file. Other connections can write meanwhile.

    The open transaction on the source holds the snapshot through all steps.
    """
    with engine.connect() as connection, closing(sqlite3.connect(path, isolation_level=None)) as copy:
        connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
        source = connection.connection.driver_connection
        source.backup(copy, pages=PAGES_PER_STEP, progress=lambda _, left, total: report_progress(left, total))
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.execute("PRAGMA secure_delete = ON")
        for table in table_names(copy).intersection(TRANSIENT_TABLES):
            copy.execute(f"DELETE FROM {table}")


def inspect(path: Path) -> str | None:
    """Return the schema of a backup. Raises click.ClickException if the file is damaged or not a backup."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise click.ClickException(
            f"{path} is a database in use: part of its data is in {log.name}. Create a backup with the backup command"
        )
    try:
        with closing(open_backup(path)) as copy:
            if not table_names(copy) >= PORTAL_TABLES:
                raise click.ClickException(f"{path} is not a backup of Batch Portal")
            refuse_damaged(copy)
            row = copy.execute("SELECT version_num FROM alembic_version").fetchone()
            return row[0] if row else None
    except sqlite3.DatabaseError as error:
        raise click.ClickException(f"{path} is damaged: {error}") from error


def restore(engine: Engine, path: Path, revision: str, report_progress: ReportProgress) -> None:
    """Replace the database with the backup in one transaction. Readers see the old rows until then.

    A backup of an older schema is first copied and migrated. Raises click.ClickException if another process keeps
    writing, or if the page sizes differ.
    """
    if schema.is_newest(revision):
        return replace_contents(engine, path, report_progress)
    with tempfile.TemporaryDirectory(prefix=".batch-portal-", dir=Path(str(engine.url.database)).parent) as folder:
        migrated = Path(folder) / "portal.db"
        with closing(open_backup(path)) as old, closing(sqlite3.connect(migrated)) as copy:
            old.backup(copy)
        migrate(migrated)
        return replace_contents(engine, migrated, report_progress)


def migrate(path: Path) -> None:
    """Upgrade the schema of a database file that is not in use."""
    from portal import create_app

    environ = {"DATABASE_URL": f"sqlite:///{path}", "SECRET_KEY": token_hex(32), "INSTANCE_DIR": str(path.parent)}
    with create_app(environ=environ).app_context():
        upgrade()
        with db.engine.connect() as connection:  # merges the write-ahead log into the file
            connection.connection.driver_connection.execute("PRAGMA journal_mode = DELETE")
        db.engine.dispose()


def replace_contents(engine: Engine, path: Path, report_progress: ReportProgress) -> None:
    """Replace the database with a backup of the newest schema; see `restore`."""
    with (
        engine.connect() as connection,
        closing(open_backup(path)) as copy,
        schema_changes.exclusive_migration(connection),
    ):
        live = connection.connection.driver_connection
        copy_size, live_size = (each.execute("PRAGMA page_size").fetchone()[0] for each in (copy, live))
        if live.execute("PRAGMA page_count").fetchone()[0] and copy_size != live_size:
            raise click.ClickException(f"The backup has pages of {copy_size} bytes, the database of {live_size}")
        deadline = time.monotonic() + WRITE_LOCK_TIMEOUT_SECONDS

        def on_step(status: int, remaining: int, total: int) -> None:
            if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > deadline:
                raise click.ClickException("Another process keeps writing to the database; nothing was changed")
            report_progress(remaining, total)

        copy.backup(live, pages=PAGES_PER_STEP, progress=on_step)


def open_backup(path: Path) -> sqlite3.Connection:
    """Open a file that no process writes to, for reading."""
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1", uri=True, isolation_level=None)


def table_names(connection: sqlite3.Connection) -> set[str]:
    """Return the names of the tables."""
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def refuse_damaged(connection: sqlite3.Connection) -> None:
    """Read every page. Raises click.ClickException if pages, indexes or foreign keys are inconsistent."""
    result = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if result != "ok":
        raise click.ClickException(f"The backup is damaged: {result.splitlines()[0]}")
    if connection.execute("PRAGMA foreign_key_check").fetchone():
        raise click.ClickException("The backup is damaged: a row refers to a missing row")
