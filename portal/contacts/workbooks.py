"""The first sheet of a workbook, as CSV."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from portal.contacts import limits
from portal.contacts.archives import UNREADABLE, check_archive
from portal.contacts.limits import BadFile
from portal.contacts.sheet_process import NO_SHEET, TOO_BIG

PROGRAM = Path(__file__).with_name("sheet_process.py")
TOO_MUCH = "the file takes too much to read as a workbook; divide it, or save it as CSV"
PATIENCE = 2  # how much longer than its processor time a reader may take on a busy machine


def xlsx_as_csv(content: bytes) -> bytes:
    """The first sheet of an .xlsx file as CSV in UTF-8. Raises BadFile."""
    check_archive(content)
    return as_csv(content)


def xls_as_csv(content: bytes) -> bytes:
    """The first sheet of an .xls file as CSV in UTF-8. Raises BadFile."""
    if len(content) > limits.MOST_XLS:
        raise BadFile(f"the file is an .xls workbook of more than {limits.MOST_XLS // 1_000_000} MB; save it as .xlsx")
    return as_csv(content)


def as_csv(content: bytes) -> bytes:
    """What the program that reads workbooks writes, held in memory. Raises BadFile."""
    bounds = (limits.WORKBOOK_MEMORY, limits.WORKBOOK_SECONDS, limits.MOST_CELLS, limits.MOST_UNPACKED)
    command = [sys.executable, "-I", str(PROGRAM), *map(str, bounds)]
    try:
        done = subprocess.run(  # noqa: S603, a program of ours with numbers of ours
            command, input=content, capture_output=True, timeout=PATIENCE * limits.WORKBOOK_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BadFile(TOO_MUCH) from error
    if done.returncode == TOO_BIG:
        raise BadFile("the file's first sheet is too big; divide it, or save it as CSV")
    if done.returncode == NO_SHEET:
        raise BadFile("the file has no sheet of cells")
    if done.returncode < 0:  # ended by a signal: of its limits, or of its own when it had no more memory
        raise BadFile(TOO_MUCH)
    if done.returncode:
        raise BadFile(UNREADABLE)
    return done.stdout
