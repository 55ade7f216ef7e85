"""Turn the bytes of a contact file into a table and a report, by options that are detected and can be changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from portal.contacts.contact_columns import (
    ColumnChoices,
    ContactColumns,
    DetectedColumns,
    detect_columns,
    no_phone_column_error,
)
from portal.contacts.file_report import Contact, CountryCount, FileReport, InvalidCell, ReasonCount
from portal.contacts.files import ReadChoices, Table, open_table
from portal.contacts.validation import build_report, validate_rows
from portal.web.progress import Advance

PROGRESS_INTERVAL = 500  # rows
# Fields of a report whose keys in the database are older than their names.
STORED_KEYS = {"valid_rows": "good", "invalid_rows": "wrong_rows", "invalid_cells": "wrongs"}


@dataclass(frozen=True)
class ReadingOptions:
    """The options for reading a file; "" = detect. `region` applies to national numbers, "" = none."""

    encoding: str = ""
    delimiter: str = ""
    column: str = ""
    region: str = ""


@dataclass(frozen=True)
class ContactSheet:
    """A readable file: the table, and the columns it is read by."""

    table: Table
    columns: ContactColumns
    detected: DetectedColumns

    @property
    def rows(self) -> int:
        """The number of rows below the header, at least 1."""
        return max(self.table.row_count, 1)

    @property
    def choices(self) -> dict[str, str]:
        """The options in use, including those that were detected."""
        table, columns = self.table, self.columns
        return asdict(ReadingOptions(table.encoding, table.delimiter, columns.phone_column, columns.region))


def open_contact_sheet(content: bytes, file_name: str, choices: ReadingOptions, *, guess: bool = False) -> ContactSheet:
    """Open a file with these options. Raises ContactFileError.

    If no column seems to hold phone numbers, `guess` takes the first column, so that a user can choose another.
    """
    table = open_table(content, file_name, ReadChoices(choices.encoding, choices.delimiter))
    column = choices.column if choices.column in table.header else None
    detected = detect_columns(table, ColumnChoices(column, choices.region))
    if detected.columns is None and not guess:
        raise no_phone_column_error(table)
    columns = detected.columns or ContactColumns(table.header[0], choices.region)
    return ContactSheet(table, columns, detected)


def build_sheet_report(sheet: ContactSheet, advance: Advance) -> FileReport:
    """Check the file. `advance` receives the rows checked so far."""
    rows = sheet.rows
    return build_report(sheet.table, sheet.columns, lambda done: advance("Checking", done, rows))


def read_contacts(sheet: ContactSheet, advance: Advance) -> tuple[list[Contact], list[InvalidCell]]:
    """Return the contacts of the file, each number once, and all invalid cells."""
    contacts: list[Contact] = []
    invalid_cells: list[InvalidCell] = []
    rows = sheet.rows
    for number, result in enumerate(validate_rows(sheet.table, sheet.columns), 1):
        if isinstance(result, Contact):
            contacts.append(result)
        elif isinstance(result, InvalidCell):
            invalid_cells.append(result)
        if number % PROGRESS_INTERVAL == 0:
            advance("Reading", number, rows)
    return contacts, invalid_cells


def report_to_json(report: FileReport) -> dict[str, Any]:
    """Return a report as stored with its upload."""
    return {STORED_KEYS.get(name, name): value for name, value in asdict(report).items()}


def report_from_json(stored: Mapping[str, Any]) -> FileReport:
    """Return the report that is stored with an upload."""
    keys = {field.name: STORED_KEYS.get(field.name, field.name) for field in fields(FileReport)}
    values = {name: stored[key] for name, key in keys.items() if key in stored}  # older reports have fewer
    values["invalid_cells"] = [InvalidCell(**cell) for cell in values["invalid_cells"]]
    values["reasons"] = [ReasonCount(**count) for count in values.get("reasons", ())]
    values["countries"] = [CountryCount(**count) for count in values.get("countries", ())]
    values["first_rows"] = [(number, cells) for number, cells in values["first_rows"]]
    return FileReport(**values)
