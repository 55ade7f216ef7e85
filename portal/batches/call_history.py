"""Read a call history: a text file or a workbook with a header, read like a contact file.

Every problem names the file, the row, the column and the reason. Additional columns become fields of the call.
"""

from __future__ import annotations

import re
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field

from portal.batches.settings import BatchName
from portal.contacts.file_limits import ContactFileError
from portal.contacts.files import EXTENSIONS, Table, open_table
from portal.contacts.number_problems import PROBLEMS_BY_KIND
from portal.contacts.rows import CellKind, Row
from portal.models import CallStatus
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

MAX_PROBLEMS = 100  # in an error message
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
FINAL_STATUSES = [status for status in CallStatus if status not in OPEN_STATUSES]
LINE_BREAKS = str.maketrans("\r\n\t", "   ")
WHOLE_NUMBER = re.compile(r"([0-9]+)(?:[.,]0+)?")
DATE_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ Tt]+(\d\d:[\d:.]+) *(?:([+-]\d\d)(:?\d\d)?|(?:Z|z|UTC))", re.ASCII)
# The kinds of cells without a usable text, in any column.
UNREADABLE_KINDS = (CellKind.UNCLOSED_QUOTE, CellKind.FORMULA_WITHOUT_VALUE, CellKind.ERROR)


def validate_e164(value: str) -> str:
    """Return a number in E.164 format. Raises ValueError."""
    if not E164.fullmatch(value):
        raise ValueError("must be an E.164 number, such as +12015550123")
    return value


def parse_start(value: str) -> int:
    """Return the time of a date-time with an offset as dialers, databases and spreadsheets write it. Raises ValueError.

    A blank may stand for the T and before the offset, and the offset may have no minutes: 2025-05-01 12:00:00+00.
    """
    if written := DATE_TIME.fullmatch(value.strip()):
        day, time, hours, minutes = written.groups()
        value = f"{day}T{time}{hours + (minutes or ':00') if hours else 'Z'}"
    return parse_moment_ms(value)


def drop_zero_fraction(value: str) -> str:
    """Return a whole number without a fraction of zeros, as in 64.0; other text unchanged."""
    written = WHOLE_NUMBER.fullmatch(value.strip())
    return written[1] if written else value


def parse_final_status(value: Any) -> CallStatus:
    """Return the status of a call that has ended. Raises ValueError."""
    if value not in FINAL_STATUSES:
        raise ValueError(f"must be one of {', '.join(FINAL_STATUSES)}")
    return CallStatus(value)


class CallHistoryColumns(Parameters):
    """The required columns of a call history."""

    batch_name: Annotated[BatchName, Field(alias="batchName")]
    phone_number: Annotated[text_type(20), AfterValidator(validate_e164), Field(alias="phoneNumber")]
    started_at: Annotated[int, BeforeValidator(parse_start), Field(alias="startedAt")]
    duration_seconds: Annotated[
        whole_number(0, 1_000_000), BeforeValidator(drop_zero_fraction), Field(alias="durationSeconds")
    ]
    status: Annotated[CallStatus, BeforeValidator(parse_final_status), Field(alias="callStatus")]
    attempts: Annotated[whole_number(0, 1_000_000), BeforeValidator(drop_zero_fraction)]


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
    """A file with problems, each a line of the message with its position and reason."""

    def __init__(self, problems: list[str], count: int | None = None) -> None:
        omitted = (count or len(problems)) - len(problems)
        more = [f"... and {omitted:,} more problems"] if omitted else []
        super().__init__({"file": "\n".join([*problems, *more])})


def open_call_history(path: str) -> CallHistory:
    """Open a call history. Raises CallHistoryError if the file is missing, unreadable, or no call history."""
    file = Path(path)
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # a pipe cannot be read twice
            raise CallHistoryError([f"{path}: must be a regular file"])
        name = file.name if file.suffix.lower().removeprefix(".") in EXTENSIONS else "history.csv"
        history = CallHistory(path, open_table(file, name, max_rows=sys.maxsize))
    except OSError as error:
        raise CallHistoryError([f"{path}: cannot be read: {error.strerror}"]) from error
    except ContactFileError as error:
        raise CallHistoryError([f"{path}: {error}"]) from error
    history.check_header()
    return history


