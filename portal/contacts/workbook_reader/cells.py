"""What the readers of .xls and .xlsx have in common: a sheet as rows of text with marks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

from number_formats import MAX_EXACT, display_number, display_text, plain_number

# Kinds of cells, as in portal.contacts.rows.CellKind.
FRACTION, DATE, FORMULA_WITHOUT_VALUE, ERROR, SHORTENED = "fdves"


class SheetRow(NamedTuple):
    """A row of text, whether it is hidden, and the kinds of its unusual cells by their index."""

    cells: list[str]
    hidden: bool
    kinds: dict[int, str]


@dataclass
class SheetData:
    """A sheet from cell A1 on: its size, the columns that are hidden (from 0), and its rows."""

    row_count: int
    column_count: int
    hidden_columns: list[int]
    rows: Iterator[SheetRow]


def display_cell(value: Any, code: str) -> tuple[str, str]:
    """Return a cell as displayed, and its kind ("" = usual). Dates and times have their ISO form."""
    match value:
        case str():
            return (display_text(value, code) if value and "@" in code and code != "@" else value), ""
        case bool():
            return ("TRUE" if value else "FALSE"), ""
        case int() | float():
            number = float(value)
            shown = display_number(number, code) if code else plain_number(number)
            if not number.is_integer():
                return shown, FRACTION
            return shown, SHORTENED if abs(number) >= MAX_EXACT else ""
        case datetime():
            return value.isoformat(" ", timespec="seconds"), DATE
        case date():
            return value.isoformat(), DATE
        case time():
            return value.isoformat(timespec="seconds"), DATE
        case timedelta():
            minutes, seconds = divmod(round(value.total_seconds()), 60)
            return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}", DATE
    return str(value), ""
