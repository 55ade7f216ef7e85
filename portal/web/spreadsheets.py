"""Tables as streamed CSV and .xlsx files.

In a CSV file, a spreadsheet guesses the type of a cell and shows +12015550123 as the number 12015550123. In .xlsx, each
cell has a type, so a phone number keeps its plus, text is never a formula, and a time is a date in the reader's zone.
CSV is for programs, with the names of the API; workbooks are for people, with labels.
"""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from portal.contacts.formulas import escape_formula
from portal.times import DAY_MS, datetime_at, format_iso

CHUNK = 65_536  # bytes, or characters of CSV
BYTE_ORDER_MARK = "\ufeff"  # without it, Excel assumes the local code page
MAX_FILE_NAME_LENGTH = 80
# Limits of Excel; lengths are in UTF-16 code units.
MAX_TITLE_LENGTH = 31
MAX_CELL_LENGTH = 32_767
MAX_COLUMNS = 16_384
MAX_SHEET_ROWS = 1_048_575  # without the header
TEXT_FORMAT = 49  # Excel's number for the format "@"
TIME_FORMAT = "yyyy-mm-dd hh:mm:ss"
EXCEL_1970 = 25_569  # days from 30 December 1899 to 1970
MAX_EXACT_NUMBER = 999_999_999_999_999  # Excel stores 15 digits
WIDTH_ROWS = 100  # the first rows determine the widths of columns
MIN_WIDTH, MAX_WIDTH = 8, 60  # characters
OPTIONS = {
    "constant_memory": True,
    "in_memory": False,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
    "use_zip64": True,  # has an effect only above 4 GB
}

UNWRITABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # not allowed in XML 1.0
TITLE_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f\x7f-\x9f]")


class Instant(int):
    """A time as a cell, in milliseconds since 1970 UTC: ISO 8601 in CSV, and a date in workbooks."""

    def __str__(self) -> str:
        return format_iso(int(self))


class Heading(str):
    """The name of a column in CSV, with its `label` in workbooks, where "{zone}" stands for the reader's time zone."""

    label: str

    def __new__(cls, name: str, label: str) -> Heading:
        """Create a heading from both names."""
        heading = super().__new__(cls, name)
        heading.label = label
        return heading


Cell = str | int | float | Instant | None  # text with a `label`, such as a status, shows its label in workbooks


def replace_unwritable(text: str) -> str:
    """Return `text` with U+FFFD for each character that UTF-8 or XML cannot encode, such as NUL."""
    return UNWRITABLE.sub("\ufffd", text)


def truncate_utf16(text: str, maximum: int) -> str:
    """Return `text` in at most `maximum` UTF-16 code units, as Excel counts; truncated text ends with an ellipsis."""
    if 2 * len(text) <= maximum:  # a character has at most two code units
        return text
    units = text.encode("utf-16-le")
    if len(units) <= 2 * maximum:
        return text
    return units[: 2 * maximum - 2].decode("utf-16-le", "ignore") + "…"


def write_csv(_title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]], _zone: tzinfo) -> Generator[bytes]:
    """Yield a CSV file (RFC 4180, UTF-8 with a byte order mark) in chunks of about 64 kB, with formulas escaped."""
    buffer = io.StringIO(newline="")
    buffer.write(BYTE_ORDER_MARK)
    writer = csv.writer(buffer, lineterminator="\r\n")
    for row in chain([header], rows):
        writer.writerow([escape_formula(replace_unwritable(cell)) if isinstance(cell, str) else cell for cell in row])
        if buffer.tell() >= CHUNK:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    if buffer.tell():
        yield buffer.getvalue().encode()


def write_xlsx(title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]], zone: tzinfo) -> Generator[bytes]:
    """Yield a workbook in chunks of 64 kB, with as many sheets as the rows need and times in `zone`.

    The whole workbook is written to a temporary file before the first chunk, which saves memory; the file is deleted
    when the iterator ends or is closed. Raises ValueError for too many columns, and OSError if the disk is full.
    """
    if len(header) > MAX_COLUMNS:
        raise ValueError(f"must have at most {MAX_COLUMNS:,} columns")
    with TemporaryDirectory(prefix="export-") as folder:
        path = Path(folder) / "export.xlsx"
        try:
            with Workbook(str(path), {**OPTIONS, "tmpdir": folder}) as workbook:
                write_sheets(workbook, title, header, rows, zone)
        except FileCreateError as error:  # XlsxWriter wraps the OSError of its temporary files
            raise error.args[0] from None
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk


@dataclass(frozen=True)
class CellStyle:
    """How the cells of a row look: the format of text, the format of times, and the zone of times."""

    text: Format
    time: Format
    zone: tzinfo


