"""How a contact file was read: what was detected or chosen, and what a user should know about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any, NamedTuple

from portal.contacts.contact_columns import list_names
from portal.contacts.countries import country_name
from portal.contacts.file_report import CountryCount, FileReport
from portal.contacts.files import HiddenChoice
from portal.uploads.parsing import ContactSheet, ReadingOptions

HEADER_ROWS = 12  # rows that are offered as the header
MAX_ROW_TEXT = 60  # characters
MAX_LISTED = 5  # names or countries in a notice


@dataclass(frozen=True)
class FileReading:
    """How a file was read. `phone_column` is "" if a user must choose it; see Table and DetectedColumns.

    `header_rows` are the numbers and texts of rows that can be the header. `left_out` are columns that an earlier
    export added; `stored_as` are the names of columns that are stored under another one.
    """

    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    sheets: Sequence[str] = ()
    header_row: int = 1
    header_guessed: bool = False
    header_rows: Sequence[tuple[int, str]] = ()
    hidden: str = HiddenChoice.SKIP
    hidden_rows: int = 0
    hidden_columns: Sequence[str] = ()
    replaced_characters: int = 0
    phone_column: str = ""
    region: str = ""
    country_column: str = ""
    with_country_code: bool = False
    country_code_detected: bool = False
    other_phone_columns: Sequence[str] = ()
    unused_country_column: str = ""
    left_out: Sequence[str] = ()
    stored_as: Mapping[str, str] | None = None

    @property
    def options(self) -> ReadingOptions:
        """The options in use, chosen or detected."""
        return ReadingOptions(
            self.encoding,
            self.delimiter,
            self.sheet,
            self.header_row,
            self.hidden,
            self.phone_column,
            self.region,
            self.country_column,
            self.with_country_code,
        )

    def choose(self, chosen: ReadingOptions, sent: Mapping[str, Any]) -> ReadingOptions:
        """Return the options that a user has chosen after sending a form with these options.

        The form holds all options in use; only those that differ from them are choices, and the others are detected
        again. Another sheet has another header.
        """
        in_use = asdict(self.options)
        changed = {name: value for name, value in sent.items() if value != in_use[name]}
        if "sheet" in changed:
            chosen = replace(chosen, header_row=None)
        return replace(chosen, **changed)


def describe_sheet(sheet: ContactSheet) -> FileReading:
    """Return how a file is read."""
    table, detected, columns = sheet.table, sheet.detected, sheet.detected.columns
    names = sheet.stored_names if columns else {}
    beside = [name for name in table.header if columns and name != columns.phone_column]
    return FileReading(
        encoding=table.encoding,
        delimiter=table.delimiter,
        sheet=table.sheet,
        sheets=[other.name for other in table.sheets if other.rows != 0],
        header_row=table.header_row,
        header_guessed=table.header_guessed,
        header_rows=list_header_rows(sheet),
        hidden=HiddenChoice.SKIP if table.skips_hidden else HiddenChoice.INCLUDE,
        hidden_rows=table.hidden_rows,
        hidden_columns=list(table.hidden_columns),
        replaced_characters=table.replaced_characters,
        phone_column=columns.phone_column if columns else "",
        region=sheet.options.region,
        country_column=columns.country_column if columns else "",
        with_country_code=columns.with_country_code if columns else False,
        country_code_detected=detected.country_code_detected,
        other_phone_columns=list(detected.other_phone_columns),
        unused_country_column=detected.unused_country_column,
        left_out=[name for name in beside if name not in names],
        stored_as={name: stored for name, stored in names.items() if stored != name},
    )


def list_header_rows(sheet: ContactSheet) -> list[tuple[int, str]]:
    """Return the numbers and texts of the first rows, among which a user can choose the header, and of the header."""
    table, rows = sheet.table, []
    for row in sheet.table.source.records():
        if len(rows) < HEADER_ROWS or row.number == table.header_row:
            text = ", ".join(filter(None, map(str.strip, islice(row.cells, 20))))
            rows.append((row.number, text if len(text) <= MAX_ROW_TEXT else f"{text[:MAX_ROW_TEXT]}…"))
        if len(rows) >= HEADER_ROWS and row.number >= table.header_row:
            break
    return rows


class Notice(NamedTuple):
    """A sentence about a file. A warning says that contacts may be missing or wrong."""

    text: str
    is_warning: bool = False


def list_notices(reading: FileReading, report: FileReport) -> list[Notice]:
    """Return what a user should know about a file, warnings first."""
    notices = [*describe_numbers(reading, report), *describe_table(reading, report)]
    return sorted(notices, key=lambda notice: not notice.is_warning)


def describe_numbers(reading: FileReading, report: FileReport) -> Iterator[Notice]:
    """Describe the phone numbers and the columns they come from."""
    for country in report.countries[:MAX_LISTED]:
        if country.not_in_use:
            yield Notice(describe_unused_numbers(country), True)
    if reading.unused_country_column:
        column = reading.unused_country_column
        yield Notice(f"The column {column} is not used: its countries do not fit the numbers", True)
    if reading.country_code_detected:
        yield Notice("The numbers are read as beginning with their country code, although they have no +", True)
    if report.countries:
        counts = [f"{country_name(country.country)} {country.rows:,}" for country in report.countries]
        yield Notice(f"Numbers by country: {list_names(counts, MAX_LISTED)}")
    if reading.country_column:
        yield Notice(f"The country of each number is taken from the column {reading.country_column}")
    if reading.other_phone_columns:
        names = list_names(reading.other_phone_columns, MAX_LISTED)
        yield Notice(f"Phone numbers are also in {names}; they are stored but not called")


def describe_unused_numbers(country: CountryCount) -> str:
    """Say how many numbers of a country are not in use."""
    place = country_name(country.country)
    where = f"in {place}" if place != country.country else f"under {place}"
    if country.rows == 1:
        return f"1 number is not in use {where}"
    verb = "is" if country.not_in_use == 1 else "are"
    return f"{country.not_in_use:,} of {country.rows:,} numbers {verb} not in use {where}"


def describe_table(reading: FileReading, report: FileReport) -> Iterator[Notice]:
    """Describe the rows and columns."""
    if reading.hidden_rows:
        rows = "1 row is" if reading.hidden_rows == 1 else f"{reading.hidden_rows:,} rows are"
        what = "left out" if reading.hidden == HiddenChoice.SKIP else "included"
        yield Notice(f"{rows} hidden in the spreadsheet and {what}", True)
    if reading.hidden_columns:
        names = list_names(reading.hidden_columns, MAX_LISTED)
        yield Notice(f"Columns hidden in the spreadsheet are left out: {names}", True)
    if reading.replaced_characters:
        count = reading.replaced_characters
        characters = "1 character does" if count == 1 else f"{count:,} characters do"
        yield Notice(f"{characters} not fit the encoding and became \ufffd", True)
    if reading.header_row == 0:
        yield Notice("The file has no header row; its columns are named by their place", reading.header_guessed)
    elif reading.header_row > 1 and reading.header_guessed:
        yield Notice(f"Row {reading.header_row} is read as the header, and the rows above it are left out")
    if len(reading.sheets) > 1:
        others = [name for name in reading.sheets if name != reading.sheet]
        yield Notice(f"Only the sheet {reading.sheet} is read, not {list_names(others, MAX_LISTED)}")
    if reading.left_out:
        yield Notice(f"Columns of an earlier export are left out: {list_names(reading.left_out, MAX_LISTED)}")
    for name, stored in islice((reading.stored_as or {}).items(), MAX_LISTED):
        yield Notice(f"The column {name} is stored as {stored}")
    if report.duplicates:
        rows = "1 row repeats" if report.duplicates == 1 else f"{report.duplicates:,} rows repeat"
        yield Notice(f"{rows} a number of an earlier row and {'is' if report.duplicates == 1 else 'are'} left out")