class CallHistory:
    """An open call history. Each pass reads the file again, so that memory does not grow with a text file.

    `advance` receives the number of rows read since the last call.
    """

    def __init__(self, path: str, table: Table) -> None:
        self.path = path
        self.table = table

    @property
    def size(self) -> int:
        """The number of rows below the header."""
        return self.table.row_count

    def check_header(self) -> None:
        """Raise CallHistoryError if a required column is missing or occurs twice."""
        header, required = self.table.header, known_names(CallHistoryColumns)
        columns = truncate(", ".join(header))
        missing = [f"column {name} is missing; the columns are {columns}" for name in required if name not in header]
        twice = [f"column {name} occurs twice; remove one" for name in required if f"{name} (2)" in header]
        if problems := missing + twice:
            raise CallHistoryError([f"{self.path}, row {max(self.table.header_row, 1)}: {text}" for text in problems])

    def read_periods(self, advance: Callable[[int], object]) -> dict[str, CallPeriod]:
        """Check every row and return the period of each batch, by batchName in file order.

        Raises CallHistoryError with the first MAX_PROBLEMS problems of all rows.
        """
        periods: dict[str, CallPeriod] = {}
        problems: list[str] = []
        count = 0
        for row, row_problems in self.parse_rows(advance):
            count += len(row_problems)
            problems += row_problems[: MAX_PROBLEMS - len(problems)]
            if not row_problems:
                started = row.columns.started_at
                period = periods.setdefault(row.columns.batch_name, CallPeriod(started, started))
                period.first, period.last = min(period.first, started), max(period.last, started)
        if problems:
            raise CallHistoryError(problems, count)
        return periods

    def read_rows(self, advance: Callable[[int], object]) -> Iterator[CallHistoryRow]:
        """Yield the rows in file order. Raises CallHistoryError at the first invalid row."""
        for row, problems in self.parse_rows(advance):
            if problems:
                raise CallHistoryError(problems)
            yield row

    def parse_rows(self, advance: Callable[[int], object]) -> Iterator[tuple[CallHistoryRow, list[str]]]:
        """Yield each row with its problems; a row with problems is incomplete."""
        first_rows: dict[str, dict[str, int]] = {}
        for source in self.table.rows():
            row, by_column = self.parse_row(source)
            if not by_column:
                name, number = row.columns.batch_name, row.columns.phone_number
                first_row = first_rows.setdefault(name, {}).setdefault(number, source.number)
                if first_row != source.number:
                    by_column = {"phoneNumber": f"repeats the number of row {first_row} in batch {name}; remove one"}
            start = f"{self.path}, row {source.number}, column"
            yield row, [f"{start} {truncate(column)}: {reason}" for column, reason in by_column.items()]
            advance(1)

    def parse_row(self, source: Row) -> tuple[CallHistoryRow, dict[str, str]]:
        """Convert the cells of one row, and return it with its problems by column."""
        header, cells = self.table.header, source.cells
        fields = dict(zip(header, cells, strict=False))
        required = {name: fields.pop(name) for name in known_names(CallHistoryColumns)}
        parsed = parse_fields(required, CallHistoryColumns, UTC, {})
        problems = {column: text.removeprefix(f"{column} ") for column, text in parsed.problems.items()}
        for index, kind in source.kinds.items():
            if kind in UNREADABLE_KINDS and index < len(header):
                problems[header[index]] = PROBLEMS_BY_KIND[kind].value
        for index, cell in islice(enumerate(cells), len(header), None):
            if cell.strip():
                problems[f"Column {index - len(header) + self.table.width + 1}"] = "has no column header; add one"
        for column, cell in fields.items():
            if not cell.isprintable() and (character := find_forbidden_character(cell.translate(LINE_BREAKS))):
                problems[column] = f"must not hold {character}"
        return CallHistoryRow(parsed.values, fields), problems
