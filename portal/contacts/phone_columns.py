"""Find the columns of phone numbers and of countries by their cells; the names of the columns break ties."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from portal.contacts.column_names import ColumnTopic, find_topic, is_country_name, rate_name
from portal.contacts.countries import parse_country
from portal.contacts.files import Table
from portal.contacts.number_plans import starts_with_country_code
from portal.contacts.number_problems import InvalidNumber, NumberProblem
from portal.contacts.phone_numbers import ParsedNumber, parse_number
from portal.contacts.rows import CellKind, Row

MAX_SAMPLE_ROWS, MIN_SAMPLE_ROWS = 300, 20
MAX_SAMPLE_CELLS = 12_000  # bounds the time for tables with many columns
CELL_WEIGHT, NAME_WEIGHT = 0.6, 0.4
THRESHOLD = 0.3  # of a score; below it, people choose the column
GOOD_CELLS = 0.5  # of a rate of cells, for a column to offer beside the likeliest
NEARLY_ALL = 0.9
MIN_SEQUENCE = 10  # cells; fewer consecutive numbers may be phone numbers

BARE_DIGITS = re.compile(r"[0-9]+(?:\.0)?")
IP_ADDRESS = re.compile(r"(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}", re.ASCII)
COMPACT_DATE = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{4}|\d{6})?", re.ASCII)
TWO_DIGIT_GROUPS = re.compile(r"\d\d(?:\.\d\d){3}", re.ASCII)  # a phone number of eight digits
LIKE_NUMBERS = {  # problems of cells that were meant to be phone numbers
    NumberProblem.EXTENSION: 0.5,
    NumberProblem.SEVERAL_NUMBERS: 0.5,
    NumberProblem.ONLY_PLUS_MISSING: 0.7,
    NumberProblem.SHORTENED: 0.2,
}


@dataclass(frozen=True)
class PhoneColumns:
    """The column of the phone numbers to call (None if none fits), and other such columns, the likeliest first."""

    column: str | None
    others: list[str]
    scores: Mapping[str, float]


@dataclass(frozen=True)
class CountryColumn:
    """A column that gives the country of each row. It is not used if its cells do not fit the numbers."""

    name: str
    is_used: bool


def take_sample(table: Table) -> list[Row]:
    """Return the first rows of a table, fewer of a table with many columns."""
    rows = MAX_SAMPLE_CELLS // max(len(table.header), 1)
    return list(islice(table.rows(), min(max(rows, MIN_SAMPLE_ROWS), MAX_SAMPLE_ROWS)))


def find_phone_columns(header: Sequence[str], sample: Sequence[Row], region: str) -> PhoneColumns:
    """Score all columns and return the likeliest. `region` applies to numbers without a country code ("" = none)."""
    cell_rates = {name: rate_column(sample, index, region) for index, name in enumerate(header)}
    scores = {name: score_column(name, rate) for name, rate in cell_rates.items()}
    ranked = sorted(scores, key=lambda name: -scores[name])
    fitting = [name for name in ranked if scores[name] >= THRESHOLD]
    others = [name for name in fitting[1:] if cell_rates[name] >= GOOD_CELLS]
    return PhoneColumns(fitting[0] if fitting else None, others, scores)


def score_column(name: str, cell_rate: float) -> float:
    """Return the score of a column, by its name and the rate of its cells."""
    if find_topic(name) is ColumnTopic.OTHER:
        return cell_rate * THRESHOLD / 2
    return CELL_WEIGHT * cell_rate + NAME_WEIGHT * rate_name(name)


def rate_column(sample: Sequence[Row], index: int, region: str) -> float:
    """Return how much the cells look like the phone numbers of different contacts: 0 to 1."""
    cells = [(row.cells[index].strip(), row.kinds.get(index)) for row in sample]
    filled = [(cell, kind) for cell, kind in cells if cell or kind]
    if not filled:
        return 0
    quality = sum(rate_cell(cell, kind, region) for cell, kind in filled) / len(filled)
    texts = [cell for cell, _ in filled]
    variety = min(1, 2 * len(set(texts)) / len(texts))
    coverage = 0.4 + 0.6 * len(filled) / len(cells)
    return quality * variety * coverage * (0.3 if is_sequence(texts) else 1)


def rate_cell(cell: str, kind: CellKind | None, region: str) -> float:
    """Return how much a cell looks like a phone number: 0 to 1."""
    if kind or len(cell) < 6 or not any(map(str.isdigit, cell)) or is_other_value(cell):
        return 0
    is_bare = BARE_DIGITS.fullmatch(cell) and not cell.startswith("0")
    try:
        number = parse_number(cell, region)
    except InvalidNumber as error:
        if error.problem is NumberProblem.NO_COUNTRY_CODE and 7 <= sum(map(str.isdigit, cell)) <= 15:
            return 0.25 if is_bare else 0.45
        return LIKE_NUMBERS.get(error.problem, 0)
    if number.is_in_use:
        return 0.8 if is_bare else 1
    return 0.25 if is_bare else 0.8 if "+" in cell else 0.49


def is_other_value(cell: str) -> bool:
    """Return whether a cell is an IP address or a date written without separators."""
    if IP_ADDRESS.fullmatch(cell):
        return not TWO_DIGIT_GROUPS.fullmatch(cell)
    return COMPACT_DATE.fullmatch(cell) is not None


def is_sequence(cells: Sequence[str]) -> bool:
    """Return whether nearly all cells are one more than the cell above, as row numbers and many ids are."""
    if len(cells) < MIN_SEQUENCE or not all(BARE_DIGITS.fullmatch(cell) for cell in cells):
        return False
    numbers = [int(cell.partition(".")[0]) for cell in cells]
    steps = [after - before for before, after in pairwise(numbers)]
    return steps.count(1) >= NEARLY_ALL * len(steps)


def find_country_column(
    header: Sequence[str], sample: Sequence[Row], phone_column: str, region: str
) -> CountryColumn | None:
    """Return the column that gives the country of each row, found by its name.

    It is used if nearly all its cells are countries and at least as many numbers are in use with it as without.
    """
    phone = header.index(phone_column)
    named = [index for index, name in enumerate(header) if is_country_name(name) and index != phone]
    for index in named:
        cells = [cell for row in sample if (cell := row.cells[index].strip())]
        if cells and sum(parse_country(cell) is not None for cell in cells) >= NEARLY_ALL * len(cells):
            without = sum(is_in_use(row, phone, region) for row in sample)
            with_column = sum(is_in_use(row, phone, parse_country(row.cells[index]) or region) for row in sample)
            return CountryColumn(header[index], with_column >= without)
    return CountryColumn(header[named[0]], is_used=False) if named else None


def is_in_use(row: Row, index: int, region: str) -> bool:
    """Return whether the cell is a number in use."""
    number = try_number(row.cells[index], region) if index not in row.kinds else None
    return number is not None and number.is_in_use


def try_number(text: str, region: str) -> ParsedNumber | None:
    """Return the parsed number, or None if it is invalid."""
    try:
        return parse_number(text, region)
    except InvalidNumber:
        return None


def detect_country_codes(sample: Sequence[Row], index: int, region: str) -> bool:
    """Return whether the numbers in a column only make sense if they begin with a country code without +.

    That is so if nearly all of them are in use with it, and nearly none without. Where no region applies, they must
    also belong to several countries: the national numbers of one country can look like the numbers of another.
    """
    cells = [cell for row in sample if index not in row.kinds and (cell := row.cells[index].strip())]
    bare = [cell.partition(".")[0] for cell in cells if BARE_DIGITS.fullmatch(cell)]
    international = [digits for digits in bare if starts_with_country_code(digits)]
    if not bare or len(international) < NEARLY_ALL * len(cells):
        return False
    if region:
        national = [number for digits in bare if (number := try_number(digits, region)) and number.is_in_use]
        return len(national) <= (1 - NEARLY_ALL) * len(bare)
    numbers = [try_number(f"+{digits}", "") for digits in international]
    return len({number.country_code for number in numbers if number}) > 1
