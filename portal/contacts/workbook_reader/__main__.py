"""A program that reads a workbook from standard input and writes one of its sheets to standard output as CSV in UTF-8.

It runs in its own process, within limits of memory and time that it sets itself: a malicious workbook can make any
parser exhaust memory, loop or abort, and ends only this process. It imports nothing of the portal, to start quickly.

The first line of output holds one cell: what is known of the workbook, as JSON. Every further line is a row: its marks
("h" if it is hidden, then the index and the kind of each unusual cell, such as "h 3f 5d"), and its cells as displayed.
"""

from __future__ import annotations

import csv
import io
import json
import resource
import sys
from zipfile import ZipFile

from cells import SheetRow

TOO_LARGE, NO_SHEET = 3, 4  # exit statuses, as in __init__.py
ZIP_MAGIC = b"PK"
MAX_LISTED = 100  # sheets


def check_unpacked_size(content: bytes, max_bytes: int) -> None:
    """Exit with TOO_LARGE if the parts of an .xlsx file declare more bytes. The other limits catch false sizes."""
    with ZipFile(io.BytesIO(content)) as archive:
        if sum(part.file_size for part in archive.infolist()) > max_bytes:
            sys.exit(TOO_LARGE)


def format_row(row: SheetRow) -> list[str]:
    """Return a row with its marks in front."""
    marks = ["h" if row.hidden else "", *(f"{column}{kind}" for column, kind in row.kinds.items())]
    return [" ".join(marks) if any(marks) else "", *row.cells]


class Output:
    """Writes rows of CSV to standard output, up to a limit of bytes."""

    def __init__(self, max_bytes: int) -> None:
        self.remaining = max_bytes
        self.line = io.StringIO(newline="")
        self.writer = csv.writer(self.line)

    def write(self, cells: list[str]) -> None:
        """Write a row. Exits with TOO_LARGE beyond the limit."""
        self.line.seek(0)
        self.line.truncate()
        self.writer.writerow(cells)
        row = self.line.getvalue().encode(errors="replace")
        self.remaining -= len(row)
        if self.remaining < 0:
            sys.exit(TOO_LARGE)
        sys.stdout.buffer.write(row)


def main(wanted: str, max_cells: int, max_bytes: int) -> None:
    """Write the sheet with that name ("" = the first visible one) from cell A1 on, or only the names of all sheets."""
    content = sys.stdin.buffer.read()
    if content.startswith(ZIP_MAGIC):
        check_unpacked_size(content, max_bytes)
        from xlsx import Workbook
    else:
        from xls import Workbook
    workbook = Workbook(content)
    sheets = workbook.list_sheets()
    if not sheets:
        sys.exit(NO_SHEET)
    name = wanted or next((name for name, visible, _ in sheets if visible), sheets[0][0])
    about = {"sheets": sheets[:MAX_LISTED]}
    output = Output(max_bytes)
    if name not in {name for name, _, _ in sheets}:
        output.write([json.dumps(about)])
        return
    sheet = workbook.read(name)
    if sheet.row_count * sheet.column_count > max_cells:
        sys.exit(TOO_LARGE)
    output.write([json.dumps(about | {"sheet": name, "hidden_columns": sheet.hidden_columns})])
    for row in sheet.rows:
        output.write(format_row(row))


if __name__ == "__main__":
    name, *limits = sys.argv[1:]
    max_memory, max_seconds, max_cells, max_bytes = map(int, limits)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (max_seconds, max_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (max_memory, max_memory))
    try:
        main(bytes.fromhex(name).decode(), max_cells, max_bytes)
    except MemoryError:
        sys.exit(TOO_LARGE)