def write_sheets(
    workbook: Workbook, title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]], zone: tzinfo
) -> None:
    """Write the rows to a sheet with this title and, if they do not fit, to `title 2` and so on."""
    plain = workbook.add_format({"num_format": TEXT_FORMAT})
    bold = workbook.add_format({"num_format": TEXT_FORMAT, "bold": True})
    style = CellStyle(plain, workbook.add_format({"num_format": TIME_FORMAT, "align": "left"}), zone)
    labels = [name.label.replace("{zone}", str(zone)) if isinstance(name, Heading) else name for name in header]
    remaining = iter(rows)
    number = 1
    on_sheet: Iterable[Sequence[Cell]] = islice(remaining, MAX_SHEET_ROWS)
    while True:
        sheet = workbook.add_worksheet(sheet_title(title, number))
        write_row(sheet, 0, labels, CellStyle(bold, bold, zone))
        sheet.freeze_panes(1, 0)
        write_body(sheet, labels, on_sheet, style)
        following = next(remaining, None)
        if following is None:
            return
        number += 1
        on_sheet = chain([following], islice(remaining, MAX_SHEET_ROWS - 1))


def write_body(sheet: Worksheet, header: Sequence[str], rows: Iterable[Sequence[Cell]], style: CellStyle) -> None:
    """Write the rows below the header, then set column widths and the filter's range."""
    widths = [len(name) + 4 for name in header]  # space for the button of the filter
    last = 0
    for last, row in enumerate(rows, 1):
        write_row(sheet, last, row, style)
        if last <= WIDTH_ROWS:
            widths = [max(width, cell_width(cell)) for width, cell in zip(widths, row, strict=False)] + widths[
                len(row) :
            ]
    for column, width in enumerate(widths):
        sheet.set_column(column, column, min(max(width, MIN_WIDTH), MAX_WIDTH))
    if header:
        sheet.autofilter(0, 0, last, len(header) - 1)


def write_row(sheet: Worksheet, line: int, row: Sequence[Cell], style: CellStyle) -> None:
    """Write one row; numbers that Excel would round or does not support become text."""
    for column, cell in enumerate(row):
        if cell is None:
            continue
        if isinstance(cell, str):
            sheet.write_string(line, column, workbook_text(label_text(cell)), style.text)
        elif isinstance(cell, Instant):
            sheet.write_number(line, column, excel_date(cell, style.zone), style.time)
        elif math.isfinite(cell) and (isinstance(cell, float) or abs(cell) <= MAX_EXACT_NUMBER):
            sheet.write_number(line, column, cell)
        else:
            sheet.write_string(line, column, str(cell), style.text)


def label_text(text: str) -> str:
    """Return the label of a heading or of a member of a vocabulary, and any other text unchanged."""
    return getattr(text, "label", text)


def excel_date(ms: int, zone: tzinfo) -> float:
    """Return a time as Excel stores it: days since 30 December 1899 by the clocks of the zone."""
    offset = datetime_at(ms, zone).utcoffset() or timedelta()
    return EXCEL_1970 + (ms + offset / timedelta(milliseconds=1)) / DAY_MS


def workbook_text(text: str) -> str:
    """Return `text` as a valid cell of a workbook, with LF as its line break."""
    text = truncate_utf16(replace_unwritable(text.replace("\r\n", "\n").replace("\r", "\n")), MAX_CELL_LENGTH)
    if text.startswith("<r>") and text.endswith("</r>"):  # XlsxWriter would treat it as rich text markup
        return truncate_utf16(f"{text} ", MAX_CELL_LENGTH)
    return text


def cell_width(cell: Cell) -> int:
    """Return the width in characters that the first line of a cell needs."""
    if cell is None:
        return 0
    text = TIME_FORMAT if isinstance(cell, Instant) else label_text(str(cell) if not isinstance(cell, str) else cell)
    return len(text[:MAX_WIDTH].partition("\n")[0]) + 2


def sheet_title(title: str, number: int = 1) -> str:
    """Return a valid sheet title: at most 31 code units, none of []:*?/\\, no outer apostrophes, not empty."""
    ending = f" {number}" if number > 1 else ""
    cleaned = TITLE_FORBIDDEN.sub(" ", replace_unwritable(title)).strip(" '")
    cleaned = truncate_utf16(cleaned, MAX_TITLE_LENGTH - len(ending)).strip(" '")
    if cleaned.lower() in ("", "history"):  # Excel reserves "History"
        cleaned = "Export"
    return cleaned + ending


def make_file_name(name: str, extension: str) -> str:
    """Return a file name of at most 80 characters: letters and digits of any script, ".", "_" and "-"."""
    characters = [
        character if unicodedata.category(character)[0] in "LMN" or character in "._" else "-"
        for character in unicodedata.normalize("NFC", name)
    ]
    stem = re.sub(r"-+", "-", "".join(characters)).strip("-._")
    stem = stem[: MAX_FILE_NAME_LENGTH - len(extension) - 1].rstrip("-._")
    return f"{stem or 'export'}.{extension}"
