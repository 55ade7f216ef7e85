"""How much a contact file may hold, and the refusal of one that holds more or cannot be read."""

from __future__ import annotations

MAX_COLUMNS = 200
MAX_ROWS = 200_000  # below the header
MAX_CELL_LENGTH = 10_000  # characters
MAX_LINE_LENGTH = (
    2_100_000  # characters: a row of the longest cells; so that a file without line ends is not read whole
)

MAX_UNPACKED = 200_000_000  # bytes of a workbook's parts together, and of the text of its first sheet
MAX_RATIO = 200  # unpacked to packed, of a part above FREE_OF_RATIO bytes
RATIO_EXEMPT_BYTES = 10_000_000
MAX_ENTRIES = 2000
MAX_XLS_BYTES = 32_000_000  # bytes
MAX_CELLS = 4_000_000  # of the rectangle that a sheet's values span, which is laid out in memory whole

WORKBOOK_MEMORY = 1_000_000_000  # bytes of address space for the process that reads a workbook
WORKBOOK_SECONDS = 60  # of processor time for it


class ContactFileError(ValueError):
    """A contact file that cannot be taken; the message is one plain sentence that says why."""
