"""Check the rows of a contact file: find contacts, duplicates and invalid cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from portal.contacts.files import PROBLEM_COLUMN, Table
from portal.contacts.phone_numbers import parse_phone_number
from portal.text import find_forbidden_character

MAX_REPORTED = 200  # invalid cells in a report
FIRST_ROWS = 20  # rows in a report
PROGRESS_INTERVAL = 500  # rows
NO_HEADER = "has no column header"
LINE_BREAKS = str.maketrans("\r\n\t", "   ")


@dataclass(frozen=True)
class Contact:
    """A valid row: the number in E.164, and the other columns by name."""

    row: int
    number: str
    fields: dict[str, str]


@dataclass(frozen=True)
class InvalidCell:
    """An invalid cell. The reason continues a sentence that begins with the column: "must be a phone number"."""

    row: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True)
class Duplicate:
    """A valid row with the number of an earlier row."""

    row: int
    number: str
    first_row: int


RowResult = Contact | InvalidCell | Duplicate


@dataclass
class FileReport:
    """The result of checking a file: `rows` = `valid_rows` + `duplicates` + `invalid_rows`.

    `invalid_cells` holds the first MAX_REPORTED of them.
    """

    columns: list[str]
    first_rows: list[tuple[int, list[str]]] = field(default_factory=list)
    valid_rows: int = 0
    duplicates: int = 0
    invalid_rows: int = 0
    invalid_cells: list[InvalidCell] = field(default_factory=list)
    rows: int = 0


def validate_rows(table: Table, column: str, region: str) -> Iterator[RowResult]:
    """Check all rows in the file's order. An invalid row gives an InvalidCell for each of its invalid cells.

    `column` has the phone numbers; `region` applies to numbers without a country code ("" = none). Raises ValueError
    if the table has no such column.
    """
    for _, _, results in validated_rows(table, column, region):
        yield from results


def build_report(table: Table, column: str, region: str, advance: Callable[[int], object]) -> FileReport:
    """Check a file. `advance` regularly receives the number of rows read so far.

    Raises ValueError if the table has no such column.
    """
    report = FileReport(list(table.header))
    for number, cells, results in validated_rows(table, column, region):
        if report.rows < FIRST_ROWS:
            report.first_rows.append((number, cells))
        report.rows += 1
        match results[0]:
            case Contact():
                report.valid_rows += 1
            case Duplicate():
                report.duplicates += 1
            case InvalidCell():
                report.invalid_rows += 1
                report.invalid_cells += results[: MAX_REPORTED - len(report.invalid_cells)]
        if report.rows % PROGRESS_INTERVAL == 0:
            advance(report.rows)
    advance(report.rows)
    return report


def invalid_rows(table: Table, column: str, region: str) -> Iterator[list[str]]:
    """Iterate over the rows of a file to correct: the header with a last column "problem", then the invalid rows.

    A cell without a header is quoted in the problem, because it has no column. Raises ValueError if the table has no
    such column.
    """
    yield [*table.header, PROBLEM_COLUMN]
    for _, cells, results in validated_rows(table, column, region):
        problems = [describe_problem(result) for result in results if isinstance(result, InvalidCell)]
        if problems:
            yield [*cells[: len(table.header)], "; ".join(problems)]


def describe_problem(cell: InvalidCell) -> str:
    """Describe an invalid cell to a person who sees its row."""
    return f"{cell.column} {cell.reason}" + (f": {cell.value}" if cell.reason == NO_HEADER else "")


def validated_rows(table: Table, column: str, region: str) -> Iterator[tuple[int, list[str], list[RowResult]]]:
    """Iterate over the rows: the number, the cells, and the results of checking them."""
    phone_index = table.header.index(column)
    others = [(index, name) for index, name in enumerate(table.header) if index != phone_index]
    first_rows: dict[str, int] = {}
    for row, cells, _, _ in table.rows():
        number, invalid_cells = validate_row(table, phone_index, region, row, cells)
        results: list[RowResult] = [*invalid_cells]
        if not results:
            first_row = first_rows.setdefault(number, row)
            if first_row == row:
                fields = {name: cells[index].translate(LINE_BREAKS) for index, name in others}
                results = [Contact(row, number, fields)]
            else:
                results = [Duplicate(row, number, first_row)]
        yield row, cells, results


def validate_row(
    table: Table, phone_index: int, region: str, row: int, cells: list[str]
) -> tuple[str, list[InvalidCell]]:
    """Return the row's number in E.164 ("" if invalid) and its invalid cells."""
    header, number, invalid = table.header, "", []
    for index, cell in enumerate(cells):
        if index >= len(header):
            if cell.strip():
                column = f"Column {index - len(header) + table.width + 1}"
                invalid.append(InvalidCell(row, column, cell, NO_HEADER))
        elif index == phone_index:
            try:
                number = parse_phone_number(cell, region)
            except ValueError as error:
                invalid.append(InvalidCell(row, header[index], cell, str(error)))
        elif not cell.isprintable() and (forbidden := find_forbidden_character(cell.translate(LINE_BREAKS))):
            invalid.append(InvalidCell(row, header[index], cell, f"must not hold {forbidden}"))
    return number, invalid
