"""The rows of a contact file checked: which are contacts, which are there twice, and what is wrong with the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from portal.contacts.files import PROBLEM_COLUMN, Table
from portal.contacts.phone_numbers import parse_phone_number
from portal.text import find_forbidden_character

MAX_REPORTED = 200  # wrong cells in a report
FIRST_ROWS = 20  # rows in a report, as they stand
PROGRESS_INTERVAL = 500  # rows
BEYOND = "is beyond the header"
SEPARATORS = re.compile(r"[\s_.-]+")
NAMES = (  # plain, the likeliest first
    *("phonenumber", "phone", "phoneno", "number", "mobilenumber", "mobilephone", "mobile", "cellphone"),
    *("cellnumber", "cell", "telephonenumber", "telephone", "telno", "tel", "msisdn"),
)
LINE_BREAKS = str.maketrans("\r\n\t", "   ")


@dataclass(frozen=True)
class Contact:
    """A row that is right: its number in E.164, and what its other columns hold, by their names."""

    row: int
    number: str
    fields: dict[str, str]


@dataclass(frozen=True)
class InvalidCell:
    """A cell that is wrong, and a reason that reads on from its column's name: "must be a phone number ..."."""

    row: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True)
class Duplicate:
    """A row that is right, but whose number an earlier row has."""

    row: int
    number: str
    first_row: int


RowResult = Contact | InvalidCell | Duplicate


@dataclass
class FileReport:
    """What is in a file: `rows` = `good` + `duplicates` + `wrong_rows`; of what is wrong, the first MOST_TOLD cells."""

    columns: list[str]
    first_rows: list[tuple[int, list[str]]] = field(default_factory=list)
    good: int = 0
    duplicates: int = 0
    wrong_rows: int = 0
    wrongs: list[InvalidCell] = field(default_factory=list)
    rows: int = 0


def find_phone_column(header: Iterable[str]) -> str | None:
    """The column that holds the phone numbers, by its name; None when no name says so."""
    plain: dict[str, str] = {}
    for name in header:
        plain.setdefault(SEPARATORS.sub("", name).casefold(), name)
    return next((plain[name] for name in NAMES if name in plain), None)


def validate_rows(table: Table, column: str, region: str) -> Iterator[RowResult]:
    """What each row is, in the file's order; a row with several wrong cells gives a Wrong for each.

    `column` holds the numbers; `region` is that of numbers without a country code, or "". Raises ValueError when the
    table has no such column.
    """
    for _, _, items in validated_rows(table, column, region):
        yield from items


def valid_contacts(table: Table, column: str, region: str) -> Iterator[Contact]:
    """The rows that are right, each number once. Raises ValueError when the table has no such column."""
    return (item for item in validate_rows(table, column, region) if isinstance(item, Contact))


def build_report(table: Table, column: str, region: str, advance: Callable[[int], object]) -> FileReport:
    """What is in the file; `advance` is told now and then, and at the end, how many rows were read.

    Raises ValueError when the table has no such column.
    """
    report = FileReport(list(table.header))
    for number, cells, items in validated_rows(table, column, region):
        if report.rows < FIRST_ROWS:
            report.first_rows.append((number, cells))
        report.rows += 1
        match items[0]:
            case Contact():
                report.good += 1
            case Duplicate():
                report.duplicates += 1
            case InvalidCell():
                report.wrong_rows += 1
                report.wrongs += items[: MAX_REPORTED - len(report.wrongs)]
        if report.rows % PROGRESS_INTERVAL == 0:
            advance(report.rows)
    advance(report.rows)
    return report


def invalid_rows(table: Table, column: str, region: str) -> Iterator[list[str]]:
    """A file for mending: the header with a last column "problem", and each wrong row as it stands with its problems.

    What stands beyond the header is told among the problems, since it has no column to stand in. Raises ValueError
    when the table has no such column.
    """
    yield [*table.header, PROBLEM_COLUMN]
    for _, cells, items in validated_rows(table, column, region):
        problems = [describe_problem(item) for item in items if isinstance(item, InvalidCell)]
        if problems:
            yield [*cells[: len(table.header)], "; ".join(problems)]


def describe_problem(wrong: InvalidCell) -> str:
    """What is wrong, for somebody who sees the row."""
    return f"{wrong.column} {wrong.reason}" + (f": {wrong.value}" if wrong.reason == BEYOND else "")


def validated_rows(table: Table, column: str, region: str) -> Iterator[tuple[int, list[str], list[RowResult]]]:
    """Each row: its number, its cells as they stand, and what it is."""
    place = table.header.index(column)
    others = [(at, name) for at, name in enumerate(table.header) if at != place]
    seen: dict[str, int] = {}
    for row, cells in table.rows():
        number, items = validate_row(table, place, region, row, cells)
        if not items:
            first = seen.setdefault(number, row)
            if first == row:
                items = [Contact(row, number, {name: cells[at].translate(LINE_BREAKS) for at, name in others})]
            else:
                items = [Duplicate(row, number, first)]
        yield row, cells, items


def validate_row(table: Table, place: int, region: str, row: int, cells: list[str]) -> tuple[str, list[RowResult]]:
    """The row's number in E.164 ("" if it cannot be read), and what is wrong with its cells."""
    header, number, items = table.header, "", []
    for at, cell in enumerate(cells):
        if at >= len(header):
            if cell.strip():
                items.append(InvalidCell(row, f"Column {at - len(header) + table.width + 1}", cell, BEYOND))
        elif at == place:
            try:
                number = parse_phone_number(cell, region)
            except ValueError as error:
                items.append(InvalidCell(row, header[at], cell, str(error)))
        elif not cell.isprintable() and (found := find_forbidden_character(cell.translate(LINE_BREAKS))):
            items.append(InvalidCell(row, header[at], cell, f"must not hold {found}"))
    return number, items
