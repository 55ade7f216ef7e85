"""A row of a table, and what is unusual about its cells."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class CellKind(StrEnum):
    """What the text of a cell does not show. The values are short because the workbook reader writes them."""

    FRACTION = "f"  # a number with a fraction, however it is displayed
    DATE = "d"  # a date, a time or a duration
    FORMULA_WITHOUT_VALUE = "v"  # a formula whose value was not saved with the file; the cell is empty
    ERROR = "e"  # an error value such as #N/A
    SHORTENED = "s"  # a number of more than 15 digits, which a spreadsheet does not store exactly
    UNCLOSED_QUOTE = "q"  # a quotation mark that opens the cell and is never closed


class Row(NamedTuple):
    """A row: its number as a spreadsheet shows it, its cells, and the kinds of unusual cells by their index."""

    number: int
    cells: list[str]
    kinds: dict[int, CellKind]
    hidden: bool = False
