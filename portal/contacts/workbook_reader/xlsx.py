"""Read .xlsx: values with python-calamine; number formats, hidden rows and formulas, which it lacks, from the XML.

openpyxl knows the formats but not, while it streams, which rows are hidden, and needs ten times as long.
"""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple
from xml.parsers import expat
from zipfile import ZipFile

from cells import ERROR, FORMULA_WITHOUT_VALUE, SheetData, SheetRow, display_cell
from number_formats import BUILT_IN
from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

CHUNK = 65_536  # bytes
DIMENSION = re.compile(rb'<(?:\w+:)?dimension[^>]* ref="(?:[A-Z]+\d+:)?[A-Z]+(\d+)"')
TRUE = ("1", "true")
Start = Callable[[str, dict[str, str]], None]


class UnreadableError(Exception):
    """A workbook that is not well formed."""


class Marks(NamedTuple):
    """What the XML says about a row: whether it is hidden, number formats by column, and cells without their value."""

    number: int  # from 0
    hidden: bool
    formats: dict[int, str]
    special: dict[int, tuple[str, str]]  # the text and the kind


class Workbook:
    """An .xlsx file."""

    def __init__(self, content: bytes) -> None:
        self.workbook = CalamineWorkbook.from_object(io.BytesIO(content))
        self.archive = ZipFile(io.BytesIO(content))
        self.parts = {name.lower().lstrip("/"): name for name in self.archive.namelist()}
        self.sheet_parts: dict[str, str] = {}

    def list_sheets(self) -> list[tuple[str, bool, int | None]]:
        """Return the name of each worksheet, whether it is visible, and the number of its last row if it is known."""
        sheets = [sheet for sheet in self.workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
        self.find_sheet_parts()
        return [
            (sheet.name, sheet.visible == SheetVisibleEnum.Visible, self.find_last_row(sheet.name)) for sheet in sheets
        ]

    def find_last_row(self, name: str) -> int | None:
        """Return the number of the last row, as the start of the sheet's part says."""
        if name not in self.sheet_parts:
            return None
        with self.archive.open(self.sheet_parts[name]) as part:
            found = DIMENSION.search(part.read(CHUNK))
        return int(found[1]) if found else None

    def find_sheet_parts(self) -> None:
        """Find the part with the cells of each sheet."""
        ids: dict[str, str] = {}
        targets: dict[str, str] = {}

        def read_sheet(tag: str, attributes: dict[str, str]) -> None:
            if tag == "sheet":
                ids[attributes.get("name", "")] = next(
                    (value for name, value in attributes.items() if name.endswith(":id")), ""
                )

        def read_relation(tag: str, attributes: dict[str, str]) -> None:
            if tag == "Relationship":
                targets[attributes.get("Id", "")] = attributes.get("Target", "")

        self.parse("xl/workbook.xml", read_sheet)
        self.parse("xl/_rels/workbook.xml.rels", read_relation)
        for name, relation in ids.items():
            target = posixpath.normpath(posixpath.join("/xl", targets.get(relation, "")))
            if part := self.parts.get(target.lower().lstrip("/")):
                self.sheet_parts[name] = part

    def parse(self, part: str, start: Start) -> None:
        """Parse a part to its end. Raises UnreadableError if there is no such part."""
        if part not in self.parts:
            raise UnreadableError
        with self.archive.open(self.parts[part]) as file:
            make_parser(start).ParseFile(file)

    def read_formats(self) -> list[str]:
        """Return the number format of each cell style; "" = General."""
        codes = dict(BUILT_IN)
        styles: list[int] = []
        in_styles = False

        def read(tag: str, attributes: dict[str, str]) -> None:
            nonlocal in_styles
            if tag == "numFmt":
                codes[int(attributes["numFmtId"])] = attributes["formatCode"]
            elif tag == "xf" and in_styles:
                styles.append(int(attributes.get("numFmtId", 0)))
            elif tag in ("cellStyleXfs", "cellXfs", "cellStyles"):
                in_styles = tag == "cellXfs"

        if "xl/styles.xml" in self.parts:
            self.parse("xl/styles.xml", read)
        return [codes.get(style, "") if codes.get(style, "").lower() != "general" else "" for style in styles]

    def read(self, name: str) -> SheetData:
        """Read the sheet with this name."""
        sheet = self.workbook.get_sheet_by_name(name)
        last_row, last_column = sheet.end or (-1, -1)
        marks = SheetMarks(self.read_formats())
        if name not in self.sheet_parts:
            raise UnreadableError
        rows = marks.parse(self.archive, self.sheet_parts[name])
        first = next(rows, None)  # the columns come before the first row
        # iter_rows() leaves out empty columns at the start, but not empty rows.
        padding = [""] * (sheet.start[1] if sheet.start else 0)

        def iterate() -> Iterator[SheetRow]:
            current = first
            number = -1
            for number, values in enumerate(sheet.iter_rows()):
                while current and current.number < number:
                    current = next(rows, None)
                if current and current.number == number:
                    yield make_row(padding + values, current)
                else:
                    yield make_row(padding + values, Marks(number, False, {}, {}))
            following = [current] if current else []
            for last in chain(following, rows):  # rows of nothing but formulas without a value
                if last.special and last.number > number:
                    yield from (SheetRow([], False, {}) for _ in range(number + 1, last.number))
                    yield make_row([], last)
                    number = last.number

        return SheetData(last_row + 1, last_column + 1, marks.hidden_columns, iterate())


def make_row(values: list[object], marks: Marks) -> SheetRow:
    """Return a row as displayed."""
    cells, kinds = [], {}
    if marks.special and max(marks.special) >= len(values):  # formulas without a value at the end
        values = values + [""] * (max(marks.special) + 1 - len(values))
    for column, value in enumerate(values):
        text, kind = marks.special.get(column) or display_cell(value, marks.formats.get(column, ""))
        cells.append(text)
        if kind:
            kinds[column] = kind
    return SheetRow(cells, marks.hidden, kinds)


class SheetMarks:
    """Reads the marks of a sheet's rows from its XML, one row at a time.

    A sheet has millions of elements, so ends and texts are only looked at within formulas and error values.
    """

    def __init__(self, formats: list[str]) -> None:
        self.formats = {str(style): code for style, code in enumerate(formats) if code}
        self.hidden_columns: list[int] = []
        self.done: list[Marks] = []
        self.row = Marks(-1, False, {}, {})
        self.column = -1
        self.type = ""
        self.text: list[str] = []  # of the value of a formula or error
        self.parser = make_parser(self.start)

    def parse(self, archive: ZipFile, part: str) -> Iterator[Marks]:
        """Iterate over the rows, in ascending order of their numbers."""
        with archive.open(part) as file:
            while chunk := file.read(CHUNK):
                self.parser.Parse(chunk, False)
                yield from self.done
                self.done.clear()
        self.parser.Parse(b"", True)
        yield from (*self.done, self.row)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Read the start of a row, cell, formula or column."""
        if tag == "v":
            return
        if tag == "c":
            self.start_cell(attributes)
        elif tag == "row":
            number = int(attributes["r"]) - 1 if "r" in attributes else self.row.number + 1
            if number <= self.row.number:
                raise UnreadableError  # spreadsheet programs refuse such a sheet, too
            self.done.append(self.row)
            self.row = Marks(number, is_hidden(attributes, "ht"), {}, {})
            self.column = -1
        elif tag == "f":
            self.row.special[self.column] = ("", FORMULA_WITHOUT_VALUE)
            self.read_value()
        elif tag == "col" and is_hidden(attributes, "width"):
            last = min(int(attributes["max"]), 16_384)
            self.hidden_columns += range(int(attributes["min"]) - 1, last)

    def start_cell(self, attributes: dict[str, str]) -> None:
        """Read the position and the format of a cell."""
        reference = attributes.get("r")
        self.column = column_index(reference) if reference else self.column + 1
        self.type = attributes.get("t", "")
        if code := self.formats.get(attributes.get("s", "")):
            self.row.formats[self.column] = code
        if self.type == "e":
            self.read_value()

    def read_value(self) -> None:
        """Collect texts until the end of the value or cell."""
        self.text.clear()
        self.parser.CharacterDataHandler = self.text.append
        self.parser.EndElementHandler = self.end

    def end(self, tag: str) -> None:
        """Read the end of a formula, its value or its cell. An empty text is a value of a formula."""
        tag = tag.rpartition(":")[2]
        if tag == "f":
            self.text.clear()
        elif tag == "v":
            text = "".join(self.text)
            if self.type == "e":
                self.row.special[self.column] = (text, ERROR)
            elif text or self.type == "str":
                self.row.special.pop(self.column, None)
        if tag in ("v", "c"):
            self.parser.CharacterDataHandler = None
            self.parser.EndElementHandler = None


def make_parser(start: Start) -> expat.XMLParserType:
    """Return a parser that calls `start` with tags without their prefix, and refuses a document type."""
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def refuse(*_: object) -> None:
        raise UnreadableError  # entities are defined there

    def read_first(tag: str, attributes: dict[str, str]) -> None:
        has_prefix = ":" in tag
        parser.StartElementHandler = start_with_prefix if has_prefix else start
        start(tag.rpartition(":")[2], attributes)

    def start_with_prefix(tag: str, attributes: dict[str, str]) -> None:
        start(tag.rpartition(":")[2], attributes)

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = read_first  # the root decides whether the elements have a prefix
    return parser


def is_hidden(attributes: dict[str, str], size: str) -> bool:
    """Return whether a row or column is hidden, by itself, by a filter, or because its size is 0."""
    return attributes.get("hidden") in TRUE or float(attributes.get(size, 1)) == 0


def column_index(reference: str) -> int:
    """Return the index of a cell's column, from 0: "AB12" is in 27."""
    index = 0
    for character in reference.rstrip("0123456789"):
        index = index * 26 + ord(character.upper()) - 64
    return index - 1
