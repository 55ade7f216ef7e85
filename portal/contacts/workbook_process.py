"""A program that reads a workbook from standard input and writes its first sheet to standard output as CSV in UTF-8.

It runs in its own process, within limits of memory and time that it sets itself: a malicious workbook can make any
parser exhaust memory, loop or abort, and ends only this process. It imports nothing of the portal, to start quickly.
"""

from __future__ import annotations

import csv
import io
import json
import resource
import sys
from datetime import date, datetime, time, timedelta
from typing import Any
from zipfile import ZipFile

from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

TOO_LARGE, NO_SHEET = 3, 4  # exit statuses
MAX_EXACT = 2**53  # every whole number up to it is stored exactly in a cell
ZIP_MAGIC = b"PK"


def cell_text(value: Any) -> str:
    """Format a cell's value: whole numbers without a fraction, dates and times in ISO form."""
    match value:
        case str():
            return value
        case bool():
            return "TRUE" if value else "FALSE"
        case float() if value.is_integer() and abs(value) <= MAX_EXACT:
            return str(int(value))
        case float():
            return f"{value:.15g}"  # the digits that spreadsheet programs show
        case datetime():
            return value.isoformat(" ", timespec="seconds")
        case date():
            return value.isoformat()
        case time():
            return value.isoformat(timespec="seconds")
        case timedelta():
            minutes, seconds = divmod(round(value.total_seconds()), 60)
            return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return str(value)


def choose_sheet(workbook: CalamineWorkbook, wanted: str) -> tuple[CalamineSheet | None, list[list[Any]]]:
    """Return the worksheet with that name, or by default the first visible one, and all worksheets.

    Exits with NO_SHEET if there is none.
    """
    sheets = [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    if not sheets:
        sys.exit(NO_SHEET)
    listed = [[sheet.name, sheet.visible == SheetVisibleEnum.Visible, None] for sheet in sheets]
    if not wanted:
        wanted = min(sheets, key=lambda sheet: sheet.visible != SheetVisibleEnum.Visible).name
    elif wanted not in {sheet.name for sheet in sheets}:
        return None, listed
    return workbook.get_sheet_by_name(wanted), listed


def check_unpacked_size(content: bytes, max_bytes: int) -> None:
    """Exit with TOO_LARGE if the parts of an .xlsx file declare more bytes. The other limits catch false sizes."""
    if content.startswith(ZIP_MAGIC):
        with ZipFile(io.BytesIO(content)) as archive:
            if sum(part.file_size for part in archive.infolist()) > max_bytes:
                sys.exit(TOO_LARGE)


def main(wanted: str, max_memory: int, max_seconds: int, max_cells: int, max_bytes: int) -> None:
    """Write the sheet from cell A1 on. Exits with TOO_LARGE if it exceeds a limit."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (max_seconds, max_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (max_memory, max_memory))
    content = sys.stdin.buffer.read()
    check_unpacked_size(content, max_bytes)
    sheet, sheets = choose_sheet(CalamineWorkbook.from_object(io.BytesIO(content)), wanted)
    about = {"sheets": sheets} | ({"sheet": sheet.name, "hidden_columns": []} if sheet else {})
    line = io.StringIO(newline="")
    writer = csv.writer(line)
    writer.writerow([json.dumps(about)])
    sys.stdout.buffer.write(line.getvalue().encode(errors="replace"))
    if sheet is None:
        return
    last_row, last_column = sheet.end or (0, 0)
    if (last_row + 1) * (last_column + 1) > max_cells:
        sys.exit(TOO_LARGE)
    padding = [""] * (sheet.start[1] if sheet.start else 0)  # iter_rows() omits empty columns, not rows, at the start
    written = 0
    for cells in sheet.iter_rows():
        line.seek(0)
        line.truncate()
        writer.writerow([""] + padding + [cell_text(cell) for cell in cells])
        row = line.getvalue().encode(errors="replace")
        written += len(row)
        if written > max_bytes:
            sys.exit(TOO_LARGE)
        sys.stdout.buffer.write(row)


if __name__ == "__main__":
    main(bytes.fromhex(sys.argv[1]).decode(), *map(int, sys.argv[2:]))
