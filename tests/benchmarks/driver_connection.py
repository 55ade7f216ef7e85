"""Writes at the level of the database driver, with the settings of the portal's own connections."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from portal.models.base import OWNER_SHIFT


class DriverConnection:
    """A connection that writes; statements have `?` placeholders."""

    def __init__(self, url: str) -> None:
        self.on_sqlite = url.startswith("sqlite")
        if self.on_sqlite:
            self.driver: Any = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, timeout=30)
            for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                self.driver.execute(f"PRAGMA {setting}")
        else:
            self.driver = psycopg.connect(url, autocommit=True)
        self.cursor = self.driver.cursor()

    def run(self, statement: str, values: Sequence[Any] = ()) -> None:
        self.cursor.execute(statement if self.on_sqlite else statement.replace("?", "%s"), values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the block in a transaction and commit it."""
        self.run("BEGIN IMMEDIATE" if self.on_sqlite else "BEGIN")
        yield
        self.run("COMMIT")

    def column(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return the first column of a query."""
        self.run(statement, values)
        return [row[0] for row in self.cursor.fetchall()]

    def touch(self, owner_key: int) -> None:
        """Update one of the owner's batches without a change, so that only the list's version changes."""
        self.run("UPDATE batches SET updated_at = updated_at WHERE key = ?", ((owner_key << OWNER_SHIFT) + 1,))

    def close(self) -> None:
        self.driver.close()
