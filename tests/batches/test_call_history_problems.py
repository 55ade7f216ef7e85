"""Importing call histories: files with errors are reported, and nothing is stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from portal.batches import actions, call_history
from portal.batches.call_history import CallHistoryError, open_call_history
from portal.models import User
from tests.batches.call_histories import HEADER, ROW, counts, last_line, listed, rows_of


def with_cell(column: str, value: str) -> str:
    cells = dict(zip(HEADER.split(","), ROW.split(","), strict=True)) | {column: value}
    return ",".join(cells.values())


INVALID_CELLS = [
    ("batchName", "", "must not be empty"),
    ("batchName", "  ", "must not be empty"),
    ("batchName", "n" * 201, "must be at most 200 characters"),
    ("batchName", "a\x07b", "must not hold a control character"),
    ("batchName", '"a\nb"', "must not hold a control character"),
    ("phoneNumber", "", "must be an E.164 number"),
    ("phoneNumber", "12015550100", "must be an E.164 number"),
    ("phoneNumber", "+02015550100", "must be an E.164 number"),
    ("phoneNumber", "+1201555010x", "must be an E.164 number"),
    ("phoneNumber", "+120155", "must be an E.164 number"),
    ("phoneNumber", "+1201555010000000", "must be an E.164 number"),
    ("phoneNumber", "+1201555٠100", "must be an E.164 number"),
    ("phoneNumber", "+1 201 555 0101", "must be an E.164 number"),
    ("phoneNumber", "+" + "1" * 500, "must be at most 20 characters"),
    ("startedAt", "", "must be an ISO date-time with an offset"),
    ("startedAt", "2025-03-03", "must be an ISO date-time with an offset"),
    ("startedAt", "2025-03-03T09:00:00", "must be an ISO date-time with an offset"),
    ("startedAt", "2025-03-03 09:00:00", "must be an ISO date-time with an offset"),
    ("startedAt", "03/03/2025 09:00Z", "must be an ISO date-time with an offset"),
    ("startedAt", "2025-02-30T09:00:00Z", "must be an ISO date-time with an offset"),
    ("startedAt", "2025-03-03T25:00:00Z", "must be an ISO date-time with an offset"),
    ("startedAt", "٢٠٢٥-03-03T09:00:00Z", "must be an ISO date-time with an offset"),
    ("startedAt", "0001-01-01T00:00:00+14:00", "must be in the years 1970 to 9998"),
    ("startedAt", "9999-12-31T23:59:59-14:00", "must be in the years 1970 to 9998"),
    ("durationSeconds", "", "must be between 0 and 1000000"),
    ("durationSeconds", "-1", "must be between 0 and 1000000"),
    ("durationSeconds", "1.5", "must be between 0 and 1000000"),
    ("durationSeconds", "٣", "must be between 0 and 1000000"),
    ("durationSeconds", "1_0", "must be between 0 and 1000000"),
    ("durationSeconds", "9" * 30, "must be between 0 and 1000000"),
    ("callStatus", "", "must be one of completed, dropped, no-answer, busy, failed, canceled"),
    ("callStatus", "Completed", "must be one of completed, dropped, no-answer, busy, failed, canceled"),
    ("callStatus", "pending", "must be one of completed, dropped, no-answer, busy, failed, canceled"),
    ("callStatus", "in-progress", "must be one of completed, dropped, no-answer, busy, failed, canceled"),
    ("attempts", "", "must be between 0 and 1000000"),
    ("attempts", "one", "must be between 0 and 1000000"),
    ("attempts", "1000001", "must be between 0 and 1000000"),
    ("city", "a\x1bb", "must not hold a control character"),
    ("city", '"never closed', "has a quotation mark that is never closed"),
]


def read_problems(path: Path) -> list[str]:
    """Return the problems of a file, each without the file's name."""
    with pytest.raises(CallHistoryError) as caught:
        open_call_history(str(path)).read_periods(lambda _: None)
    return [line.removeprefix(str(path)) for line in str(caught.value).splitlines()]


