"""The columns that a contact file is read by, and the detection of those that were not chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from portal.contacts.file_limits import ContactFileError
from portal.contacts.files import Table
from portal.contacts.phone_columns import (
    CountryColumn,
    detect_country_codes,
    find_country_column,
    find_phone_columns,
    take_sample,
)
from portal.text import fold

MAX_LISTED = 20  # column names in a message
MAX_NAME_LENGTH = 40  # characters of a name in a message


@dataclass(frozen=True)
class ColumnChoices:
    """What a user chose; None = detect.

    `region` applies to numbers without a country code ("" = none). `country_column` is "" for none.
    `with_country_code`: numbers without + begin with their country code.
    """

    phone_column: str | None = None
    region: str = ""
    country_column: str | None = None
    with_country_code: bool | None = None


@dataclass(frozen=True)
class ContactColumns:
    """How the numbers of a table are read. `country_column` is "" for none."""

    phone_column: str
    region: str = ""
    country_column: str = ""
    with_country_code: bool = False


@dataclass(frozen=True)
class DetectedColumns:
    """The columns in use, None if a user must choose the phone number column, and what to say about them.

    `other_phone_columns` also have phone numbers. `unused_country_column` looks like one for countries, but its cells
    do not fit the numbers ("" = none). `country_code_detected`: it was detected that numbers include the country code.
    """

    columns: ContactColumns | None
    other_phone_columns: Sequence[str] = ()
    unused_country_column: str = ""
    country_code_detected: bool = False


def detect_columns(table: Table, choices: ColumnChoices) -> DetectedColumns:
    """Find the columns that were not chosen. Raises ContactFileError if a chosen column does not exist."""
    sample = take_sample(table)
    chosen_phone = find_column(table, choices.phone_column, "phoneColumn")
    chosen_country = find_column(table, choices.country_column, "countryColumn")
    found = find_phone_columns(table.header, sample, choices.region)
    phone_column = chosen_phone or found.column
    if phone_column is None:
        return DetectedColumns(None)
    country: CountryColumn | None = None
    if chosen_country is None:
        country = find_country_column(table.header, sample, phone_column, choices.region)
    country_column = chosen_country or (country.name if country and country.is_used else "")
    index, detected = table.header.index(phone_column), False
    if choices.with_country_code is None and not country_column:
        detected = detect_country_codes(sample, index, choices.region)
    return DetectedColumns(
        ContactColumns(phone_column, choices.region, country_column, choices.with_country_code or detected),
        [name for name in (found.column, *found.others) if name and name != phone_column],
        country.name if country and not country.is_used else "",
        detected,
    )


def find_column(table: Table, name: str | None, field: str) -> str | None:
    """Return the column of that name, in any case if there is only one. Raises ContactFileError if there is none."""
    if not name or name in table.header:
        return name
    named = [column for column in table.header if fold(column) == fold(name)]
    if len(named) != 1:
        raise ContactFileError(f"{field} must be a column of the file; {list_columns(table)}", field)
    return named[0]


def no_phone_column_error(table: Table) -> ContactFileError:
    """Return the error for a table without a column of phone numbers; it says where to look for one."""
    where = f"no column of the sheet {table.sheet} holds" if table.sheet else "no column holds"
    message = f"{where} phone numbers; {list_columns(table)}; name the right one in phoneColumn"
    if others := [sheet.name for sheet in table.sheets if sheet.name != table.sheet and sheet.rows != 0]:
        message += f", or another sheet in sheet ({list_names(others)})"
    if table.hidden_columns:
        message += f"; hidden columns are left out ({list_names(table.hidden_columns)}), hidden=include reads them"
    return ContactFileError(message, "phoneColumn")


def list_columns(table: Table) -> str:
    """Say which columns a table has."""
    return f"it has {list_names(table.header)}"


def list_names(names: Sequence[str], maximum: int = MAX_LISTED) -> str:
    """Return the first names, shortened, and the number of the others."""
    shown = [name if len(name) <= MAX_NAME_LENGTH else f"{name[:MAX_NAME_LENGTH]}…" for name in names[:maximum]]
    return ", ".join(shown) + (f" and {len(names) - maximum} more" if len(names) > maximum else "")
