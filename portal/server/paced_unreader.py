"""Read request bodies with a minimum speed, so that clients that hold their body back do not keep threads busy."""

from __future__ import annotations

import time

from gunicorn.http.unreader import SocketUnreader

# Time for the whole body: enough for a form on any connection, plus its length at the speed of a weak mobile one.
BODY_SECONDS = 30
BYTES_PER_SECOND = 10_000


class PacedUnreader(SocketUnreader):  # type: ignore[misc]  # gunicorn has no types
    """The socket of a connection. A body that is too slow ends early, as if its client had disconnected."""

    is_too_slow = False
    started_at = 0.0
    received = 0

    def start_body(self) -> None:
        """Start the time of a request whose head has arrived."""
        self.started_at, self.received = time.monotonic(), 0

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Return the next bytes, or none at the end and from a client that is too slow or silent."""
        allowed = BODY_SECONDS + self.received / BYTES_PER_SECOND
        if self.is_too_slow or time.monotonic() - self.started_at > allowed:
            self.is_too_slow = True
            return b""
        try:
            data: bytes = super().chunk(size_hint)
        except BlockingIOError:  # silent for longer than SILENCE_SECONDS (worker.py)
            self.is_too_slow = True
            return b""
        self.received += len(data)
        return data
