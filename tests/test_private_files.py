"""Files of the instance folder and backups: private to the user who runs the portal."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

from portal.instance_folder import find_exposed_files
from portal.version import ROOT


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_everything_that_the_portal_creates_is_private(tmp_path: Path) -> None:
    instance = tmp_path / "instance"
    environ = {**os.environ, "INSTANCE_DIR": str(instance), "DATABASE_URL": "", "SECRET_KEY": ""}
    flask = f"{sys.executable} -m flask --app wsgi"
    command = f"umask 022; {flask} db upgrade && {flask} backup - > {tmp_path}/a.backup"
    subprocess.run(["sh", "-c", command], cwd=ROOT, env=environ, check=True, capture_output=True)
    assert mode_of(instance) == 0o700
    assert {mode_of(path) for path in [*instance.iterdir(), tmp_path / "a.backup"]} == {0o600}


def test_files_that_others_can_read_are_reported(tmp_path: Path) -> None:
    database = tmp_path / "portal.db"
    database.touch(mode=0o644)
    tmp_path.chmod(0o755)
    database.chmod(0o644)
    assert list(find_exposed_files(tmp_path, str(database))) == [
        f"Other users can read {tmp_path}; run: chmod 700 {tmp_path}",
        f"Other users can read {database}; run: chmod 600 {database}",
    ]
    tmp_path.chmod(0o700)
    database.chmod(0o600)
    assert not list(find_exposed_files(tmp_path, str(database)))
