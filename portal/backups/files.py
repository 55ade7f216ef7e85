"""A file that is there whole or not at all, and that its owner alone can read."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

# What file systems say that know no hard links.
NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EMLINK)


@contextmanager
def atomic_file(path: Path, *, replace: bool) -> Iterator[Path]:
    """Where to write what is to appear at `path` when the block ends well; else nothing is left of it.

    It is written in a closed folder beside the path, synced, and renamed: whoever looks sees all of it or none. Raises
    click.ClickException where something is there already and `replace` is false, or the folder cannot be written to.
    """
    if path.exists() and not replace:
        raise click.ClickException(f"{path} is there already; --replace writes over it")
    try:
        with tempfile.TemporaryDirectory(prefix=".batch-portal-", dir=path.parent) as folder:
            draft = Path(folder) / "backup"
            draft.touch(mode=0o600)
            yield draft
            fsync(draft)
            (os.replace if replace else publish)(draft, path)
        fsync(path.parent)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from error


def publish(draft: Path, path: Path) -> None:
    """Give the file its name; raises FileExistsError where another was quicker."""
    try:
        os.link(draft, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        draft.rename(path)


def fsync(path: Path) -> None:
    """See that it outlives a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def format_size(path: Path) -> str:
    """12.3 MB."""
    size = path.stat().st_size
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.1f} kB"
