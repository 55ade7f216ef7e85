"""Vendored front-end files are the published ones: version in the name, licence next to them, recorded checksum."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

VENDOR = Path(__file__).resolve().parents[2] / "static" / "vendor"
FOLDERS = sorted(path for path in VENDOR.iterdir() if path.is_dir())


def listed_checksums() -> dict[str, str]:
    """Return the recorded checksums by file."""
    lines = (VENDOR / "SHA256SUMS").read_text().splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def actual_checksums() -> dict[str, str]:
    """Return the checksums of the files by path."""
    return {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }


def test_every_file_is_listed_and_unchanged() -> None:
    assert actual_checksums() == listed_checksums()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_versions_and_licences(folder: Path) -> None:
    version = re.search(r"-(\d+\.\d+\.\d+)$", folder.name)
    assert version, f"{folder.name} has no version"
    assert list(folder.glob("LICENSE*")), f"{folder.name} has no licence"
    code = [path for path in folder.iterdir() if path.suffix in (".js", ".css")]
    assert code
    assert all(version[1] in path.name for path in code)
