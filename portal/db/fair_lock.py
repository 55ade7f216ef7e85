"""A fair lock for the threads of one process."""

from __future__ import annotations

from collections import deque
from threading import Event, Lock


class FairLock:
    """A lock that threads acquire in the order in which they asked for it.

    SQLite's own write lock is not fair: with many writers, some never get it. If each process has at most one thread
    waiting for it, all of them make progress.
    """

    def __init__(self) -> None:
        self.mutex = Lock()
        self.waiters: deque[Event] = deque()
        self.is_locked = False

    def acquire(self, seconds: float) -> bool:
        """Wait for the lock for at most this time. Return whether it was acquired."""
        with self.mutex:
            if not self.is_locked:
                self.is_locked = True
                return True
            turn = Event()
            self.waiters.append(turn)
        if turn.wait(seconds):
            return True
        with self.mutex:
            if turn.is_set():  # released after the wait timed out
                return True
            self.waiters.remove(turn)
        return False

    def release(self) -> None:
        """Pass the lock to the first waiting thread, or unlock it."""
        with self.mutex:
            if self.waiters:
                self.waiters.popleft().set()
            else:
                self.is_locked = False
