"""Count in fixed time windows: in this process, and from time to time in the table that all processes share."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass

# Adds `n` to the shared count of a bucket: (bucket, n, seconds) -> the total and the end of the window, in seconds
# since 1970, or None if the shared table is not available.
SharedIncrement = Callable[[str, int, int], tuple[int, float] | None]

# Maximum number of windows in memory. Beyond it, expired windows are removed first, then the oldest ones.
MAX_WINDOWS = 20_000


@dataclass
class FixedWindow:
    """A window as this process knows it. `unshared` is the part of `count` that is not in the shared table yet."""

    ends_at: float
    count: int = 0
    unshared: int = 0


class FixedWindowCounters:
    """One window of `seconds` for each key, shared after every `step` counts, until the shared count exceeds `maximum`.

    A client below the step costs no statement; one that reaches the maximum costs one statement per step.
    """

    def __init__(self, share: SharedIncrement, seconds: int, step: int, maximum: int) -> None:
        self.share = share
        self.seconds = seconds
        self.step = step
        self.maximum = maximum
        self.lock = threading.Lock()
        self.windows: dict[str, FixedWindow] = {}

    def count(self, key: str, now: float) -> FixedWindow:
        """Count one more and return the window. `now` is in seconds since 1970."""
        with self.lock:
            window = self.windows.get(key)
            # A window that ends too late was started before the clock was set back.
            if window is None or not now < window.ends_at <= now + 2 * self.seconds:
                window = self.add_window(key, now)
            previous, window.count = window.count, window.count + 1
            window.unshared += 1
            if window.unshared < self.step or previous > self.maximum:
                return window
            increment, window.unshared = window.unshared, 0
        shared = self.share(hash_bucket(key), increment, self.seconds)
        if shared:
            with self.lock:
                window.count, window.ends_at = shared[0] + window.unshared, shared[1]
        return window

    def add_window(self, key: str, now: float) -> FixedWindow:
        """Start a new window, and remove old ones if there are too many."""
        if len(self.windows) >= MAX_WINDOWS:
            self.windows = {key: window for key, window in self.windows.items() if window.ends_at > now}
        if len(self.windows) >= MAX_WINDOWS:
            self.windows = dict(list(self.windows.items())[MAX_WINDOWS // 2 :])
        window = self.windows[key] = FixedWindow(now + self.seconds)
        return window


def hash_bucket(key: str) -> str:
    """Return the name of a shared count: a hash, because a key may be the address of a client."""
    return f"rate:{hashlib.sha256(key.encode()).hexdigest()[:40]}"
