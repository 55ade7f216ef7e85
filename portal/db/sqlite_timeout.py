"""Connections to SQLite whose statements end in time, as PostgreSQL's do by statement_timeout."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Callable
from typing import Any

# How often a statement of SQLite looks at the clock, in instructions of its machine: every few milliseconds.
LOOK_EACH = 50_000


class Deadline:
    """When a connection's statement is to end, on the monotonic clock, and how long the next one may take."""

    def __init__(self, seconds: float) -> None:
        self.seconds = self.usual = seconds
        self.at = math.inf

    def start(self) -> None:
        """A statement begins, or is asked for more rows."""
        self.at = time.monotonic() + self.seconds

    def passed(self) -> bool:
        """Whether the statement has had its time."""
        return time.monotonic() > self.at


class TimedCursor(sqlite3.Cursor):
    """A cursor whose statements have an end; the time in which nobody asks for the next rows is not counted."""

    connection: TimedConnection

    def execute(self, *given: Any) -> TimedCursor:
        """Run a statement."""
        self.connection.deadline.start()
        return super().execute(*given)  # type: ignore[return-value]

    def executemany(self, *given: Any) -> TimedCursor:
        """Run a statement for many rows."""
        self.connection.deadline.start()
        return super().executemany(*given)  # type: ignore[return-value]

    def fetchone(self) -> Any:
        """The next row."""
        self.connection.deadline.start()
        return super().fetchone()

    def fetchmany(self, *given: Any) -> list[Any]:
        """The next rows of a long answer."""
        self.connection.deadline.start()
        return super().fetchmany(*given)


class TimedConnection(sqlite3.Connection):
    """A connection to SQLite, which has no time limit of its own."""

    deadline: Deadline

    def cursor(self, factory: Callable[..., sqlite3.Cursor] = TimedCursor) -> sqlite3.Cursor:  # type: ignore[override]
        """A cursor that starts the clock."""
        return super().cursor(factory)


def timed_connection_factory(seconds: float) -> Callable[..., TimedConnection]:
    """Makes connections whose statements end after so many seconds, as PostgreSQL's statement_timeout has it."""

    def connect(*given: Any, **options: Any) -> TimedConnection:
        connection = TimedConnection(*given, **options)
        connection.deadline = Deadline(seconds)
        if seconds != math.inf:
            connection.set_progress_handler(connection.deadline.passed, LOOK_EACH)
        return connection

    return connect
