"""A disk that is small enough to be filled, and can be made read-only: a file system in memory."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.services import Missing

# What stands in the way of everything else; it is made ever finer until not a block is left.
BALLAST = "ballast"
BLOCK = 4096
REMOUNT_SECONDS = 10


@dataclass(frozen=True)
class SmallDisk:
    """A file system of its own, in this folder."""

    folder: Path

    @contextmanager
    def full(self) -> Iterator[None]:
        """Not a byte is left within the block."""
        ballast = self.folder / BALLAST
        try:
            with ballast.open("wb") as file:
                room = os.statvfs(self.folder)
                step, at = room.f_bavail * room.f_frsize // 2, 0
                while step >= BLOCK:
                    try:
                        os.posix_fallocate(file.fileno(), at, step)
                        at += step
                    except OSError as error:
                        if error.errno != errno.ENOSPC:
                            raise
                        step //= 2
            yield
        finally:
            ballast.unlink(missing_ok=True)

    def remount(self, how: str) -> None:
        """Make it read-only (`ro`) or as it was (`rw`). Waits for files that are being written to be closed."""
        until = time.monotonic() + REMOUNT_SECONDS
        while mount("-o", f"remount,{how}", str(self.folder)):
            if time.monotonic() > until:
                raise TimeoutError(f"the file system cannot be made {how}: somebody goes on writing")
            time.sleep(0.01)


@contextmanager
def small_disk(megabytes: int) -> Iterator[SmallDisk]:
    """Such a disk, gone after the block. Raises Missing where this process may not mount one."""
    folder = Path(tempfile.mkdtemp(prefix="portal-trial-", dir="/tmp"))
    try:
        if problem := mount("-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "portal-trial", str(folder)):
            raise Missing(f"no file system can be mounted here ({problem})")
        try:
            yield SmallDisk(folder)
        finally:
            subprocess.run([shutil.which("umount") or "umount", "--lazy", folder], check=True)
    finally:
        folder.rmdir()


def mount(*words: str) -> str:
    """Have the system mount something; returns why it did not, or nothing."""
    program = shutil.which("mount")
    if program is None:
        return "there is no mount"
    done = subprocess.run([program, *words], capture_output=True, text=True)
    return done.stderr.strip().splitlines()[0] if done.returncode else ""