@pytest.mark.parametrize(("column", "value", "reason"), INVALID_CELLS)
def test_an_invalid_cell_is_reported_with_row_column_and_reason(
    history: Callable, column: str, value: str, reason: str
) -> None:
    (problem,) = read_problems(history(ROW.replace("Spring", "Winter"), ROW, with_cell(column, value)))
    assert problem.startswith(f", row 4, column {column}: {reason}")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", ": the file is empty"),
        (b"\n\r\n\n", ": the file is empty"),
        (b"\xef\xbb\xbf", ": the file is empty"),
        (HEADER.replace("attempts,", "").encode(), ", row 1: column attempts is missing; the columns are batchName, "),
        (HEADER.replace("batchName", "BatchName").encode(), ", row 1: column batchName is missing"),
        (f"{HEADER},attempts".encode(), ", row 1: column attempts occurs twice"),
        (f"{HEADER}\n{ROW},more".encode(), ", row 2, column Column 8: has no column header"),
        (f"{HEADER}\n{ROW}\n\n{ROW}".encode(), ", row 4, column phoneNumber: repeats the number of row 2 in batch "),
        (f"{HEADER}\n{ROW}\n{ROW.replace('Lisbon', 'L' + chr(0))}".encode(), ": line 3 of the file contains a NUL"),
        (f'{HEADER}\n{ROW}\nSpring,"+120155501'.encode(), ", row 3, column phoneNumber: has a quotation mark that"),
        (f'{HEADER}\n{ROW}\n"{"x" * 200_000}\n'.encode(), ": row 3 of the file has a cell of more than 10,000"),
        (HEADER.encode() + b"\n" + b"x" * 2_200_000, ": line 2 of the file has more than 2,100,000 characters"),
        (ROW.encode(), ", row 1: column batchName is missing; the columns are Column 1, "),
    ],
)  # fmt: skip
def test_an_invalid_file_is_reported(history: Callable, data: bytes, problem: str) -> None:
    assert read_problems(history(data=data))[0].startswith(problem)


def test_all_problems_of_a_file_are_reported_at_once(
    app: Flask, owner: User, history: Callable, run_import: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = history(with_cell("attempts", "x"), ROW, with_cell("callStatus", "NO ANSWER"), ROW)
    result = run_import(path)
    assert (result.exit_code, result.stdout) == (1, "")
    first, *others = result.stderr.splitlines()
    assert first.startswith(f"Error: {path}, row 2, column attempts: must be between 0 and 1000000")
    assert others == [
        f"{path}, row 4, column callStatus: must be one of completed, dropped, no-answer, busy, failed, canceled",
        f"{path}, row 5, column phoneNumber: repeats the number of row 3 in batch Spring; remove one",
    ]
    assert listed(app, owner) == {}
    monkeypatch.setattr(call_history, "MAX_PROBLEMS", 2)
    assert read_problems(path)[2:] == ["... and 1 more problems"]


def test_a_path_that_is_no_regular_file_is_reported(tmp_path: Path, run_import: Callable) -> None:
    for path in (tmp_path, Path("/dev/null")):
        assert run_import(path).stderr == f"Error: {path}: must be a regular file\n"
    result = run_import(tmp_path / "absent.csv")
    assert result.exit_code == 1
    assert result.stderr == f"Error: {tmp_path / 'absent.csv'}: cannot be read: No such file or directory\n"


def test_an_unknown_owner_is_reported(history: Callable, run_import: Callable) -> None:
    result = run_import(history(ROW), email="absent@example.com")
    assert result.exit_code == 1
    assert result.stderr == "Error: owner: there is no account absent@example.com\n"


def test_a_failed_import_stores_nothing(app: Flask, owner: User, history: Callable, run_import: Callable) -> None:
    path = history(*rows_of("Spring", range(3000)))
    total = 0

    def fail_while_storing(read: int) -> None:
        nonlocal total
        total += read
        if total > 1.9 * 3000:
            raise RuntimeError

    with app.app_context(), pytest.raises(RuntimeError):
        actions.import_history(owner.key, open_call_history(str(path)), fail_while_storing)
    assert listed(app, owner) == {}
    assert last_line(run_import(path)) == "1 batch, 3,000 calls added"
    assert counts(listed(app, owner)["Spring"]) == (3000, 3000, 3000, 0)
