"""A clock that a trial sets back for a server while it runs: an offset in a file that both have mapped."""

from __future__ import annotations

import mmap
import time
from pathlib import Path

CLOCK = "PORTAL_TRIAL_CLOCK"
SIZE = 8


class Clock:
    """By how much a server's clock is wrong, in nanoseconds; 0 at first."""

    def __init__(self, file: Path) -> None:
        """Make the file, or share it where there is one."""
        if not file.exists():
            file.write_bytes(bytes(SIZE))
        with file.open("r+b") as opened:
            self.shared = mmap.mmap(opened.fileno(), SIZE)

    @property
    def offset(self) -> int:
        """What is added to the time."""
        return int.from_bytes(self.shared[:], "little", signed=True)

    def set_back(self, seconds: int) -> None:
        """Be late by so much from now on; 0 = be right again."""
        self.shared[:] = (-seconds * 1_000_000_000).to_bytes(SIZE, "little", signed=True)

    def install(self) -> None:
        """Have this process believe it."""
        right = time.time_ns
        time.time_ns = lambda: right() + self.offset
        time.time = lambda: time.time_ns() / 1e9
