"""Read a call history: a UTF-8 CSV file (RFC 4180, byte order mark allowed) with a header.

Every error names the file, the line, the column and the reason. Additional columns become fields of the call.
"""

from __future__ import annotations

import csv
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any, BinaryIO, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field

from portal.models import CallStatus
from portal.models.batch import NAME_LENGTH
from portal.models.call import OPEN_STATUSES
from portal.text import find_forbidden_character
from portal.web.field_types import parse_moment_ms
from portal.web.parameters import (
    InvalidParameter,
    Parameters,
    known_names,
    parse_fields,
    text_type,
    truncate,
    whole_number,
)

MAX_LINE_LENGTH = 1_000_000  # bytes; a file without line breaks is not read into memory as a whole
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
FINAL_STATUSES = [status for status in CallStatus if status not in OPEN_STATUSES]
LINE_BREAKS = str.maketrans("\r\n\t", "   ")


def validate_e164(value: str) -> str:
    """Return a number in E.164 format. Raises ValueError."""
    if not E164.fullmatch(value):
        raise ValueError("must be an E.164 number, such as +12015550123")
    return value


def parse_final_status(value: Any) -> CallStatus:
    """Return the status of a call that has ended. Raises ValueError."""
    if value not in FINAL_STATUSES:
        raise ValueError(f"must be one of {', '.join(FINAL_STATUSES)}")
    return CallStatus(value)


class CallHistoryColumns(Parameters):
    """The required columns of a call history."""

    batch_name: Annotated[text_type(NAME_LENGTH, minimum=1), Field(alias="batchName")]
    phone_number: Annotated[text_type(20), AfterValidator(validate_e164), Field(alias="phoneNumber")]
    started_at: Annotated[int, BeforeValidator(parse_moment_ms), Field(alias="startedAt")]
    duration_seconds: Annotated[whole_number(0, 1_000_000), Field(alias="durationSeconds")]
    status: Annotated[CallStatus, BeforeValidator(parse_final_status), Field(alias="callStatus")]
    attempts: whole_number(0, 1_000_000)


class CallHistoryRow(NamedTuple):
    """One row: its required columns, and its other cells by column name."""

    columns: CallHistoryColumns
    fields: dict[str, str]


@dataclass
class CallPeriod:
    """The start times of the first and the last call of a batch, in milliseconds."""

    first: int
    last: int


class CallHistoryError(InvalidParameter):
    """An invalid file; the message names the position and the reason."""

    def __init__(self, path: str, reason: str, line: int | None = None, column: str | None = None) -> None:
        position = [path] + [f"line {line}"] * (line is not None) + [f"column {column}"] * (column is not None)
        super().__init__({"file": f"{', '.join(position)}: {reason}"})


@contextmanager
def open_call_history(path: str) -> Iterator[CallHistory]:
    """Open a call history. Raises CallHistoryError if the file does not exist or cannot be read."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # a pipe cannot be read twice
            raise CallHistoryError(path, "must be a regular file")
        with Path(path).open("rb") as file:
            yield CallHistory(path, file)
    except OSError as error:
        raise CallHistoryError(path, f"cannot be read: {error.strerror}") from error


class CallHistory:
    """An open call history. Each pass reads the file again, so that memory does not grow with the file.

    `advance` receives the number of bytes read since the last call.
    """

    def __init__(self, path: str, file: BinaryIO) -> None:
        self.path = path
        self.file = file
        self.size = os.fstat(file.fileno()).st_size  # bytes

    def read_periods(self, advance: Callable[[int], object]) -> dict[str, CallPeriod]:
        """Check every row and return the period of each batch, by batchName in file order."""
        periods: dict[str, CallPeriod] = {}
        for row in self.read_rows(advance):
            started = row.columns.started_at
            period = periods.setdefault(row.columns.batch_name, CallPeriod(started, started))
            period.first, period.last = min(period.first, started), max(period.last, started)
        return periods

    def read_rows(self, advance: Callable[[int], object]) -> Iterator[CallHistoryRow]:
        """Yield the rows in file order. Raises CallHistoryError at the first invalid row."""
        records = self.read_records(advance)
        header = self.read_header(records)
        lines: dict[str, dict[str, int]] = {}
        for line, cells in records:
            row = self.parse_row(header, line, cells)
            name, number = row.columns.batch_name, row.columns.phone_number
            first_line = lines.setdefault(name, {}).setdefault(number, line)
            if first_line != line:
                raise CallHistoryError(self.path, f"duplicates line {first_line} in batch {name}", line, "phoneNumber")
            yield row

    def read_header(self, records: Iterator[tuple[int, list[str]]]) -> list[str]:
        """Return the column names from the first record."""
        line, cells = next(records, (1, None))
        if cells is None:
            raise CallHistoryError(self.path, "is empty: the first line must be a header")
        header = [cell.strip() for cell in cells]
        for position, name in enumerate(header, 1):
            if not name or find_forbidden_character(name):
                raise CallHistoryError(self.path, "must have a name of printable characters", line, str(position))
            if header.index(name) < position - 1:
                raise CallHistoryError(self.path, "occurs twice", line, truncate(name))
        for name in known_names(CallHistoryColumns):
            if name not in header:
                raise CallHistoryError(self.path, "is missing", line, name)
        return header

    def parse_row(self, header: list[str], line: int, cells: list[str]) -> CallHistoryRow:
        """Check and convert the cells of one row."""
        if len(cells) != len(header):
            column = header[len(cells)] if len(cells) < len(header) else str(len(header) + 1)
            reason = f"the row has {len(cells)} cells but the header has {len(header)}"
            raise CallHistoryError(self.path, reason, line, truncate(column))
        fields = dict(zip(header, cells, strict=True))
        required = {name: fields.pop(name) for name in known_names(CallHistoryColumns)}
        reading = parse_fields(required, CallHistoryColumns, UTC, {})
        for column, problem in reading.problems.items():
            raise CallHistoryError(self.path, problem.removeprefix(f"{column} "), line, column)
        for column, cell in fields.items():
            if character := find_forbidden_character(cell.translate(LINE_BREAKS)):
                raise CallHistoryError(self.path, f"must not hold {character}", line, truncate(column))
        return CallHistoryRow(reading.values, fields)

    def read_records(self, advance: Callable[[int], object]) -> Iterator[tuple[int, list[str]]]:
        """Yield each record that is not blank with the number of its first line; a quoted cell may span lines."""
        reader = csv.reader(self.read_lines(advance), strict=True)
        first_line = 1
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise CallHistoryError(self.path, f"is not valid CSV: {error}", first_line) from error
            if cells is None:
                return
            if cells:
                yield first_line, cells
            first_line = reader.line_num + 1

    def read_lines(self, advance: Callable[[int], object]) -> Iterator[str]:
        """Yield the lines of the file as text."""
        self.file.seek(0)
        number = 0
        while raw := self.file.readline(MAX_LINE_LENGTH):
            number += 1
            if len(raw) == MAX_LINE_LENGTH:
                raise CallHistoryError(self.path, f"must be at most {MAX_LINE_LENGTH:,} bytes long", number)
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise CallHistoryError(self.path, "must be UTF-8 text", number) from error
            if "\0" in line:
                raise CallHistoryError(self.path, "must not hold a NUL character", number)
            advance(len(raw))
            yield line
