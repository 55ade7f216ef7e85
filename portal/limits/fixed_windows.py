"""Counts in fixed windows of time: in this process, and now and then in the table that all processes share."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass

# Adds to the shared count of a bucket: (bucket, n, seconds) -> the count of all, and when its window ends, in seconds
# since 1970; None where nobody could be asked.
SharedIncrement = Callable[[str, int, int], tuple[int, float] | None]

# So many windows are remembered at most; past it the ended ones go, and then the oldest.
MAX_WINDOWS = 20_000


@dataclass
class FixedWindow:
    """What is known here of a window: the count of all, and what of it nobody else has been told."""

    ends_at: float
    count: int = 0
    untold: int = 0


class FixedWindowCounters:
    """Windows of `seconds`, a row of them for each key. Others are told after each `step`, and nothing past `enough`.

    A caller who stays below the step costs no statement at all; one who goes to the limit costs one for each step.
    """

    def __init__(self, share: SharedIncrement, seconds: int, step: int, enough: int) -> None:
        self.share = share
        self.seconds = seconds
        self.step = step
        self.enough = enough
        self.lock = threading.Lock()
        self.windows: dict[str, FixedWindow] = {}

    def count(self, key: str, now: float) -> FixedWindow:
        """Count one more; returns its window. `now` in seconds since 1970."""
        with self.lock:
            window = self.windows.get(key)
            # One that ends too late was begun by a clock that has been set back since.
            if window is None or not now < window.ends_at <= now + 2 * self.seconds:
                window = self.begin(key, now)
            known, window.count = window.count, window.count + 1
            window.untold += 1
            if window.untold < self.step or known > self.enough:
                return window
            telling, window.untold = window.untold, 0
        told = self.share(hash_bucket(key), telling, self.seconds)
        if told:  # else it stays known here alone
            with self.lock:
                window.count, window.ends_at = told[0] + window.untold, told[1]
        return window

    def begin(self, key: str, now: float) -> FixedWindow:
        """A new window."""
        if len(self.windows) >= MAX_WINDOWS:
            self.windows = {key: window for key, window in self.windows.items() if window.ends_at > now}
        if len(self.windows) >= MAX_WINDOWS:
            self.windows = dict(list(self.windows.items())[MAX_WINDOWS // 2 :])
        window = self.windows[key] = FixedWindow(now + self.seconds)
        return window


def hash_bucket(key: str) -> str:
    """The name of a shared count: a hash, because a key may be somebody's address."""
    return f"rate:{hashlib.sha256(key.encode()).hexdigest()[:40]}"
