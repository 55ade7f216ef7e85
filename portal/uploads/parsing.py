"""Turn the bytes of a contact file into a table, contacts and a report, by options that are detected or chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from portal.calls.fields import is_call_export, stored_names
from portal.contacts.contact_columns import (
    ColumnChoices,
    ContactColumns,
    DetectedColumns,
    detect_columns,
    no_phone_column_error,
)
from portal.contacts.file_report import MAX_REPORTED, Contact, FileReport
from portal.contacts.files import ReadChoices, Table, open_table
from portal.contacts.validation import build_report, preview_rows
from portal.web.progress import Advance


@dataclass(frozen=True)
class ReadingOptions:
    """What a user chose for reading a file; "" or None = detect. See ReadChoices and ColumnChoices.

    `region` is never detected: "" refuses numbers without a country code.
    """

    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    header_row: int | None = None
    hidden: str = ""
    column: str = ""
    region: str = ""
    country_column: str | None = None
    with_country_code: bool | None = None

    def columns_of(self, header: Sequence[str]) -> ReadingOptions:
        """Return the options without columns that the header does not have: it changes with the other options."""
        has_column = self.column in header
        has_country = self.country_column in (None, "", *header)
        return replace(
            self,
            column=self.column if has_column else "",
            country_column=self.country_column if has_country else None,
        )


@dataclass(frozen=True)
class ContactSheet:
    """A readable file: the table, and the columns it is read by, which may be missing."""

    table: Table
    options: ReadingOptions
    detected: DetectedColumns

    @property
    def columns(self) -> ContactColumns:
        """The columns. Raises ContactFileError if a user must choose the phone number column."""
        if self.detected.columns is None:
            raise no_phone_column_error(self.table)
        return self.detected.columns

    @property
    def stored_names(self) -> dict[str, str]:
        """The names under which the columns are stored; columns that are left out are missing."""
        return stored_names(self.table.header, self.columns.phone_column)


def open_contact_sheet(
    content: bytes, file_name: str, options: ReadingOptions, *, drop_missing_columns: bool = False
) -> ContactSheet:
    """Open a file with these options. Raises ContactFileError.

    Chosen columns that the file does not have are refused, or dropped so that others are detected.
    """
    choices = ReadChoices(options.encoding, options.delimiter, options.sheet, options.header_row, options.hidden)
    table = open_table(content, file_name, choices)
    if drop_missing_columns:
        options = options.columns_of(table.header)
    # A spreadsheet that opens an exported CSV file drops the + of its numbers.
    with_country_code = True if is_call_export(table.header) else None
    if options.with_country_code is not None:
        with_country_code = options.with_country_code
    chosen = ColumnChoices(options.column or None, options.region, options.country_column, with_country_code)
    return ContactSheet(table, options, detect_columns(table, chosen))


def build_sheet_report(
    sheet: ContactSheet, advance: Advance, collect: Callable[[Contact], object] = lambda _: None
) -> FileReport:
    """Check the file. `advance` receives the rows checked so far, `collect` each contact.

    Without a phone number column, nothing is counted.
    """
    if sheet.detected.columns is None:
        return preview_rows(sheet.table)
    return build_report(sheet.table, sheet.columns, count_rows(sheet, "Checking", advance), collect)


def read_contacts(
    sheet: ContactSheet, advance: Advance, max_cells: int = MAX_REPORTED
) -> tuple[list[Contact], FileReport]:
    """Return the contacts of the file, each number once and with the names of its columns as stored, and the report.

    Raises ContactFileError if a user must choose the phone number column.
    """
    contacts: list[Contact] = []
    counter = count_rows(sheet, "Reading", advance)
    report = build_report(sheet.table, sheet.columns, counter, contacts.append, max_cells)
    names = sheet.stored_names
    if any(name != stored for name, stored in names.items()) or len(names) < len(sheet.table.header) - 1:
        contacts = [
            replace(contact, fields={stored: contact.fields[name] for name, stored in names.items()})
            for contact in contacts
        ]
    return contacts, report


def count_rows(sheet: ContactSheet, step: str, advance: Advance) -> partial:
    """Return a function that reports the progress of a step by the number of rows done."""
    rows = max(sheet.table.row_count, 1)
    return lambda done: advance(step, done, rows)
