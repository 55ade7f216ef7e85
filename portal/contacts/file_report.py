"""The result of checking the rows of a contact file: contacts, invalid cells, duplicates, and counts of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from phonenumbers import SUPPORTED_REGIONS, country_code_for_region, region_code_for_country_code

from portal.contacts.phone_numbers import ParsedNumber

MAX_REPORTED = 200  # invalid cells in a report
FIRST_ROWS = 20  # rows in a report


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
class ReasonCount:
    """How many rows have a reason in a column, and the first of them."""

    column: str
    reason: str
    rows: int
    first_row: int


@dataclass
class CountryCount:
    """How many contacts have numbers of a country (ISO code, or a dialing code such as +800).

    `not_in_use` of them are possible numbers in ranges that the country does not use.
    """

    country: str
    rows: int = 0
    not_in_use: int = 0


@dataclass
class FileReport:
    """The result of checking a file: `rows` = `valid_rows` + `duplicates` + `invalid_rows`.

    `hidden` rows were left out and are not among `rows`. Of the valid rows, `on_own_list` are on the account's own
    do-not-call list and `on_other_lists` only on others; `suppressed` of them were left out. `invalid_cells` holds the
    first MAX_REPORTED of them; `reasons` counts all, the most frequent first; `countries` counts the contacts.
    """

    columns: list[str]
    first_rows: list[tuple[int, list[str]]] = field(default_factory=list)
    valid_rows: int = 0
    duplicates: int = 0
    invalid_rows: int = 0
    invalid_cells: list[InvalidCell] = field(default_factory=list)
    rows: int = 0
    hidden: int = 0
    reasons: list[ReasonCount] = field(default_factory=list)
    countries: list[CountryCount] = field(default_factory=list)
    on_own_list: int = 0
    on_other_lists: int = 0
    suppressed: int = 0

    @property
    def not_in_use(self) -> int:
        """The number of contacts whose numbers are possible but not in use."""
        return sum(country.not_in_use for country in self.countries)

    @property
    def skipped(self) -> dict[str, int]:
        """The rows that give no call, by cause."""
        return {
            "duplicate": self.duplicates,
            "invalid": self.invalid_rows,
            "suppressed": self.suppressed,
            "hidden": self.hidden,
        }


class ReportCounter:
    """Counts the reasons and the countries of a report."""

    def __init__(self, region: str) -> None:
        self.region = region
        self.reasons: dict[tuple[str, str], ReasonCount] = {}
        self.countries: dict[int, CountryCount] = {}

    def count_number(self, number: ParsedNumber) -> None:
        """Count the number of a contact."""
        code = number.country_code
        if code not in self.countries:
            self.countries[code] = CountryCount(name_country(code, self.region))
        count = self.countries[code]
        count.rows += 1
        count.not_in_use += not number.is_in_use

    def count_reasons(self, cells: Sequence[InvalidCell]) -> None:
        """Count the reasons of an invalid row, each once."""
        for column, reason in dict.fromkeys((cell.column, cell.reason) for cell in cells):
            row = cells[0].row
            self.reasons.setdefault((column, reason), ReasonCount(column, reason, 0, row)).rows += 1

    def list_reasons(self) -> list[ReasonCount]:
        """Return the reasons, the most frequent first."""
        return sorted(self.reasons.values(), key=lambda count: (-count.rows, count.first_row))

    def list_countries(self) -> list[CountryCount]:
        """Return the countries, the most frequent first."""
        return sorted(self.countries.values(), key=lambda count: (-count.rows, count.country))


def name_country(country_code: int, region: str) -> str:
    """Return the ISO code of a country code: `region` if it has that code, else its main region."""
    if region in SUPPORTED_REGIONS and country_code_for_region(region) == country_code:
        return region
    main = region_code_for_country_code(country_code)
    return main if main in SUPPORTED_REGIONS else f"+{country_code}"
