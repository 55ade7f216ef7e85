"""A pool of connections to an SQLite file that is opened anew once it could not be written to."""

from __future__ import annotations

import time
from threading import Lock
from typing import Any

from sqlalchemy.pool import PoolProxiedConnection, QueuePool

# So long a request waits, at most once in RETRY_SECONDS, for the others of its process to give their connections back.
WAIT_SECONDS = 0.5
RETRY_SECONDS = 1.0


class ReopeningPool(QueuePool):
    """SQLite remembers, for as long as a process has any connection to a file, that it could only be read when the
    first was opened: its disk or its permissions may have been mended since. So after such an error all are closed at
    one moment, and the next looks again; otherwise the portal would not be well before a restart."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self.doubtful = False
        self.not_before = 0.0
        self.closing = Lock()

    def doubt(self) -> None:
        """The file could not be written to: look again before long."""
        self.doubtful = True

    def connect(self) -> PoolProxiedConnection:
        """A connection."""
        if self.doubtful:
            self.close_all()
        return super().connect()

    def close_all(self) -> None:
        """Close every connection, once none is used; where somebody keeps one for long, try again later."""
        with self.closing:
            began = time.monotonic()
            if not self.doubtful or began < self.not_before:
                return
            while self.checkedout():
                if time.monotonic() > began + WAIT_SECONDS:
                    self.not_before = time.monotonic() + RETRY_SECONDS
                    return
                time.sleep(0.001)
            self.dispose()
            self.doubtful, self.not_before = False, time.monotonic() + RETRY_SECONDS
