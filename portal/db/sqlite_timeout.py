"""A statement timeout for SQLite, like PostgreSQL's statement_timeout."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Callable
from typing import Any

# SQLite checks the deadline after this many virtual machine instructions: every few milliseconds.
CHECK_INTERVAL = 50_000


class Deadline:
    """The time limit of a connection's statements, and the time (monotonic clock) at which the current one expires."""

    def __init__(self, seconds: float) -> None:
        self.seconds = self.default_seconds = seconds
        self.expires_at = math.inf

    def start(self) -> None:
        """Start the clock for a statement or for fetching its next rows."""
        self.expires_at = time.monotonic() + self.seconds

    def has_passed(self) -> bool:
        """Return whether the statement has used up its time."""
        return time.monotonic() > self.expires_at


class TimedCursor(sqlite3.Cursor):
    """A cursor with a time limit. Time between two fetches does not count."""

    connection: TimedConnection

    def execute(self, *args: Any) -> TimedCursor:
        """Run a statement."""
        self.connection.deadline.start()
        return super().execute(*args)  # type: ignore[return-value]

    def executemany(self, *args: Any) -> TimedCursor:
        """Run a statement for many rows."""
        self.connection.deadline.start()
        return super().executemany(*args)  # type: ignore[return-value]

    def fetchone(self) -> Any:
        """Return the next row."""
        self.connection.deadline.start()
        return super().fetchone()

    def fetchmany(self, *args: Any) -> list[Any]:
        """Return the next rows."""
        self.connection.deadline.start()
        return super().fetchmany(*args)


class TimedConnection(sqlite3.Connection):
    """A connection whose cursors have a time limit."""

    deadline: Deadline

    def cursor(self, factory: Callable[..., sqlite3.Cursor] = TimedCursor) -> sqlite3.Cursor:  # type: ignore[override]
        """Return a cursor with a time limit."""
        return super().cursor(factory)


def timed_connection_factory(seconds: float) -> Callable[..., TimedConnection]:
    """Return a factory of connections whose statements are interrupted after this time."""

    def connect(*args: Any, **options: Any) -> TimedConnection:
        connection = TimedConnection(*args, **options)
        connection.deadline = Deadline(seconds)
        if seconds != math.inf:
            connection.set_progress_handler(connection.deadline.has_passed, CHECK_INTERVAL)
        return connection

    return connect
