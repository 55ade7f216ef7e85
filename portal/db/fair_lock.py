"""Whose turn it is: first come, first served, among the threads of one process."""

from __future__ import annotations

from collections import deque
from threading import Event, Lock


class FairLock:
    """A lock that is fair. SQLite lets whoever asks at the right moment write first, so that among many some wait for
    ever; when each process sends one thread at a time to that door, all of them get there."""

    def __init__(self) -> None:
        self.guard = Lock()
        self.waiting: deque[Event] = deque()
        self.taken = False

    def take(self, seconds: float) -> bool:
        """Wait for one's turn, for so long at most; returns whether it has come."""
        with self.guard:
            if not self.taken:
                self.taken = True
                return True
            called = Event()
            self.waiting.append(called)
        if called.wait(seconds):
            return True
        with self.guard:
            if called.is_set():  # just now
                return True
            self.waiting.remove(called)
        return False

    def leave(self) -> None:
        """Let the next one go."""
        with self.guard:
            if self.waiting:
                self.waiting.popleft().set()
            else:
                self.taken = False
