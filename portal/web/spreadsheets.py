"""Tables as files for spreadsheets, streamed: CSV for every program, .xlsx where texts must stay as they are.

In CSV a spreadsheet guesses what a cell is: it shows +12015550123 as the number 12015550123. In .xlsx each cell says
what it is, so a phone number keeps its plus, and no text is ever a formula.
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
BYTE_ORDER_MARK = "\ufeff"  # without it Excel takes a CSV file for one of its own country's code page
LONGEST_NAME = 80
LONGEST_TITLE = 31  # of a sheet; this and the bounds below are Excel's, in units of UTF-16 where they are of text
LONGEST_CELL = 32_767
MOST_COLUMNS = 16_384
ROWS_ON_A_SHEET = 1_048_575  # below the header
TEXT_FORMAT = 49  # "@", as Excel itself numbers it
LARGEST_EXACT = 999_999_999_999_999  # Excel keeps 15 digits of a number
WIDTH_ROWS = 100  # how many rows, the first ones, are looked at to choose the widths of columns
LEAST_WIDTH, MOST_WIDTH = 8, 60  # characters
OPTIONS = {
    "constant_memory": True,
    "in_memory": False,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
    "use_zip64": True,  # takes effect past 4 GB only
}

UNWRITABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # what XML 1.0 cannot hold
BLANKS = r"[\s\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff]*"  # those that are not seen included
FORMULA = re.compile(rf"{BLANKS}[=+\-@＝＋－＠\t\r\n]")
PHONE_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
NO_TITLE = re.compile(r"[\[\]:*?/\\\x00-\x1f\x7f-\x9f]")


def escape_formula(text: str) -> str:
    """`text` with an apostrophe before it where a spreadsheet would run it as a formula, else as it is.

    A formula begins, blanks aside, with = + - or @, full-width ones too; a tab or a line break in front can hide one.
    A phone number in E.164 form and a plain decimal number stay: they are digits after a sign, nothing in them names
    a function, a cell or a program, so all that a spreadsheet can make of them is that number.
    """
    if FORMULA.match(text) and not PHONE_NUMBER.fullmatch(text) and not DECIMAL.fullmatch(text):
        return f"'{text}"
    return text


def replace_unwritable(text: str) -> str:
    """`text` with U+FFFD for each character that UTF-8 or XML cannot hold: lone surrogates, NUL, most controls."""
    return UNWRITABLE.sub("\ufffd", text)


def truncate_utf16(text: str, most: int) -> str:
    """`text` in at most that many units of UTF-16, as Excel counts; an ellipsis stands for what was cut."""
    if 2 * len(text) <= most:  # surely: a character is at most two units
        return text
    units = text.encode("utf-16-le")
    if len(units) <= 2 * most:
        return text
    return units[: 2 * most - 2].decode("utf-16-le", "ignore") + "…"


def write_csv(_title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Generator[bytes]:
    """A CSV file in chunks of about 64 kB: UTF-8 with a byte order mark, RFC 4180, every text harmless."""
    page = io.StringIO(newline="")
    page.write(BYTE_ORDER_MARK)
    writer = csv.writer(page, lineterminator="\r\n")
    for row in chain([header], rows):
        writer.writerow([escape_formula(replace_unwritable(cell)) if isinstance(cell, str) else cell for cell in row])
        if page.tell() >= CHUNK:
            yield page.getvalue().encode()
            page.seek(0)
            page.truncate()
    if page.tell():
        yield page.getvalue().encode()


def write_xlsx(title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Generator[bytes]:
    """A workbook in chunks of 64 kB: texts as text, numbers as numbers, as many sheets as the rows need.

    It is written to a temporary file before its first chunk, which takes time and disk space, not memory; the file is
    gone when the iterator ends or is closed. Raises ValueError for more columns than Excel has, and OSError where there
    is no room for it.
    """
    if len(header) > MOST_COLUMNS:
        raise ValueError(f"must have at most {MOST_COLUMNS:,} columns")
    with TemporaryDirectory(prefix="export-") as folder:
        path = Path(folder) / "export.xlsx"
        try:
            with Workbook(str(path), {**OPTIONS, "tmpdir": folder}) as workbook:
                write_sheets(workbook, title, header, rows)
        except FileCreateError as error:  # as XlsxWriter calls what went wrong with its own files
            raise error.args[0] from None
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk


def write_sheets(workbook: Workbook, title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """The rows on a sheet with that title; those that do not fit on further ones, `title 2` and so on."""
    plain = workbook.add_format({"num_format": TEXT_FORMAT})
    bold = workbook.add_format({"num_format": TEXT_FORMAT, "bold": True})
    remaining = iter(rows)
    number = 1
    on_sheet: Iterable[Sequence[Cell]] = islice(remaining, ROWS_ON_A_SHEET)
    while True:
        sheet = workbook.add_worksheet(sheet_title(title, number))
        write_row(sheet, 0, header, bold)
        sheet.freeze_panes(1, 0)
        write_body(sheet, header, on_sheet, plain)
        following = next(remaining, None)
        if following is None:
            return
        number += 1
        on_sheet = chain([following], islice(remaining, ROWS_ON_A_SHEET - 1))


def write_body(sheet: Worksheet, header: Sequence[str], rows: Iterable[Sequence[Cell]], plain: Format) -> None:
    """The rows below the header, and what depends on them: the widths of the columns and the range of the filter."""
    widths = [len(name) + 4 for name in header]  # the filter's button hides the end of a name
    last = 0
    for last, row in enumerate(rows, 1):
        write_row(sheet, last, row, plain)
        if last <= WIDTH_ROWS:
            widths = [max(width, cell_width(cell)) for width, cell in zip(widths, row, strict=False)] + widths[
                len(row) :
            ]
    for column, width in enumerate(widths):
        sheet.set_column(column, column, min(max(width, LEAST_WIDTH), MOST_WIDTH))
    if header:
        sheet.autofilter(0, 0, last, len(header) - 1)


def write_row(sheet: Worksheet, line: int, row: Sequence[Cell], kind: Format) -> None:
    """One row, each text in that format. Numbers that Excel would round or does not know are written as text."""
    for column, cell in enumerate(row):
        if cell is None:
            continue
        if isinstance(cell, str):
            sheet.write_string(line, column, workbook_text(cell), kind)
        elif math.isfinite(cell) and (isinstance(cell, float) or abs(cell) <= LARGEST_EXACT):
            sheet.write_number(line, column, cell)
        else:
            sheet.write_string(line, column, str(cell), kind)


def workbook_text(text: str) -> str:
    """`text` as a cell of a workbook can hold it; a line break is one LF."""
    text = truncate_utf16(replace_unwritable(text.replace("\r\n", "\n").replace("\r", "\n")), LONGEST_CELL)
    if text.startswith("<r>") and text.endswith("</r>"):  # XlsxWriter would take it for markup of its own
        return truncate_utf16(f"{text} ", LONGEST_CELL)
    return text


def cell_width(cell: Cell) -> int:
    """How many characters wide a column must be to show that cell, its first line at least."""
    return 0 if cell is None else len(str(cell)[:MOST_WIDTH].partition("\n")[0]) + 2


def sheet_title(title: str, number: int = 1) -> str:
    """A title that Excel takes for a sheet: at most 31 units, none of []:*?/\\, no apostrophe at an end, not empty."""
    ending = f" {number}" if number > 1 else ""
    cleaned = NO_TITLE.sub(" ", replace_unwritable(title)).strip(" '")
    cleaned = truncate_utf16(cleaned, LONGEST_TITLE - len(ending)).strip(" '")
    if cleaned.lower() in ("", "history"):  # Excel keeps the latter for itself
        cleaned = "Export"
    return cleaned + ending


def make_file_name(name: str, extension: str) -> str:
    """A file's name of at most 80 characters: letters and digits of any script . _ and -, never empty (export.csv)."""
    kept = [
        character if unicodedata.category(character)[0] in "LMN" or character in "._" else "-"
        for character in unicodedata.normalize("NFC", name)
    ]
    stem = re.sub(r"-+", "-", "".join(kept)).strip("-._")
    stem = stem[: LONGEST_NAME - len(extension) - 1].rstrip("-._")
    return f"{stem or 'export'}.{extension}"
