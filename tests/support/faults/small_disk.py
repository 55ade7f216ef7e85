"""A disk that is small enough to fill up and can become read-only: a file system in memory."""

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

from tests.support.missing import ServiceMissing

FILLER = "filler"  # the file that takes all free space
BLOCK = 4096
REMOUNT_SECONDS = 10


@dataclass(frozen=True)
class SmallDisk:
    """A file system, mounted at this folder."""

    folder: Path

    @contextmanager
    def full(self) -> Iterator[None]:
        """Fill the disk to the last block."""
        filler = self.folder / FILLER
        try:
            with filler.open("wb") as file:
                room = os.statvfs(self.folder)
                step, size = room.f_bavail * room.f_frsize // 2, 0
                while step >= BLOCK:
                    try:
                        os.posix_fallocate(file.fileno(), size, step)
                        size += step
                    except OSError as error:
                        if error.errno != errno.ENOSPC:
                            raise
                        step //= 2
            yield
        finally:
            filler.unlink(missing_ok=True)

    def remount(self, mode: str) -> None:
        """Make the disk read-only (`ro`) or writable (`rw`), as soon as no process has a file open for writing."""
        deadline = time.monotonic() + REMOUNT_SECONDS
        while mount("-o", f"remount,{mode}", str(self.folder)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the file system cannot be made {mode}: a process is still writing")
            time.sleep(0.01)


@contextmanager
def small_disk(megabytes: int) -> Iterator[SmallDisk]:
    """Mount a disk until the end of the block. Raises ServiceMissing if this process may not mount one."""
    folder = Path(tempfile.mkdtemp(prefix="portal-trial-", dir="/tmp"))
    try:
        if problem := mount("-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "portal-trial", str(folder)):
            raise ServiceMissing(f"no file system can be mounted here ({problem})")
        try:
            yield SmallDisk(folder)
        finally:
            subprocess.run([shutil.which("umount") or "umount", "--lazy", folder], check=True)
    finally:
        folder.rmdir()


def mount(*arguments: str) -> str:
    """Run mount; return its error message, or an empty text."""
    program = shutil.which("mount")
    if program is None:
        return "there is no mount"
    result = subprocess.run([program, *arguments], capture_output=True, text=True)
    return result.stderr.strip().splitlines()[0] if result.returncode else ""
