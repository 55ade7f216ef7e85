"""How much a contact file may hold, and the refusal of one that holds more or cannot be read."""

from __future__ import annotations

MOST_COLUMNS = 200
MOST_ROWS = 200_000  # below the header
LONGEST_CELL = 10_000  # characters
LONGEST_LINE = 2_100_000  # characters: a row of the longest cells; so that a file without line ends is not read whole

MOST_UNPACKED = 200_000_000  # bytes of a workbook's parts together, and of the text of its first sheet
MOST_RATIO = 200  # unpacked to packed, of a part above FREE_OF_RATIO bytes
FREE_OF_RATIO = 10_000_000
MOST_ENTRIES = 2000
MOST_XLS = 32_000_000  # bytes
MOST_CELLS = 4_000_000  # of the rectangle that a sheet's values span, which is laid out in memory whole

WORKBOOK_MEMORY = 1_000_000_000  # bytes of address space for the process that reads a workbook
WORKBOOK_SECONDS = 60  # of processor time for it


class BadFile(ValueError):
    """A contact file that cannot be taken; the message is one plain sentence that says why."""
