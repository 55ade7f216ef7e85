"""The limits of a contact file, and the error for a file that cannot be used."""

from __future__ import annotations

MAX_COLUMNS = 200
MAX_ROWS = 200_000  # below the header
MAX_CELL_LENGTH = 10_000  # characters
MAX_LINE_LENGTH = 2_100_000  # characters: more than a row of the longest cells; bounds memory without line ends

MAX_UNPACKED = 200_000_000  # bytes of a workbook's parts together, and of the text of its sheet
MAX_XLS_BYTES = 32_000_000
MAX_CELLS = 4_000_000  # of the rectangle around a sheet's values, which is expanded in memory

WORKBOOK_MEMORY = 1_000_000_000  # bytes of address space for the process that reads a workbook
WORKBOOK_SECONDS = 60  # of processor time for it


class ContactFileError(ValueError):
    """A contact file that cannot be used; the message is one sentence with the reason.

    `field` is the API name of the choice to change, or "" if the file itself must change.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field
