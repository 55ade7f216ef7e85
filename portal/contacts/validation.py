"""Check the rows of a contact file: find contacts, duplicates and invalid cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from portal.contacts.contact_columns import ContactColumns
from portal.contacts.countries import parse_country
from portal.contacts.file_report import (
    FIRST_ROWS,
    MAX_REPORTED,
    Contact,
    Duplicate,
    FileReport,
    InvalidCell,
    ReportCounter,
    RowResult,
)
from portal.contacts.files import PROBLEM_COLUMN, Table
from portal.contacts.number_problems import NEEDS_COUNTRY, PROBLEMS_BY_KIND, InvalidNumber, NumberProblem
from portal.contacts.phone_numbers import ParsedNumber, parse_number
from portal.contacts.rows import Row
from portal.text import find_forbidden_character

PROGRESS_INTERVAL = 500  # rows
NO_HEADER = "has no column header"
UNKNOWN_COUNTRY = "is not a country; use a code such as GB or +44"
LINE_BREAKS = str.maketrans("\r\n\t", "   ")


class ValidatedRow(NamedTuple):
    """A row, its number if that is valid, and the results of checking it."""

    row: Row
    number: ParsedNumber | None
    results: list[RowResult]


def validate_rows(table: Table, columns: ContactColumns) -> Iterator[RowResult]:
    """Check all rows in the file's order. An invalid row gives an InvalidCell for each of its invalid cells.

    Raises ValueError if the table has no such column.
    """
    for validated in RowValidator(table, columns).validate():
        yield from validated.results


def build_report(
    table: Table,
    columns: ContactColumns,
    advance: Callable[[int], object],
    collect: Callable[[Contact], object] = lambda _: None,
    max_cells: int = MAX_REPORTED,
) -> FileReport:
    """Check a file. `advance` regularly receives the number of rows read so far, `collect` each contact.

    The report holds at most `max_cells` invalid cells. Raises ValueError if the table has no such column.
    """
    report = start_report(table)
    counter = ReportCounter(columns.region)
    for row, number, results in RowValidator(table, columns).validate():
        if report.rows < FIRST_ROWS:
            report.first_rows.append((row.number, row.cells))
        report.rows += 1
        match results[0]:
            case Contact() as contact:
                report.valid_rows += 1
                collect(contact)
                counter.count_number(number)
            case Duplicate():
                report.duplicates += 1
            case InvalidCell():
                report.invalid_rows += 1
                report.invalid_cells += results[: max_cells - len(report.invalid_cells)]
                counter.count_reasons(results)
        if report.rows % PROGRESS_INTERVAL == 0:
            advance(report.rows)
    advance(report.rows)
    report.reasons, report.countries = counter.list_reasons(), counter.list_countries()
    return report


def start_report(table: Table) -> FileReport:
    """Return a report that counts no row yet."""
    return FileReport(list(table.header), hidden=table.hidden_rows if table.skips_hidden else 0)


def preview_rows(table: Table) -> FileReport:
    """Return a report with the first rows of a table, for a user who must choose the phone number column."""
    report = start_report(table)
    report.first_rows = [(row.number, row.cells) for row in islice(table.rows(), FIRST_ROWS)]
    report.rows = table.row_count
    return report


def invalid_rows(table: Table, columns: ContactColumns) -> Iterator[list[str]]:
    """Iterate over the rows of a file to correct: the header with a last column of problems, then the invalid rows.

    A cell without a header is quoted in the problem, because it has no column. Raises ValueError if the table has no
    such column.
    """
    yield [*table.header, PROBLEM_COLUMN]
    for row, _, results in RowValidator(table, columns).validate():
        problems = [describe_problem(result) for result in results if isinstance(result, InvalidCell)]
        if problems:
            yield [*row.cells[: len(table.header)], "; ".join(problems)]


def describe_problem(cell: InvalidCell) -> str:
    """Describe an invalid cell to a person who sees its row."""
    return f"{cell.column} {cell.reason}" + (f": {cell.value}" if cell.reason == NO_HEADER else "")


class RowValidator:
    """Checks the rows of a table. Raises ValueError if the table has no such column."""

    def __init__(self, table: Table, columns: ContactColumns) -> None:
        header = table.header
        self.table, self.region, self.with_country_code = table, columns.region, columns.with_country_code
        self.phone = header.index(columns.phone_column)
        self.country = header.index(columns.country_column) if columns.country_column else None
        self.others = [(index, name) for index, name in enumerate(header) if index != self.phone]

    def validate(self) -> Iterator[ValidatedRow]:
        """Iterate over the rows with the results of checking them."""
        first_rows: dict[str, int] = {}
        for row in self.table.rows():
            invalid: list[RowResult] = []
            number = self.check_row(row, invalid)
            if invalid or number is None:
                yield ValidatedRow(row, None, invalid)
                continue
            first_row = first_rows.setdefault(number.e164, row.number)
            if first_row != row.number:
                yield ValidatedRow(row, number, [Duplicate(row.number, number.e164, first_row)])
                continue
            fields = {name: row.cells[index].translate(LINE_BREAKS) for index, name in self.others}
            yield ValidatedRow(row, number, [Contact(row.number, number.e164, fields)])

    def check_row(self, row: Row, invalid: list[RowResult]) -> ParsedNumber | None:
        """Return the row's number and append its invalid cells, in the order of the columns."""
        header, number = self.table.header, None
        for index, cell in enumerate(row.cells):
            if index >= len(header):
                if cell.strip():
                    column = f"Column {index - len(header) + self.table.width + 1}"
                    invalid.append(InvalidCell(row.number, column, cell, NO_HEADER))
            elif index == self.phone:
                try:
                    number = self.check_number(row)
                except InvalidNumber as error:
                    invalid.append(self.invalid_number(row, error.problem))
            elif not cell.isprintable() and (forbidden := find_forbidden_character(cell.translate(LINE_BREAKS))):
                invalid.append(InvalidCell(row.number, header[index], cell, f"must not hold {forbidden}"))
        return number

    def check_number(self, row: Row) -> ParsedNumber:
        """Return the row's number; a number without a country code belongs to the country of the row, if it has one.

        Raises InvalidNumber.
        """
        if row.kinds and (problem := PROBLEMS_BY_KIND.get(row.kinds.get(self.phone))):
            raise InvalidNumber(problem)
        region = self.region
        if self.country is not None and (country := row.cells[self.country].strip()):
            region = parse_country(country) or ""
        return parse_number(row.cells[self.phone], region, with_country_code=self.with_country_code)

    def invalid_number(self, row: Row, problem: NumberProblem) -> InvalidCell:
        """Return the cell to correct: that of the country if it is unknown and the number needs one."""
        index, reason = self.phone, str(problem)
        if self.country is not None and problem in NEEDS_COUNTRY:
            country = row.cells[self.country].strip()
            if country and parse_country(country) is None:
                index, reason = self.country, UNKNOWN_COUNTRY
        return InvalidCell(row.number, self.table.header[index], row.cells[index], reason)
