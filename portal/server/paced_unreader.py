"""Read request bodies with a minimum speed, and let slow ones occupy at most half of the threads.

A proxy such as nginx forwards complete requests, so this only matters without one.
"""

from __future__ import annotations

import select
import threading
import time

from gunicorn.http.unreader import SocketUnreader

# Time for the whole body: enough for a form on any connection, plus its length at the speed of a weak mobile one.
BODY_SECONDS = 30
BYTES_PER_SECOND = 10_000

SLOT_SECONDS = 1  # that a thread waits until another slow body has arrived


class PacedUnreader(SocketUnreader):  # type: ignore[misc]  # gunicorn has no types
    """The socket of a connection. A body that is too slow ends early, as if its client had disconnected.

    `slots` = one for each thread that may wait for bodies.
    """

    def __init__(self, sock: object, slots: threading.Semaphore) -> None:
        super().__init__(sock)
        self.slots = slots
        self.has_slot = self.is_too_slow = False
        self.started_at = 0.0
        self.received = 0

    def start_body(self) -> None:
        """Start the time of a request whose head has arrived."""
        self.started_at, self.received = time.monotonic(), 0

    def end_body(self) -> None:
        """Release the slot, if the body needed one."""
        if self.has_slot:
            self.has_slot = False
            self.slots.release()

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Return the next bytes; none at the end, or from a client that is too slow. `size_hint` = bytes to come."""
        allowed = BODY_SECONDS + self.received / BYTES_PER_SECOND
        if self.is_too_slow or time.monotonic() - self.started_at > allowed or not self.can_wait():
            self.is_too_slow = True
            return b""
        try:
            data: bytes = super().chunk(size_hint)
        except BlockingIOError:  # silent for longer than SILENCE_SECONDS (worker.py)
            self.is_too_slow = True
            return b""
        self.received += len(data)
        if size_hint and len(data) >= size_hint:
            self.end_body()
        return data

    def can_wait(self) -> bool:
        """Return whether bytes have arrived, or this thread may wait for them."""
        poller = select.poll()
        poller.register(self.sock.fileno(), select.POLLIN)
        if not self.has_slot and not poller.poll(0):
            self.has_slot = self.slots.acquire(timeout=SLOT_SECONDS)
            return self.has_slot
        return True
