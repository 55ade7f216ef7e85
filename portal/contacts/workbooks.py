"""The first sheet of a workbook, as CSV."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from portal.contacts import file_limits
from portal.contacts.archives import UNREADABLE, check_archive
from portal.contacts.file_limits import ContactFileError
from portal.contacts.workbook_process import NO_SHEET, TOO_BIG

PROGRAM = Path(__file__).with_name("workbook_process.py")
TOO_MUCH = "the file takes too much to read as a workbook; divide it, or save it as CSV"
TIMEOUT_SECONDS = 2  # how much longer than its processor time a reader may take on a busy machine


def convert_xlsx(content: bytes) -> bytes:
    """The first sheet of an .xlsx file as CSV in UTF-8. Raises ContactFileError."""
    check_archive(content)
    return convert_workbook(content)


def convert_xls(content: bytes) -> bytes:
    """The first sheet of an .xls file as CSV in UTF-8. Raises ContactFileError."""
    if len(content) > file_limits.MAX_XLS_BYTES:
        raise ContactFileError(
            f"the file is an .xls workbook of more than {file_limits.MAX_XLS_BYTES // 1_000_000} MB; save it as .xlsx"
        )
    return convert_workbook(content)


def convert_workbook(content: bytes) -> bytes:
    """What the program that reads workbooks writes, held in memory. Raises ContactFileError."""
    bounds = (
        file_limits.WORKBOOK_MEMORY,
        file_limits.WORKBOOK_SECONDS,
        file_limits.MAX_CELLS,
        file_limits.MAX_UNPACKED,
    )
    command = [sys.executable, "-I", str(PROGRAM), *map(str, bounds)]
    try:
        done = subprocess.run(  # noqa: S603, a program of ours with numbers of ours
            command,
            input=content,
            capture_output=True,
            timeout=TIMEOUT_SECONDS * file_limits.WORKBOOK_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ContactFileError(TOO_MUCH) from error
    if done.returncode == TOO_BIG:
        raise ContactFileError("the file's first sheet is too big; divide it, or save it as CSV")
    if done.returncode == NO_SHEET:
        raise ContactFileError("the file has no sheet of cells")
    if done.returncode < 0:  # ended by a signal: of its limits, or of its own when it had no more memory
        raise ContactFileError(TOO_MUCH)
    if done.returncode:
        raise ContactFileError(UNREADABLE)
    return done.stdout
