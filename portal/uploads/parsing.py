"""From the bytes of a contact file to its table and report: how it is to be read is found out, said, and changeable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from portal.contacts.file_limits import ContactFileError
from portal.contacts.files import CsvFormat, Table, open_table
from portal.contacts.validation import Contact, FileReport, InvalidCell, build_report, find_phone_column, validate_rows
from portal.web.progress import Advance

PROGRESS_INTERVAL = 500  # rows


@dataclass(frozen=True)
class ReadingOptions:
    """How a file is to be read; "" = find out. `region`: whose national numbers are meant, "" = none."""

    encoding: str = ""
    delimiter: str = ""
    column: str = ""
    region: str = ""


@dataclass(frozen=True)
class ContactSheet:
    """A file that can be read: its table, the column that holds the numbers, and the region of national ones."""

    table: Table
    column: str
    region: str

    @property
    def rows(self) -> int:
        """About how many rows there are: the lines of the text but its header."""
        return max(self.table.source.content.count(b"\n") - 1, 1)

    @property
    def choices(self) -> dict[str, str]:
        """How it is read, everything said."""
        return asdict(ReadingOptions(self.table.encoding, self.table.delimiter, self.column, self.region))


def open_contact_sheet(content: bytes, file_name: str, choices: ReadingOptions, *, guess: bool = False) -> ContactSheet:
    """The file, read so. Raises ContactFileError.

    `guess`: where no column is named like one of numbers the first is taken, for a person to choose another.
    """
    table = open_table(content, file_name, CsvFormat(choices.encoding, choices.delimiter))
    column = choices.column if choices.column in table.header else find_phone_column(table.header)
    if column is None:
        if not guess:
            raise ContactFileError("the file has no column phoneNumber")
        column = table.header[0]
    return ContactSheet(table, column, choices.region)


def build_sheet_report(sheet: ContactSheet, advance: Advance) -> FileReport:
    """What is in the file; `advance` is told the rows that were checked."""
    rows = sheet.rows
    return build_report(sheet.table, sheet.column, sheet.region, lambda done: advance("Checking", done, rows))


def read_contacts(sheet: ContactSheet, advance: Advance) -> tuple[list[Contact], list[InvalidCell]]:
    """The contacts of the file, each number once, and every cell that is wrong."""
    good: list[Contact] = []
    wrong: list[InvalidCell] = []
    rows = sheet.rows
    for number, item in enumerate(validate_rows(sheet.table, sheet.column, sheet.region), 1):
        if isinstance(item, Contact):
            good.append(item)
        elif isinstance(item, InvalidCell):
            wrong.append(item)
        if number % PROGRESS_INTERVAL == 0:
            advance("Reading", number, rows)
    return good, wrong


def report_to_json(report: FileReport) -> dict[str, Any]:
    """A report as it is kept with its upload."""
    return asdict(report)


def report_from_json(kept: Mapping[str, Any]) -> FileReport:
    """The report that was kept."""
    wrongs = [InvalidCell(**wrong) for wrong in kept["wrongs"]]
    first_rows = [(number, cells) for number, cells in kept["first_rows"]]
    return FileReport(**{**kept, "wrongs": wrongs, "first_rows": first_rows})
