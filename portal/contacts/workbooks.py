"""Read a sheet of a workbook."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from portal.contacts import file_limits
from portal.contacts.csv_text import check_record, long_cell_error
from portal.contacts.encodings import Content, decode_lines, open_content
from portal.contacts.file_limits import ContactFileError
from portal.contacts.rows import CellKind, Row
from portal.contacts.workbook_reader import NO_SHEET, TOO_LARGE

PROGRAM = Path(__file__).with_name("workbook_reader")
TIMEOUT_FACTOR = 2  # elapsed time per processor time on a busy machine

UNREADABLE_MESSAGE = "the workbook cannot be read; open it in a spreadsheet program and save it again"
TOO_COSTLY_MESSAGE = "the workbook needs too much memory or time to read; split it, or save it as CSV"
TOO_LARGE_MESSAGE = "the workbook or its sheet is too large; split it, or save it as CSV"
NO_SHEET_MESSAGE = "the workbook has no worksheet"


@dataclass(frozen=True)
class Sheet:
    """A worksheet: its name, whether it is visible, and the number of its last row (None = unknown)."""

    name: str
    visible: bool
    rows: int | None


@dataclass(frozen=True)
class WorkbookSource:
    """The records of a sheet, as written by the program that reads workbooks."""

    text: bytes = field(repr=False)
    sheet: str
    sheets: tuple[Sheet, ...]
    hidden_columns: frozenset[int]  # from 0
    max_rows: int | None = None

    def records(self) -> Iterator[Row]:
        """Iterate over the records that are not blank. Raises ContactFileError.

        The first cell of a line holds the marks of a row: "h" if it is hidden, and the kinds of its cells: "h 3f 5d".
        """
        lines = csv.reader(decode_lines(self.text, "utf-8"))
        next(lines)
        number = 0
        while True:
            number += 1
            try:
                record = next(lines, None)
            except csv.Error as error:  # longer than csv.field_size_limit()
                raise long_cell_error(number) from error
            if record is None:
                return
            marks, *cells = record
            hidden, *kinds = marks.split(" ")
            if kinds or (any(cells) and "".join(cells).strip()):
                check_record(number, cells, self.max_rows)
                yield Row(number, cells, {int(kind[:-1]): CellKind(kind[-1]) for kind in kinds}, hidden == "h")


def read_workbook(content: Content, kind: str, sheet: str, max_rows: int | None = None) -> WorkbookSource:
    """Read the sheet with this name, or the likeliest ("") of an .xls or .xlsx file. Raises ContactFileError."""
    with open_content(content) as file:
        workbook = file.read()
    if kind == "xls" and len(workbook) > file_limits.MAX_XLS_BYTES:
        megabytes = file_limits.MAX_XLS_BYTES // 1_000_000
        raise ContactFileError(f"the file is an .xls workbook of more than {megabytes} MB; save it as .xlsx")
    text = run_program(workbook, sheet)
    start, _, _ = text.partition(b"\n")
    about = json.loads(next(csv.reader([start.decode()]))[0])
    sheets = tuple(Sheet(*values) for values in about["sheets"])
    if "sheet" not in about:
        names = ", ".join(other.name for other in sheets)
        raise ContactFileError(f"sheet must be one of {names}", "sheet")
    return WorkbookSource(text, about["sheet"], sheets, frozenset(about["hidden_columns"]), max_rows)


def run_program(workbook: bytes, sheet: str) -> bytes:
    """Run the program that reads a sheet and return its output. Raises ContactFileError."""
    limits = (
        file_limits.WORKBOOK_MEMORY,
        file_limits.WORKBOOK_SECONDS,
        file_limits.MAX_CELLS,
        file_limits.MAX_UNPACKED,
    )
    command = [sys.executable, "-I", str(PROGRAM), sheet.encode(errors="replace").hex(), *map(str, limits)]
    try:
        process = subprocess.run(  # noqa: S603, runs our own program with our own numbers
            command,
            input=workbook,
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
