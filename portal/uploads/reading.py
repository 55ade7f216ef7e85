"""From the bytes of a contact file to its table and report: how it is to be read is found out, said, and changeable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from portal.contacts.check import Contact, Report, Wrong, check_rows, find_number_column, make_report
from portal.contacts.files import Reading, Table, open_table
from portal.contacts.limits import BadFile
from portal.streaming import Advance

TOLD_EACH = 500  # rows



@dataclass(frozen=True)
class Choices:
    """How a file is to be read; "" = find out. `region`: whose national numbers are meant, "" = none."""

    encoding: str = ""
    delimiter: str = ""
    column: str = ""
    region: str = ""


@dataclass(frozen=True)
class Sheet:
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
        return asdict(Choices(self.table.encoding, self.table.delimiter, self.column, self.region))


def open_sheet(content: bytes, file_name: str, choices: Choices, *, guess: bool = False) -> Sheet:
    """The file, read so. Raises BadFile.

    `guess`: where no column is named like one of numbers the first is taken, for a person to choose another.
    """
    table = open_table(content, file_name, Reading(choices.encoding, choices.delimiter))
    column = choices.column if choices.column in table.header else find_number_column(table.header)
    if column is None:
        if not guess:
            raise BadFile("the file has no column phoneNumber")
        column = table.header[0]
    return Sheet(table, column, choices.region)


def report_of(sheet: Sheet, advance: Advance) -> Report:
    """What is in the file; `advance` is told the rows that were checked."""
    rows = sheet.rows
    return make_report(sheet.table, sheet.column, sheet.region, lambda done: advance("Checking", done, rows))


def contacts_of(sheet: Sheet, advance: Advance) -> tuple[list[Contact], list[Wrong]]:
    """The contacts of the file, each number once, and every cell that is wrong."""
    good: list[Contact] = []
    wrong: list[Wrong] = []
    rows = sheet.rows
    for number, item in enumerate(check_rows(sheet.table, sheet.column, sheet.region), 1):
        if isinstance(item, Contact):
            good.append(item)
        elif isinstance(item, Wrong):
            wrong.append(item)
        if number % TOLD_EACH == 0:
            advance("Reading", number, rows)
    return good, wrong


def kept_report(report: Report) -> dict[str, Any]:
    """A report as it is kept with its upload."""
    return asdict(report)


def told_report(kept: Mapping[str, Any]) -> Report:
    """The report that was kept."""
    wrongs = [Wrong(**wrong) for wrong in kept["wrongs"]]
    first_rows = [(number, cells) for number, cells in kept["first_rows"]]
    return Report(**{**kept, "wrongs": wrongs, "first_rows": first_rows})
