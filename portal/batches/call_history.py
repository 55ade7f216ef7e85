"""A call history as a CSV file: rows that are right, or a refusal by file, line, column and reason.

The file is UTF-8 (a byte order mark is tolerated) and RFC 4180: commas, quotes where they are needed, a header.
Columns beyond the known ones are kept with the call.
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

LONGEST_LINE = 1_000_000  # bytes; so that a file without line ends is not read into memory whole
PHONE_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")  # E.164, in the form that the API takes
FINAL = [status for status in CallStatus if status not in OPEN_STATUSES]
LINE_BREAKS = str.maketrans("\r\n\t", "   ")


def parse_e164(value: str) -> str:
    """A number in E.164 form."""
    if not PHONE_NUMBER.fullmatch(value):
        raise ValueError("must be an E.164 number, such as +12015550123")
    return value


def parse_final_status(value: Any) -> CallStatus:
    """What became of a call; a history holds none that is still open."""
    if value not in FINAL:
        raise ValueError(f"must be one of {', '.join(FINAL)}")
    return CallStatus(value)


class CallHistoryColumns(Parameters):
    """The columns that a call history must have."""

    batch_name: Annotated[text_type(NAME_LENGTH, minimum=1), Field(alias="batchName")]
    phone_number: Annotated[text_type(20), AfterValidator(parse_e164), Field(alias="phoneNumber")]
    started_at: Annotated[int, BeforeValidator(parse_moment_ms), Field(alias="startedAt")]
    duration_seconds: Annotated[whole_number(0, 1_000_000), Field(alias="durationSeconds")]
    status: Annotated[CallStatus, BeforeValidator(parse_final_status), Field(alias="callStatus")]
    attempts: whole_number(0, 1_000_000)


class CallHistoryRow(NamedTuple):
    """One row of a history: its known columns, and what its other columns held, by their names."""

    columns: CallHistoryColumns
    fields: dict[str, str]


@dataclass
class CallPeriod:
    """The first and last moment, in milliseconds, at which a call of a batch started."""

    first: int
    last: int


class CallHistoryError(InvalidParameter):
    """A file that cannot be taken; the message says where and why."""

    def __init__(self, path: str, reason: str, line: int | None = None, column: str | None = None) -> None:
        place = [path] + [f"line {line}"] * (line is not None) + [f"column {column}"] * (column is not None)
        super().__init__({"file": f"{', '.join(place)}: {reason}"})


@contextmanager
def open_call_history(path: str) -> Iterator[CallHistory]:
    """The history in that file. Raises BadHistory when there is no such file, or it cannot be read."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # it is read twice, which a pipe does not allow
            raise CallHistoryError(path, "is not a file")
        with Path(path).open("rb") as file:
            yield CallHistory(path, file)
    except OSError as error:
        raise CallHistoryError(path, f"cannot be read: {error.strerror}") from error


class CallHistory:
    """An open file of calls. It is read anew each time, so that however long it is, little of it is held in memory."""

    def __init__(self, path: str, file: BinaryIO) -> None:
        self.path = path
        self.file = file
        self.size = os.fstat(file.fileno()).st_size  # bytes

    def periods(self, advance: Callable[[int], object]) -> dict[str, CallPeriod]:
        """When each batch's calls began, by batchName in the file's order; every row is checked on the way."""
        found: dict[str, CallPeriod] = {}
        for call in self.calls(advance):
            started = call.columns.started_at
            period = found.setdefault(call.columns.batch_name, CallPeriod(started, started))
            period.first, period.last = min(period.first, started), max(period.last, started)
        return found

    def calls(self, advance: Callable[[int], object]) -> Iterator[CallHistoryRow]:
        """The rows in the file's order; `advance` is told of the bytes read. Raises BadHistory at the first bad row."""
        rows = self.rows(advance)
        header = self.header(rows)
        seen: dict[str, dict[str, int]] = {}
        for line, cells in rows:
            call = self.call(header, line, cells)
            name, number = call.columns.batch_name, call.columns.phone_number
            first = seen.setdefault(name, {}).setdefault(number, line)
            if first != line:
                raise CallHistoryError(self.path, f"is in batch {name} already, at line {first}", line, "phoneNumber")
            yield call

    def header(self, rows: Iterator[tuple[int, list[str]]]) -> list[str]:
        """The names of the columns, from the first row."""
        line, cells = next(rows, (1, None))
        if cells is None:
            raise CallHistoryError(self.path, "is empty; it must begin with a header")
        header = [cell.strip() for cell in cells]
        for number, name in enumerate(header, 1):
            if not name or find_forbidden_character(name):
                raise CallHistoryError(self.path, "has no name that can be read", line, str(number))
            if header.index(name) < number - 1:
                raise CallHistoryError(self.path, "is there twice", line, truncate(name))
        for name in known_names(CallHistoryColumns):
            if name not in header:
                raise CallHistoryError(self.path, "is missing", line, name)
        return header

    def call(self, header: list[str], line: int, cells: list[str]) -> CallHistoryRow:
        """One row as a call."""
        if len(cells) != len(header):
            column = header[len(cells)] if len(cells) < len(header) else str(len(header) + 1)
            reason = f"the row has {len(cells)} cells where the header has {len(header)}"
            raise CallHistoryError(self.path, reason, line, truncate(column))
        given = dict(zip(header, cells, strict=True))
        known = {name: given.pop(name) for name in known_names(CallHistoryColumns)}
        reading = parse_fields(known, CallHistoryColumns, UTC, {})
        for column, problem in reading.problems.items():
            raise CallHistoryError(self.path, problem.removeprefix(f"{column} "), line, column)
        for column, cell in given.items():
            if found := find_forbidden_character(cell.translate(LINE_BREAKS)):
                raise CallHistoryError(self.path, f"must not hold {found}", line, truncate(column))
        return CallHistoryRow(reading.values, given)

    def rows(self, advance: Callable[[int], object]) -> Iterator[tuple[int, list[str]]]:
        """Each row that is not blank, with the line at which it begins: a quoted cell may run over several."""
        reader = csv.reader(self.lines(advance), strict=True)
        begins = 1
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise CallHistoryError(self.path, f"is not CSV: {error}", begins) from error
            if cells is None:
                return
            if cells:
                yield begins, cells
            begins = reader.line_num + 1

    def lines(self, advance: Callable[[int], object]) -> Iterator[str]:
        """The lines of the file as text."""
        self.file.seek(0)
        number = 0
        while raw := self.file.readline(LONGEST_LINE):
            number += 1
            if len(raw) == LONGEST_LINE:
                raise CallHistoryError(self.path, f"is longer than {LONGEST_LINE:,} bytes", number)
            try:
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise CallHistoryError(self.path, "is not UTF-8 text", number) from error
            if "\0" in line:
                raise CallHistoryError(self.path, "holds a NUL character", number)
            advance(len(raw))
            yield line
