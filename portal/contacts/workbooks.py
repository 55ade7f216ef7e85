"""Convert the first sheet of a workbook to CSV."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from portal.contacts import file_limits
from portal.contacts.file_limits import ContactFileError
from portal.contacts.workbook_process import NO_SHEET, TOO_LARGE

PROGRAM = Path(__file__).with_name("workbook_process.py")
TIMEOUT_FACTOR = 2  # elapsed time per processor time on a busy machine

UNREADABLE_MESSAGE = "the workbook cannot be read; open it in a spreadsheet program and save it again"
TOO_COSTLY_MESSAGE = "the workbook needs too much memory or time to read; split it, or save it as CSV"
TOO_LARGE_MESSAGE = "the workbook or its first sheet is too large; split it, or save it as CSV"
NO_SHEET_MESSAGE = "the workbook has no worksheet"


def convert_xls(content: bytes) -> bytes:
    """Convert the first sheet of an .xls file to CSV in UTF-8. Raises ContactFileError."""
    if len(content) > file_limits.MAX_XLS_BYTES:
        megabytes = file_limits.MAX_XLS_BYTES // 1_000_000
        raise ContactFileError(f"the file is an .xls workbook of more than {megabytes} MB; save it as .xlsx")
    return convert_workbook(content)


def convert_workbook(content: bytes) -> bytes:
    """Convert the first sheet of an .xls or .xlsx file to CSV in UTF-8. Raises ContactFileError."""
    limits = (
        file_limits.WORKBOOK_MEMORY,
        file_limits.WORKBOOK_SECONDS,
        file_limits.MAX_CELLS,
        file_limits.MAX_UNPACKED,
    )
    command = [sys.executable, "-I", str(PROGRAM), *map(str, limits)]
    try:
        process = subprocess.run(  # noqa: S603, runs our own program with our own numbers
            command,
            input=content,
            capture_output=True,
            timeout=TIMEOUT_FACTOR * file_limits.WORKBOOK_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ContactFileError(TOO_COSTLY_MESSAGE) from error
    if process.returncode < 0:  # ended by a signal: a limit was exceeded, or memory could not be allocated
        raise ContactFileError(TOO_COSTLY_MESSAGE)
    if process.returncode:
        messages = {TOO_LARGE: TOO_LARGE_MESSAGE, NO_SHEET: NO_SHEET_MESSAGE}
        raise ContactFileError(messages.get(process.returncode, UNREADABLE_MESSAGE))
    return process.stdout
