"""Find the header row of a table and the names of its columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from statistics import median

from portal.contacts.file_limits import ContactFileError
from portal.contacts.rows import Row
from portal.text import find_forbidden_character

SAMPLE_ROWS = 50

INVISIBLE = re.compile(r"[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
PHONE_NUMBER = re.compile(r"(tel:|p:|whatsapp:)?[+(]?(?:[\s().\-/‐-―]*\d){7,15}[\s)]*", re.IGNORECASE)
DATE = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}.*")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def find_header_row(sample: Sequence[Row]) -> int:
    """Return the number of the header row among the first rows of a table; 0 = it has none.

    A cell with a phone number or an e-mail address is data, so the header is above the first row with one. Among the
    rows above, it is the first that is as wide as the data; narrower ones are titles.
    """
    counts = [sum(bool(cell.strip()) for cell in row.cells) for row in sample]
    first_data = next((index for index, row in enumerate(sample) if has_data(row)), len(sample))
    if first_data == 0:
        return 0
    width = median(counts[first_data:] or counts)
    for least in (width, max(width / 2, 2)):
        for row, count in zip(sample[:first_data], counts, strict=False):
            if count >= least and (row is sample[0] or is_header_like(row)):
                return row.number
    return sample[0].number


def has_data(row: Row) -> bool:
    """Return whether a cell of the row is a phone number or an e-mail address."""
    for cell in row.cells:
        text = INVISIBLE.sub("", cell[:100]).strip()
        if EMAIL.fullmatch(text) or (PHONE_NUMBER.fullmatch(text) and not DATE.fullmatch(text)):
            return True
    return False


def is_header_like(row: Row) -> bool:
    """Return whether the cells of the row are different names with a letter in each."""
    names = [name for cell in row.cells if (name := clean_name(cell))]
    return len(set(names)) == len(names) and all(any(map(str.isalpha, name)) for name in names)


def clean_name(cell: str) -> str:
    """Return a header cell as the name of a column: without line breaks, invisible characters and outer blanks."""
    return " ".join(INVISIBLE.sub("", cell).split())


def name_columns(cells: Sequence[str], width: int, used: Iterable[int], row: int) -> dict[int, str]:
    """Return the names of the columns by their index. Raises ContactFileError for a control character in a name.

    A column without a name is called "Column 3" if it is `used`, and left out if not. The second column with a name
    gets a number: "Notes (2)".
    """
    names = dict.fromkeys(range(width), "") | {index: clean_name(cell) for index, cell in enumerate(cells)}
    for index, name in names.items():
        if forbidden := find_forbidden_character(name):
            where = f"the name of column {index + 1} in row {row}"
            raise ContactFileError(f"{where} must not hold {forbidden}; remove it, or choose another encoding")
    names |= {index: f"Column {index + 1}" for index in used if not names[index]}
    taken = set(names.values())
    seen: set[str] = set()
    for index, name in names.items():
        count = 1
        while name in seen or (count > 1 and name in taken):
            count += 1
            name = f"{names[index]} ({count})"
        names[index] = name
        if name:
            seen.add(name)
    return {index: name for index, name in names.items() if name}
