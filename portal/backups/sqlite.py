"""SQLite: its own online backup, which copies one moment while others read and write."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL

from portal.backups import BackupError, Contents

PATIENCE_SECONDS = 60
HEADER = b"SQLite format 3\0"
ALL_PAGES = -1  # in one step: a backup in several begins anew whenever somebody else writes between two of them


def save(url: URL, path: Path) -> None:
    """Write the database into a file. Raises BackupError."""
    try:
        with closing(connect(database_path(url))) as live, closing(sqlite3.connect(path)) as copy:
            live.backup(copy, pages=ALL_PAGES)
            copy.execute("PRAGMA journal_mode = DELETE")  # all in the one file
            check(copy)
    except sqlite3.Error as error:
        raise BackupError(f"The backup cannot be written: {error}") from error


def look(path: Path) -> Contents:
    """What is in a file. Raises BackupError where it is no backup of the portal's, or is damaged."""
    with path.open("rb") as file:
        if file.read(len(HEADER)) != HEADER:
            raise BackupError(f"{path} is no backup of an SQLite database")
    try:
        with closing(connect(path, "ro")) as copy:
            check(copy)
            row = copy.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise BackupError(f"{path} is no backup of the portal, or is damaged: {error}") from error
    return Contents(row[0] if row else "")


def load(path: Path, url: URL) -> None:
    """Make the file the database, in one transaction. Raises BackupError."""
    try:
        with closing(connect(path, "ro")) as copy, closing(connect(database_path(url), "rwc")) as live:
            copy.backup(live, pages=ALL_PAGES)
            live.execute("PRAGMA journal_mode = WAL")
            check(live)
    except sqlite3.Error as error:
        raise BackupError(f"The backup cannot be restored: {error}; what was there is there still") from error


def check(database: sqlite3.Connection) -> None:
    """Read all of it. Raises BackupError."""
    said = database.execute("PRAGMA integrity_check").fetchone()[0]
    if said != "ok":
        raise BackupError(f"The file is damaged: {said.splitlines()[0]}")


def connect(path: Path, mode: str = "rw") -> sqlite3.Connection:
    """A connection to a file that is there, or that is made (rwc)."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=PATIENCE_SECONDS)


def database_path(url: URL) -> Path:
    """Where the database lies. Raises BackupError for one that lies in memory."""
    if not url.database or url.database == ":memory:":
        raise BackupError("A database in memory has no backup")
    return Path(url.database)


def is_empty(url: URL) -> bool:
    """Whether there is nothing yet that a restore would take the place of. Raises BackupError."""
    path = database_path(url)
    if not path.exists():
        return True
    try:
        with closing(connect(path, "ro")) as live:
            return live.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    except sqlite3.Error as error:
        raise BackupError(f"The database cannot be used: {error}") from error
