"""A contact file (.csv, .xls or .xlsx) as one table: a header and rows of text, or a refusal that says why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath

from portal.contacts.csv_text import DELIMITERS, ENCODINGS, detect_delimiter, detect_encoding, parse_records
from portal.contacts.file_limits import ContactFileError
from portal.contacts.workbooks import convert_xls, convert_xlsx
from portal.text import find_forbidden_character

PROBLEM_COLUMN = "problem"  # the last column of a file of wrong rows, which is not part of what somebody mends in it


class ContactFileKind(StrEnum):
    """What a contact file can be; the values are the extensions."""

    CSV = "csv"
    XLS = "xls"
    XLSX = "xlsx"


MAGIC = {b"PK\x03\x04": ContactFileKind.XLSX, b"\xd0\xcf\x11\xe0": ContactFileKind.XLS}


@dataclass(frozen=True)
class CsvFormat:
    """How a CSV file is to be read: one of ENCODINGS and one of DELIMITERS; "" is for it to be found out."""

    encoding: str = ""
    delimiter: str = ""


@dataclass(frozen=True)
class Table:
    """A file that can be read to its end. A workbook has no `encoding` and no `delimiter` ("")."""

    kind: ContactFileKind
    encoding: str
    delimiter: str
    header: list[str]
    source: CsvSource = field(repr=False)

    @property
    def width(self) -> int:
        """How many cells the header takes up in the file, those without a name among them."""
        return self.source.width

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each row that is not blank: its number as a spreadsheet counts, and its cells.

        There is a cell for every name of the header; what stands beyond the header's last cell comes after them.
        """
        records = self.source.records()
        next(records)
        places, width = self.source.places, self.source.width
        as_it_stands = list(places) == list(range(width))
        for number, cells in records:
            if as_it_stands and len(cells) == width:
                yield number, cells
                continue
            beyond = cells[width:]
            while beyond and not beyond[-1].strip():
                beyond.pop()
            yield number, [cells[place] if place < len(cells) else "" for place in places] + beyond


@dataclass(frozen=True)
class CsvSource:
    """The text of a table: CSV, the number of cells of its header, and which of them are the table's columns."""

    content: bytes
    encoding: str
    delimiter: str
    width: int = 0
    places: tuple[int, ...] = ()

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """The records that are not blank, the header first. Raises ContactFileError."""
        return parse_records(self.content, self.encoding, self.delimiter)


def open_table(content: bytes, file_name: str, how: CsvFormat = CsvFormat()) -> Table:
    """The table in a file of that name. Raises ContactFileError; a table that is returned can be read to its end.

    A blank name of the header becomes "Column 3" where its column holds anything; where not, the column is left out.
    """
    kind = detect_kind(content, file_name)
    if kind == ContactFileKind.CSV:
        encoding = how.encoding or detect_encoding(content)
        if encoding not in ENCODINGS or how.delimiter not in DELIMITERS.keys() | {""}:
            raise ContactFileError("the encoding or the delimiter is none that can be chosen")
        source = CsvSource(content, encoding, how.delimiter or detect_delimiter(content, encoding))
    else:
        source = CsvSource(
            convert_xlsx(content) if kind == ContactFileKind.XLSX else convert_xls(content), "utf-8", ","
        )
    rows = source.records()
    _, names = next(rows, (1, None))
    if names is None:
        raise ContactFileError("the file is empty; it must begin with a header")
    columns = column_names(names, rows)
    said = (source.encoding, source.delimiter) if kind == ContactFileKind.CSV else ("", "")
    placed = CsvSource(source.content, source.encoding, source.delimiter, len(names), tuple(columns))
    return Table(kind, *said, list(columns.values()), placed)


def detect_kind(content: bytes, file_name: str) -> ContactFileKind:
    """What the file is by its name, which its first bytes must bear out. Raises ContactFileError."""
    extension = PurePath(file_name).suffix.lower().removeprefix(".")
    if extension not in list(ContactFileKind):
        raise ContactFileError("the file must be a .csv, .xls or .xlsx file")
    if not content:
        raise ContactFileError("the file is empty; it must begin with a header")
    kind, found = ContactFileKind(extension), MAGIC.get(content[:4], ContactFileKind.CSV)
    if kind == found:
        return kind
    if kind == ContactFileKind.CSV:
        raise ContactFileError(f"the file is a workbook and not text; save it as CSV, or name it .{found}")
    if kind == ContactFileKind.XLSX and found == ContactFileKind.XLS:
        raise ContactFileError("the file is an .xls workbook, or has a password; save it as .xlsx without a password")
    raise ContactFileError(f"the file is not an .{kind} workbook, though its name says so; save it as .{kind}")


def column_names(names: list[str], rows: Iterator[tuple[int, list[str]]]) -> dict[int, str]:
    """The place of each column in a row, from 0, and its name. Raises ContactFileError, also for what is wrong in the rows."""
    columns = {place: name.strip() for place, name in enumerate(names)}
    unnamed = {place for place, name in columns.items() if not name}
    for _, cells in rows:
        if unnamed:
            held = {place for place in unnamed if place < len(cells) and cells[place].strip()}
            columns |= {place: f"Column {place + 1}" for place in held}
            unnamed -= held
    columns = {place: name for place, name in columns.items() if name}
    if columns and columns[last := max(columns)] == PROBLEM_COLUMN:
        del columns[last]
    if not columns:
        raise ContactFileError("the header of the file names no column")
    first: dict[str, int] = {}
    for place, name in columns.items():
        if found := find_forbidden_character(name):
            raise ContactFileError(f"the name of column {place + 1} must not hold {found}")
        if first.setdefault(name, place) != place:
            raise ContactFileError(f"the name of column {place + 1} is that of column {first[name] + 1} already")
    return columns
