"""The instance folder and everything else that the portal creates: readable by its own user alone."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from portal.settings_error import SettingError

PRIVATE_UMASK = 0o077
KEY_FILE = "secret_key"
SQLITE_SUFFIXES = ("", "-wal", "-shm")


def make_new_files_private() -> None:
    """Let no other user of the machine read or write what this process creates: databases, WAL files, backups."""
    os.umask(PRIVATE_UMASK)


def create_folder(instance_dir: Path) -> None:
    """Create the instance folder with mode 0700. Raises SettingError if it is not writable."""
    try:
        if not instance_dir.is_dir():
            instance_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"INSTANCE_DIR cannot be created: {error.strerror}: {instance_dir}") from error
    if not os.access(instance_dir, os.W_OK | os.X_OK):
        raise SettingError(f"INSTANCE_DIR is not writable: {instance_dir}")


def find_exposed_files(instance_dir: Path, database: str | None) -> Iterator[str]:
    """Iterate over a warning for each path that other users of the machine can read, with the command that fixes it.

    `database` is the path of an SQLite file. The portal does not change the mode of what exists: an administrator may
    have given a group access on purpose.
    """
    paths = [instance_dir, instance_dir / KEY_FILE]
    if database:
        paths += [Path(database + suffix) for suffix in SQLITE_SUFFIXES]
    for path in paths:
        try:
            mode = path.stat().st_mode
        except OSError:
            continue
        if mode & 0o007:
            yield f"Other users can read {path}; run: chmod {'700' if stat.S_ISDIR(mode) else '600'} {path}"


def stored_secret(instance_dir: Path) -> str:
    """Return the secret key stored in the instance folder, created at the first call and shared by all processes."""
    path = instance_dir / KEY_FILE
    draft = path.with_name(f"{KEY_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex(32))
        try:
            os.link(draft, path)  # atomic; fails if another process created the key first
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
