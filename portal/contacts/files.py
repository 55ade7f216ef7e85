"""Read a contact file (text or a workbook) as a table: a header and rows of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import PurePath

from portal.contacts.csv_text import DELIMITERS, detect_delimiter, parse_records
from portal.contacts.encodings import Content, detect_encoding, find_encoding, open_content
from portal.contacts.file_limits import ContactFileError
from portal.contacts.header_rows import SAMPLE_ROWS, find_header_row, has_data, name_columns
from portal.contacts.rows import Row
from portal.contacts.workbooks import Sheet, WorkbookSource, read_workbook

PROBLEM_COLUMN = "problem (ignored on upload)"  # the last column of an export of invalid rows

MAX_TRIED_SHEETS = 5


class ContactFileKind(StrEnum):
    """The kinds of contact files."""

    CSV = "csv"  # any text with a delimiter
    XLS = "xls"
    XLSX = "xlsx"


EXTENSIONS = {kind.value: kind for kind in ContactFileKind} | dict.fromkeys(("tsv", "txt"), ContactFileKind.CSV)
MAGIC = {b"PK\x03\x04": ContactFileKind.XLSX, b"\xd0\xcf\x11\xe0": ContactFileKind.XLS}


class HiddenChoice(StrEnum):
    """What to do with rows and columns that a spreadsheet hides."""

    SKIP = "skip"
    INCLUDE = "include"


@dataclass(frozen=True)
class ReadChoices:
    """How to read a file; "" or None = detect.

    `encoding` is one of ENCODINGS or an alias, `delimiter` one of DELIMITERS, `sheet` the name of a worksheet,
    `header_row` the number of a row (0 = the file has no header), `hidden` one of HiddenChoice ("" = skip).
    """

    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    header_row: int | None = None
    hidden: str = ""


@dataclass(frozen=True)
class TextSource:
    """The records of a text file."""

    content: Content
    encoding: str
    delimiter: str
    max_rows: int | None = None

    def records(self) -> Iterator[Row]:
        """Iterate over the records that are not blank. Raises ContactFileError."""
        return parse_records(self.content, self.encoding, self.delimiter, self.max_rows)


Source = TextSource | WorkbookSource


@dataclass(frozen=True)
class Table:
    """A file that can be read to its end, and how it is read.

    `encoding` and `delimiter` are "" for a workbook; `sheet` is "" and `sheets` empty for text. `header_row` is 0 for a
    table without a header. `width` is the number of cells of the header, including those without a name. `row_count`,
    `hidden_rows` and `replaced_characters` count rows below the header and bytes that are no text.
    """

    kind: ContactFileKind
    encoding: str
    delimiter: str
    sheet: str
    sheets: Sequence[Sheet]
    header_row: int
    header_guessed: bool
    header: list[str]
    width: int
    row_count: int
    hidden_rows: int
    hidden_columns: Sequence[str]
    replaced_characters: int
    skips_hidden: bool
    source: Source = field(repr=False)
    indexes: tuple[int, ...] = field(repr=False)  # of the columns in a record

    def rows(self) -> Iterator[Row]:
        """Iterate over the rows below the header that are not blank.

        A row has a cell for every column, followed by the cells to the right of the header. Hidden rows are left out
        unless they were asked for.
        """
        indexes, width = self.indexes, self.width
        has_all_columns = list(indexes) == list(range(width))
        for row in self.source.records():
            if row.number <= self.header_row or (row.hidden and self.skips_hidden):
                continue
            if has_all_columns and len(row.cells) == width:
                yield row
                continue
            cells = row.cells
            extra = cells[width:]
            while extra and not extra[-1].strip():
                extra.pop()
            chosen = [cells[index] if index < len(cells) else "" for index in indexes] + extra
            kinds = row.kinds
            if kinds:
                places = [*indexes, *range(width, len(cells))]
                kinds = {places.index(index): kind for index, kind in kinds.items() if index in places}
            yield Row(row.number, chosen, kinds, row.hidden)


def open_table(
    content: Content, file_name: str, choices: ReadChoices = ReadChoices(), max_rows: int | None = None
) -> Table:
    """Open the table in a file. Raises ContactFileError; a table that is returned can be read to its end."""
    check_choices(choices)
    kind = detect_kind(content, file_name)
    source: Source
    if kind == ContactFileKind.CSV:
        if choices.sheet:
            raise ContactFileError("sheet can only be chosen for a workbook; the file is text", "sheet")
        encoding = find_encoding(choices.encoding) if choices.encoding else detect_encoding(content)
        delimiter = choices.delimiter or detect_delimiter(content, encoding)
        source = TextSource(content, encoding, delimiter, max_rows)
    else:
        for name in ("encoding", "delimiter"):
            if getattr(choices, name):
                raise ContactFileError(f"{name} can only be chosen for a text file; the file is a workbook", name)
        source = choose_sheet(content, kind, choices, max_rows)
    return open_source(source, kind, choices)


def choose_sheet(content: Content, kind: str, choices: ReadChoices, max_rows: int | None) -> WorkbookSource:
    """Read the chosen sheet, or the first visible one with a phone number or an e-mail address in its first rows.

    If there is none, it is the first visible sheet with any content. Raises ContactFileError.
    """
    first = read_workbook(content, kind, choices.sheet, max_rows)
    sample = read_sample(first, choices)
    others = [sheet.name for sheet in first.sheets if sheet.visible and sheet.rows != 0 and sheet.name != first.sheet]
    if choices.sheet or any(map(has_data, sample)):
        return first
    for name in others[: MAX_TRIED_SHEETS - 1]:
        try:
            source = read_workbook(content, kind, name, max_rows)
            other_sample = read_sample(source, choices)
        except ContactFileError:  # it can be chosen, and then the message is shown
            continue
        if any(map(has_data, other_sample)):
            return source
        if not sample:
            first, sample = source, other_sample
    return first


def read_sample(source: Source, choices: ReadChoices) -> list[Row]:
    """Return the first rows that are used. Raises ContactFileError."""
    skips_hidden = choices.hidden != HiddenChoice.INCLUDE
    return list(islice((row for row in source.records() if not (row.hidden and skips_hidden)), SAMPLE_ROWS))


def check_choices(choices: ReadChoices) -> None:
    """Raise ContactFileError for a choice that does not exist."""
    if choices.delimiter and choices.delimiter not in DELIMITERS:
        raise ContactFileError(f"delimiter must be a {', '.join(DELIMITERS.values())}", "delimiter")
    if choices.header_row is not None and choices.header_row < 0:
        raise ContactFileError("headerRow must be the number of a row, or 0 for a file without a header", "headerRow")
    if choices.hidden not in ("", *HiddenChoice):
        raise ContactFileError(f"hidden must be one of {', '.join(HiddenChoice)}", "hidden")


def detect_kind(content: Content, file_name: str) -> ContactFileKind:
    """Return the kind of a file by its name and confirm it by its first bytes. Raises ContactFileError."""
    extension = PurePath(file_name).suffix.lower().removeprefix(".")
    if extension not in EXTENSIONS:
        raise ContactFileError("the file must be a .csv, .tsv, .txt, .xls or .xlsx file")
    with open_content(content) as file:
        start = file.read(4)
    if not start:
        raise ContactFileError("the file is empty; it must start with a header row")
    named, detected = EXTENSIONS[extension], MAGIC.get(start, ContactFileKind.CSV)
    if named == detected:
        return named
    if named == ContactFileKind.CSV:
        raise ContactFileError(f"the file is a workbook, not text; save it as CSV, or rename it to .{detected}")
    if named == ContactFileKind.XLSX and detected == ContactFileKind.XLS:
        raise ContactFileError("the file is an .xls workbook, or has a password; save it as .xlsx without a password")
    raise ContactFileError(f"the file is named .{named} but is not an .{named} workbook; save it as .{named}")


def open_source(source: Source, kind: ContactFileKind, choices: ReadChoices) -> Table:
    """Find the header and read the source once to its end. Raises ContactFileError."""
    skips_hidden = choices.hidden != HiddenChoice.INCLUDE
    sample = read_sample(source, choices)
    if not sample:
        raise ContactFileError(describe_empty(source))
    header_row = find_header_row(sample) if choices.header_row is None else choices.header_row
    scan = Scan(source, header_row, skips_hidden)
    if header_row and not scan.names:
        raise ContactFileError(
            f"headerRow must be a row with column names; row {header_row} is blank or missing", "headerRow"
        )
    columns = name_columns(scan.names, scan.width, scan.used, header_row)
    is_text = isinstance(source, TextSource)
    hidden = {} if is_text or not skips_hidden else {index: columns.pop(index, "") for index in source.hidden_columns}
    if columns and columns[last := max(columns)] == PROBLEM_COLUMN:
        del columns[last]
    if not columns:
        raise ContactFileError(f"row {header_row} is the header but has no column names; name the columns")
    return Table(
        kind=kind,
        encoding=source.encoding if is_text else "",
        delimiter=source.delimiter if is_text else "",
        sheet="" if is_text else source.sheet,
        sheets=() if is_text else source.sheets,
        header_row=header_row,
        header_guessed=choices.header_row is None,
        header=list(columns.values()),
        width=scan.width,
        row_count=scan.row_count,
        hidden_rows=scan.hidden_rows,
        hidden_columns=list(filter(None, hidden.values())),
        replaced_characters=scan.replaced_characters,
        skips_hidden=skips_hidden,
        source=source,
        indexes=tuple(columns),
    )


class Scan:
    """What is known of a source after reading it to its end; every error in it has occurred."""

    def __init__(self, source: Source, header_row: int, skips_hidden: bool) -> None:
        self.names: list[str] = []  # the cells of the header
        self.used: set[int] = set()  # indexes of columns with content below the header
        self.width = self.row_count = self.hidden_rows = self.replaced_characters = 0
        is_text = isinstance(source, TextSource)
        for row in source.records():
            if is_text:
                self.replaced_characters += sum(cell.count("\ufffd") for cell in row.cells)
            if row.number == header_row:
                self.names = row.cells
                self.width = len(row.cells)
            elif row.number > header_row:
                self.hidden_rows += row.hidden
                self.row_count += not (row.hidden and skips_hidden)
                if not header_row:
                    self.width = max(self.width, len(row.cells))
                if len(self.used) < self.width:
                    self.used |= {index for index, cell in enumerate(row.cells[: self.width]) if cell.strip()}


def describe_empty(source: Source) -> str:
    """Say that there is no row, and where to look for one."""
    if isinstance(source, TextSource) or len(source.sheets) == 1:
        return "the file is empty; it must start with a header row"
    others = ", ".join(sheet.name for sheet in source.sheets if sheet.name != source.sheet)
    return f"the sheet {source.sheet} is empty; choose another sheet ({others})"
