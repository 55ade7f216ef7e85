"""Read CSV text as Excel reads it: detect the delimiter, and stream the records."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from portal.contacts import file_limits
from portal.contacts.encodings import Content, decode_lines
from portal.contacts.file_limits import ContactFileError
from portal.contacts.formulas import restore_formula
from portal.contacts.rows import CellKind, Row

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
SNIFFED_LINES = 100
SNIFFED_LENGTH = 10_000  # characters of a line

SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)  # Excel: names the delimiter, and is no row
TYPED = re.compile(r"[+(]?[\d\s()./:-]{4,}|[^@\s,;|]+@[^@\s,;|]+\.\w+|-?\d+([.,]\d+)?")  # a number, date or e-mail

TEXT_FORMULA = re.compile(r'="((?:[^"]|"")*)"')  # how exporters keep Excel from dropping a leading zero


def detect_delimiter(content: Content, encoding: str) -> str:
    """Return the delimiter that splits most of the first rows into equally many cells; by default a comma.

    The line sep= decides. Among delimiters that split equally well, the one counts whose cells begin without a blank
    ("Smith, Ann" is one cell) and look like numbers or e-mail addresses. Raises ContactFileError.
    """
    lines = [line[:SNIFFED_LENGTH] for line in islice(decode_lines(content, encoding), SNIFFED_LINES)]
    if lines and (separator := SEPARATOR_LINE.fullmatch(lines[0])):
        if separator[1] not in DELIMITERS:
            names = ", ".join(DELIMITERS.values())
            raise ContactFileError(f"the line sep={separator[1]} must name a {names}; change it, or remove it")
        return separator[1]

    def score(delimiter: str) -> tuple[float, float, int]:
        try:
            rows = [cells for cells in csv.reader(lines, delimiter=delimiter) if any(map(str.strip, cells))]
        except csv.Error:
            return 0, 0, 0
        ((width, same_width),) = Counter(map(len, rows)).most_common(1) or [(1, 0)]
        if width == 1:
            return 0, 0, 0
        cells = [cell for row in rows if len(row) == width for cell in row]
        indented = sum(cell.startswith(" ") for cell in cells)
        typed = sum(bool(TYPED.fullmatch(cell.strip())) for cell in cells)
        return same_width / len(rows) - indented / len(cells), typed / len(cells), width

    return max(DELIMITERS, key=score)  # the first of equals


class Lines:
    """The lines of a file, which can be put back after a quotation mark that is not closed has taken too many."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines = lines
        self.taken: list[str] = []  # for the present record
        self.returned: list[str] = []  # the next line last

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        line = self.returned.pop() if self.returned else next(self.lines)
        self.taken.append(line)
        return line

    def put_back(self) -> str:
        """Return the first line taken for the present record and put the others back."""
        self.returned += self.taken[:0:-1]
        return self.taken[0]


def parse_records(content: Content, encoding: str, delimiter: str, max_rows: int | None = None) -> Iterator[Row]:
    """Iterate over the records that are not blank, as they were before an export of the portal escaped formulas.

    All records are counted from 1, except for the line sep=. Raises ContactFileError.
    """
    lines = Lines(decode_lines(content, encoding))
    if (first := next(lines, None)) and not SEPARATOR_LINE.fullmatch(first):
        lines.returned.append(first)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        kinds: dict[int, CellKind] = {}
        lines.taken.clear()
        try:
            cells = next(reader, None)
        except csv.Error:  # a quotation mark within a cell, or one that is not closed
            cells, kinds = parse_line(lines.put_back(), delimiter, number)
        if cells is None:
            return
        if any(cells) and "".join(cells).strip():
            check_record(number, cells, max_rows)
            yield Row(number, [restore(cell) if cell[:1] in ("'", "=") else cell for cell in cells], kinds)


def parse_line(line: str, delimiter: str, number: int) -> tuple[list[str], dict[int, CellKind]]:
    """Parse a line with misplaced quotation marks as Excel does, or as plain text if one of them is not closed."""
    try:
        records = list(csv.reader([line, "end of the line"], delimiter=delimiter))
        if len(records) == 2:
            return records[0], {}
        cells = next(csv.reader([line], delimiter=delimiter, quoting=csv.QUOTE_NONE))
    except csv.Error as error:  # longer than csv.field_size_limit()
        raise long_cell_error(number) from error
    opened = next((index for index, cell in enumerate(cells) if cell[:1] == '"' and cell.count('"') % 2), 0)
    return cells, {opened: CellKind.UNCLOSED_QUOTE}


def restore(cell: str) -> str:
    """Return a cell without the apostrophe of an export, or without the formula around a text."""
    if cell[0] == "'":
        return restore_formula(cell)
    formula = TEXT_FORMULA.fullmatch(cell)
    return formula[1].replace('""', '"') if formula else cell


def check_record(number: int, cells: list[str], max_rows: int | None) -> None:
    """Raise ContactFileError if the record exceeds a limit; `max_rows` None = MAX_ROWS."""
    max_columns = file_limits.MAX_COLUMNS
    max_rows = file_limits.MAX_ROWS if max_rows is None else max_rows
    if number > max_rows + 1:
        raise ContactFileError(f"the file has more than {max_rows:,} rows; split it")
    if len(cells) > max_columns and any(cells[max_columns:]):
        raise ContactFileError(f"row {number} of the file has more than {max_columns} columns")
    if max(map(len, cells)) > file_limits.MAX_CELL_LENGTH:
        raise long_cell_error(number)


def long_cell_error(number: int) -> ContactFileError:
    """Return the error for a row with a cell that is too long."""
    return ContactFileError(
        f"row {number} of the file has a cell of more than {file_limits.MAX_CELL_LENGTH:,} characters"
    )
