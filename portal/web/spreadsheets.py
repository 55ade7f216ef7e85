"""Tables as streamed CSV and .xlsx files.

In a CSV file, a spreadsheet guesses the type of a cell and shows +12015550123 as the number 12015550123. In .xlsx, each
cell has a type, so a phone number keeps its plus and text is never a formula.
"""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
from collections.abc import Generator, Iterable, Sequence
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

Cell = str | int | float | None

CHUNK = 65_536  # bytes, or characters of CSV
BYTE_ORDER_MARK = "\ufeff"  # without it, Excel assumes the local code page
MAX_FILE_NAME_LENGTH = 80
# Limits of Excel; lengths are in UTF-16 code units.
MAX_TITLE_LENGTH = 31
MAX_CELL_LENGTH = 32_767
MAX_COLUMNS = 16_384
MAX_SHEET_ROWS = 1_048_575  # without the header
TEXT_FORMAT = 49  # Excel's number for the format "@"
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
BLANKS = r"[\s\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff]*"  # including invisible ones
FORMULA = re.compile(rf"{BLANKS}[=+\-@＝＋－＠\t\r\n]")
PHONE_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
TITLE_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f\x7f-\x9f]")


def escape_formula(text: str) -> str:
    """Return `text` with an apostrophe in front if a spreadsheet would run it as a formula, else unchanged.

    After white space, a formula starts with = + - or @, also in full width; a tab or line break in front can hide it.
    Phone numbers in E.164 and decimal numbers are unchanged: a sign and digits cannot name a function, cell or program.
    """
    if FORMULA.match(text) and not PHONE_NUMBER.fullmatch(text) and not DECIMAL.fullmatch(text):
        return f"'{text}"
    return text


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


def write_csv(_title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Generator[bytes]:
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


def write_xlsx(title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Generator[bytes]:
    """Yield a workbook in chunks of 64 kB, with as many sheets as the rows need.

    The whole workbook is written to a temporary file before the first chunk, which saves memory; the file is deleted
    when the iterator ends or is closed. Raises ValueError for too many columns, and OSError if the disk is full.
    """
    if len(header) > MAX_COLUMNS:
        raise ValueError(f"must have at most {MAX_COLUMNS:,} columns")
    with TemporaryDirectory(prefix="export-") as folder:
        path = Path(folder) / "export.xlsx"
        try:
            with Workbook(str(path), {**OPTIONS, "tmpdir": folder}) as workbook:
                write_sheets(workbook, title, header, rows)
        except FileCreateError as error:  # XlsxWriter wraps the OSError of its temporary files
            raise error.args[0] from None
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk


def write_sheets(workbook: Workbook, title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write the rows to a sheet with this title and, if they do not fit, to `title 2` and so on."""
    plain = workbook.add_format({"num_format": TEXT_FORMAT})
    bold = workbook.add_format({"num_format": TEXT_FORMAT, "bold": True})
    remaining = iter(rows)
    number = 1
    on_sheet: Iterable[Sequence[Cell]] = islice(remaining, MAX_SHEET_ROWS)
    while True:
        sheet = workbook.add_worksheet(sheet_title(title, number))
        write_row(sheet, 0, header, bold)
        sheet.freeze_panes(1, 0)
        write_body(sheet, header, on_sheet, plain)
        following = next(remaining, None)
        if following is None:
            return
        number += 1
        on_sheet = chain([following], islice(remaining, MAX_SHEET_ROWS - 1))


def write_body(sheet: Worksheet, header: Sequence[str], rows: Iterable[Sequence[Cell]], plain: Format) -> None:
    """Write the rows below the header, then set column widths and the filter's range."""
    widths = [len(name) + 4 for name in header]  # space for the button of the filter
    last = 0
    for last, row in enumerate(rows, 1):
        write_row(sheet, last, row, plain)
        if last <= WIDTH_ROWS:
            widths = [max(width, cell_width(cell)) for width, cell in zip(widths, row, strict=False)] + widths[
                len(row) :
            ]
    for column, width in enumerate(widths):
        sheet.set_column(column, column, min(max(width, MIN_WIDTH), MAX_WIDTH))
    if header:
        sheet.autofilter(0, 0, last, len(header) - 1)


def write_row(sheet: Worksheet, line: int, row: Sequence[Cell], kind: Format) -> None:
    """Write one row; numbers that Excel would round or does not support become text."""
    for column, cell in enumerate(row):
        if cell is None:
            continue
        if isinstance(cell, str):
            sheet.write_string(line, column, workbook_text(cell), kind)
        elif math.isfinite(cell) and (isinstance(cell, float) or abs(cell) <= MAX_EXACT_NUMBER):
            sheet.write_number(line, column, cell)
        else:
            sheet.write_string(line, column, str(cell), kind)


def workbook_text(text: str) -> str:
    """Return `text` as a valid cell of a workbook, with LF as its line break."""
    text = truncate_utf16(replace_unwritable(text.replace("\r\n", "\n").replace("\r", "\n")), MAX_CELL_LENGTH)
    if text.startswith("<r>") and text.endswith("</r>"):  # XlsxWriter would treat it as rich text markup
        return truncate_utf16(f"{text} ", MAX_CELL_LENGTH)
    return text


def cell_width(cell: Cell) -> int:
    """Return the width in characters that the first line of a cell needs."""
    return 0 if cell is None else len(str(cell)[:MAX_WIDTH].partition("\n")[0]) + 2


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
