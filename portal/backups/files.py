"""Write files completely or not at all, readable by their owner alone."""

from __future__ import annotations

import errno
import io
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import click

# Errors of file systems without hard links.
NO_HARD_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EMLINK)


@contextmanager
def atomic_file(path: Path, *, replace: bool) -> Iterator[Path]:
    """Yield a draft file that is moved to `path` if the block succeeds, and removed otherwise.

    The draft is in a private folder next to `path`, and is synced before it is moved. Raises click.ClickException if
    `path` exists and `replace` is false, or if the folder is not writable.
    """
    if path.exists() and not replace:
        raise click.ClickException(f"{path} already exists; use --replace to overwrite it")
    try:
        with tempfile.TemporaryDirectory(prefix=".batch-portal-", dir=path.parent) as folder:
            draft = Path(folder) / "backup"
            draft.touch(mode=0o600)
            yield draft
            fsync(draft)
            (os.replace if replace else publish)(draft, path)
        fsync(path.parent)
    except OSError as error:
        raise click.ClickException(f"Cannot write {path}: {error.strerror}") from error


def publish(draft: Path, path: Path) -> None:
    """Give the file its name. Raises FileExistsError if another process created `path` meanwhile."""
    try:
        os.link(draft, path)
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        draft.rename(path)


def fsync(path: Path) -> None:
    """Flush a file or folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_private(file: TextIO) -> None:
    """Let only its owner read an open file, which the shell created with its own umask; a pipe is left as it is."""
    with suppress(io.UnsupportedOperation, PermissionError):  # no real file, or another user's
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            os.fchmod(file.fileno(), 0o600)


def format_size(path: Path) -> str:
    """Return the size of a file, such as "12.3 MB"."""
    size = path.stat().st_size
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.1f} kB"
