"""A program of its own: a workbook on standard input, its first sheet on standard output as CSV in UTF-8.

It is run by its path and imports nothing of the portal, so that it starts in a moment. It stands apart because a
workbook that means harm can make the parser ask for more memory than there is, loop or abort; here that ends this
process, within limits that it sets itself, and no other.
"""

from __future__ import annotations

import csv
import io
import resource
import sys
from datetime import date, datetime, time, timedelta
from typing import Any

from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

TOO_BIG, NO_SHEET = 3, 4  # exit statuses
EXACT = 2**53  # the greatest of the whole numbers that a cell holds exactly


def cell_text(value: Any) -> str:
    """A cell's value as people see it: whole numbers without a fraction, dates and times in ISO form."""
    match value:
        case str():
            return value
        case bool():
            return "TRUE" if value else "FALSE"
        case float() if value.is_integer() and abs(value) <= EXACT:
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


def first_sheet(workbook: CalamineWorkbook) -> CalamineSheet:
    """The first sheet of cells that people see, else the first that is hidden; leaves the program if there is none."""
    sheets = [
        (sheet.visible != SheetVisibleEnum.Visible, index)
        for index, sheet in enumerate(workbook.sheets_metadata)
        if sheet.typ == SheetTypeEnum.WorkSheet
    ]
    if not sheets:
        sys.exit(NO_SHEET)
    return workbook.get_sheet_by_index(min(sheets)[1])


def main(memory: int, seconds: int, most_cells: int, most_bytes: int) -> None:
    """Writes the sheet from row 1 and column A on; leaves with TOO_BIG where it is more than it may be."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    sheet = first_sheet(CalamineWorkbook.from_object(io.BytesIO(sys.stdin.buffer.read())))
    last_row, last_column = sheet.end or (0, 0)
    if (last_row + 1) * (last_column + 1) > most_cells:
        sys.exit(TOO_BIG)
    before = [""] * (sheet.start[1] if sheet.start else 0)  # iter_rows() leaves out columns before the first, no rows
    line = io.StringIO(newline="")
    writer = csv.writer(line)
    written = 0
    for cells in sheet.iter_rows():
        writer.writerow(before + [cell_text(cell) for cell in cells])
        row = line.getvalue().encode(errors="replace")
        written += len(row)
        if written > most_bytes:
            sys.exit(TOO_BIG)
        sys.stdout.buffer.write(row)
        line.seek(0)
        line.truncate()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
