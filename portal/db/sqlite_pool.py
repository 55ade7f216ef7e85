"""A connection pool for SQLite that reopens the file after a write failed."""

from __future__ import annotations

import time
from threading import Lock
from typing import Any

from sqlalchemy.pool import PoolProxiedConnection, QueuePool

# Maximum time that a request waits for the other connections of its process, at most once in RETRY_SECONDS.
DRAIN_TIMEOUT_SECONDS = 0.5
RETRY_SECONDS = 1.0


class ReopeningPool(QueuePool):
    """A pool that closes all connections at one moment once it is marked as stale.

    If a file was read-only when the first connection was opened, SQLite treats it as read-only as long as the process
    has any connection to it. Without the reopening, a portal whose disk has been repaired would need a restart.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.is_stale = False
        self.retry_at = 0.0
        self.close_lock = Lock()

    def mark_stale(self) -> None:
        """Reopen the file before the next connection is used: a write failed."""
        self.is_stale = True

    def connect(self) -> PoolProxiedConnection:
        """Return a connection."""
        if self.is_stale:
            self.close_all()
        return super().connect()

    def close_all(self) -> None:
        """Close every connection as soon as none is in use, or try again later."""
        with self.close_lock:
            started_at = time.monotonic()
            if not self.is_stale or started_at < self.retry_at:
                return
            while self.checkedout():
                if time.monotonic() > started_at + DRAIN_TIMEOUT_SECONDS:
                    self.retry_at = time.monotonic() + RETRY_SECONDS
                    return
                time.sleep(0.001)
            self.dispose()
            self.is_stale, self.retry_at = False, time.monotonic() + RETRY_SECONDS
