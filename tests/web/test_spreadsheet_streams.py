"""Spreadsheets are written in chunks, with little memory, and leave no temporary file."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from portal.web.spreadsheets import (
    CHUNK,
    write_csv,
    write_xlsx,
)


def test_chunks_are_about_64_kilobytes() -> None:
    for chunks in (
        [len(chunk) for chunk in write_csv("Calls", ["n"], ([f"owner {number}"] for number in range(30_000)), UTC)],
        [len(chunk) for chunk in write_xlsx("Calls", ["n"], ([f"{number * 7919}"] for number in range(30_000)), UTC)],
    ):
        assert len(chunks) > 2
        assert all(CHUNK <= length < CHUNK + 100 for length in chunks[:-1])


def test_csv_consumes_rows_lazily() -> None:
    consumed = 0

    def rows() -> Iterator[list[str]]:
        nonlocal consumed
        for _ in range(1000):
            consumed += 1
            yield ["x" * 1000]

    next(write_csv("Calls", ["text"], rows(), UTC))
    assert consumed < 70


@pytest.fixture
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_temporary_files_are_deleted_after_an_early_stop(temporary_folder: Path) -> None:
    chunks = write_xlsx("Calls", ["n"], ([f"{number * 7919}"] for number in range(20_000)), UTC)
    next(chunks)
    assert list(temporary_folder.iterdir())
    chunks.close()
    assert not list(temporary_folder.iterdir())


def test_temporary_files_are_deleted_at_the_end(temporary_folder: Path) -> None:
    b"".join(write_xlsx("Calls", ["text"], [["a"]], UTC))
    assert not list(temporary_folder.iterdir())


def test_temporary_files_are_deleted_after_an_error(temporary_folder: Path) -> None:
    def rows() -> Iterator[list[str]]:
        yield ["a"]
        assert (
            len(list(temporary_folder.iterdir())) == 1
        )  # the workbook's parts are in the same folder, which is deleted
        raise LookupError

    with pytest.raises(LookupError):
        b"".join(write_xlsx("Calls", ["n"], rows(), UTC))
    assert not list(temporary_folder.iterdir())


PEAKS = """
from datetime import UTC
from pathlib import Path
from portal.web.spreadsheets import write_csv, write_xlsx

def run(file, count):
    rows = ([f"+1202555{n:07}", f"owner {n}", n, None] for n in range(count))
    for _ in (write_csv("Calls", HEADER, rows, UTC) if file == "csv" else write_xlsx("Calls", HEADER, rows, UTC)):
        pass
    status = Path("/proc/self/status").read_text()
    print(status.split("VmHWM:")[1].split()[0])

HEADER = ["phoneNumber", "name", "attempts", "note"]
for file, count in [("csv", 3_000), ("xlsx", 3_000), ("csv", 300_000), ("xlsx", 60_000)]:
    run(file, count)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak memory from Linux's /proc")
def test_memory_does_not_grow_with_the_rows() -> None:
    process = subprocess.run([sys.executable, "-c", PEAKS], capture_output=True, text=True, check=True, timeout=60)
    _, few, many_csv, many_xlsx = map(int, process.stdout.split())  # kB, the peak so far
    assert many_csv - few < 8_000
    assert many_xlsx - few < 8_000
