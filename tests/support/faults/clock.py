"""A clock that a trial can set back for a running server: both share an offset in a memory-mapped file."""

from __future__ import annotations

import mmap
import time
from pathlib import Path

CLOCK_VARIABLE = "PORTAL_TRIAL_CLOCK"
SIZE = 8


class ShiftedClock:
    """The offset of a server's clock in nanoseconds; 0 at first."""

    def __init__(self, file: Path) -> None:
        """Map the file; create it if it is missing."""
        if not file.exists():
            file.write_bytes(bytes(SIZE))
        with file.open("r+b") as opened:
            self.shared = mmap.mmap(opened.fileno(), SIZE)

    @property
    def offset(self) -> int:
        """The difference from the right time."""
        return int.from_bytes(self.shared[:], "little", signed=True)

    def set_back(self, seconds: int) -> None:
        """Set the clock back by some seconds from the right time; 0 = set it right."""
        self.shared[:] = (-seconds * 1_000_000_000).to_bytes(SIZE, "little", signed=True)

    def install(self) -> None:
        """Replace the clock of this process."""
        right_time = time.time_ns
        time.time_ns = lambda: right_time() + self.offset
        time.time = lambda: time.time_ns() / 1e9
