"""Changes made at the level of the driver, under the same settings as the portal's own connections."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from portal.models.base import OWNER_SHIFT


class Writer:
    """A connection that writes; statements hold `?` for their values."""

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
        """Run one statement."""
        self.cursor.execute(statement if self.on_sqlite else statement.replace("?", "%s"), values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One transaction, committed at the end."""
        self.run("BEGIN IMMEDIATE" if self.on_sqlite else "BEGIN")
        yield
        self.run("COMMIT")

    def column(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """The first column of what a statement finds."""
        self.run(statement, values)
        return [row[0] for row in self.cursor.fetchall()]

    def touch(self, owner_key: int) -> None:
        """Write one of the owner's batches as it is: nothing changes but the version of their list."""
        self.run("UPDATE batches SET updated_at = updated_at WHERE key = ?", ((owner_key << OWNER_SHIFT) + 1,))

    def close(self) -> None:
        """Close the connection."""
        self.driver.close()
