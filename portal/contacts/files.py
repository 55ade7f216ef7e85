"""Read a contact file (.csv, .xls or .xlsx) as a table: a header and rows of text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath

from portal.contacts.csv_text import DELIMITERS, ENCODINGS, detect_delimiter, detect_encoding, parse_records
from portal.contacts.file_limits import ContactFileError
from portal.contacts.workbooks import convert_workbook, convert_xls
from portal.text import find_forbidden_character

PROBLEM_COLUMN = "problem"  # the last column of an export of invalid rows; ignored in a corrected file


class ContactFileKind(StrEnum):
    """The kinds of contact files; the values are the file name extensions."""

    CSV = "csv"
    XLS = "xls"
    XLSX = "xlsx"


MAGIC = {b"PK\x03\x04": ContactFileKind.XLSX, b"\xd0\xcf\x11\xe0": ContactFileKind.XLS}


@dataclass(frozen=True)
class CsvFormat:
    """The format of a CSV file: one of ENCODINGS and one of DELIMITERS; "" = detect it."""

    encoding: str = ""
    delimiter: str = ""


@dataclass(frozen=True)
class CsvSource:
    """The text of a table as CSV, the width of its header in cells, and the indexes of the table's columns."""

    content: bytes
    encoding: str
    delimiter: str
    width: int = 0
    indexes: tuple[int, ...] = ()

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Iterate over the records that are not blank, the header first. Raises ContactFileError."""
        return parse_records(self.content, self.encoding, self.delimiter)


@dataclass(frozen=True)
class Table:
    """A file that can be read to its end. `encoding` and `delimiter` are "" for a workbook."""

    kind: ContactFileKind
    encoding: str
    delimiter: str
    header: list[str]
    source: CsvSource = field(repr=False)

    @property
    def width(self) -> int:
        """The number of cells of the header in the file, including those without a name."""
        return self.source.width

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Iterate over the rows that are not blank: the number as shown in a spreadsheet, and the cells.

        A row has a cell for every column, followed by the cells to the right of the header.
        """
        records = self.source.records()
        next(records)
        indexes, width = self.source.indexes, self.source.width
        has_all_columns = list(indexes) == list(range(width))
        for number, cells in records:
            if has_all_columns and len(cells) == width:
                yield number, cells
                continue
            extra = cells[width:]
            while extra and not extra[-1].strip():
                extra.pop()
            yield number, [cells[index] if index < len(cells) else "" for index in indexes] + extra


def open_table(content: bytes, file_name: str, csv_format: CsvFormat = CsvFormat()) -> Table:
    """Open the table in a file. Raises ContactFileError; a table that is returned can be read to its end.

    A column without a name is called "Column 3" if it has any content, and is left out if not.
    """
    kind = detect_kind(content, file_name)
    if kind == ContactFileKind.CSV:
        encoding = csv_format.encoding or detect_encoding(content)
        if encoding not in ENCODINGS or csv_format.delimiter not in DELIMITERS.keys() | {""}:
            raise ContactFileError("the encoding or the delimiter is not supported")
        source = CsvSource(content, encoding, csv_format.delimiter or detect_delimiter(content, encoding))
    else:
        convert = convert_xls if kind == ContactFileKind.XLS else convert_workbook
        source = CsvSource(convert(content), "utf-8", ",")
    rows = source.records()
    _, names = next(rows, (1, None))
    if names is None:
        raise ContactFileError("the file is empty; it must start with a header row")
    columns = find_columns(names, rows)
    shown = (source.encoding, source.delimiter) if kind == ContactFileKind.CSV else ("", "")
    complete = CsvSource(source.content, source.encoding, source.delimiter, len(names), tuple(columns))
    return Table(kind, *shown, list(columns.values()), complete)


def detect_kind(content: bytes, file_name: str) -> ContactFileKind:
    """Return the kind of a file by its name and confirm it by its first bytes. Raises ContactFileError."""
    extension = PurePath(file_name).suffix.lower().removeprefix(".")
    if extension not in list(ContactFileKind):
        raise ContactFileError("the file must be a .csv, .xls or .xlsx file")
    if not content:
        raise ContactFileError("the file is empty; it must start with a header row")
    named, detected = ContactFileKind(extension), MAGIC.get(content[:4], ContactFileKind.CSV)
    if named == detected:
        return named
    if named == ContactFileKind.CSV:
        raise ContactFileError(f"the file is a workbook, not CSV; save it as CSV, or rename it to .{detected}")
    if named == ContactFileKind.XLSX and detected == ContactFileKind.XLS:
        raise ContactFileError("the file is an .xls workbook, or has a password; save it as .xlsx without a password")
    raise ContactFileError(f"the file is named .{named} but is not an .{named} workbook; save it as .{named}")


def find_columns(names: list[str], rows: Iterator[tuple[int, list[str]]]) -> dict[int, str]:
    """Return the columns by their index in a row, from 0. Raises ContactFileError, also for errors in the rows."""
    columns = {index: name.strip() for index, name in enumerate(names)}
    unnamed = {index for index, name in columns.items() if not name}
    for _, cells in rows:  # read all rows, even if every column has a name: an error must occur here
        if unnamed:
            used = {index for index in unnamed if index < len(cells) and cells[index].strip()}
            columns |= {index: f"Column {index + 1}" for index in used}
            unnamed -= used
    columns = {index: name for index, name in columns.items() if name}
    if columns and columns[last := max(columns)] == PROBLEM_COLUMN:
        del columns[last]
    if not columns:
        raise ContactFileError("the header row has no column names")
    first: dict[str, int] = {}
    for index, name in columns.items():
        if forbidden := find_forbidden_character(name):
            raise ContactFileError(f"the name of column {index + 1} must not hold {forbidden}")
        if first.setdefault(name, index) != index:
            raise ContactFileError(f"columns {first[name] + 1} and {index + 1} have the same name")
    return columns
