"""Vendored front-end files are what their makers published: version in the name, licence beside, checksum kept."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

VENDOR = Path(__file__).resolve().parents[2] / "static" / "vendor"
FOLDERS = sorted(path for path in VENDOR.iterdir() if path.is_dir())


def listed() -> dict[str, str]:
    """The checksums that are kept, by file."""
    lines = (VENDOR / "SHA256SUMS").read_text().splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def present() -> dict[str, str]:
    """The checksums of the files that are there, by file."""
    return {
        str(path.relative_to(VENDOR)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }


def test_every_file_is_listed_and_unchanged() -> None:
    assert present() == listed()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_versions_and_licences(folder: Path) -> None:
    version = re.search(r"-(\d+\.\d+\.\d+)$", folder.name)
    assert version, f"{folder.name} says no version"
    assert list(folder.glob("LICENSE*")), f"{folder.name} has no licence"
    code = [path for path in folder.iterdir() if path.suffix in (".js", ".css")]
    assert code
    assert all(version[1] in path.name for path in code)
