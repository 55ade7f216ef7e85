"""Importing call histories: accepted files, error messages, and repeated imports."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from flask import Flask

from portal.batches import actions, call_history
from portal.batches.call_history import CallHistoryError, open_call_history
from portal.extensions import db
from portal.live import live_batches, live_calls
from portal.models import Batch, Call, User
from portal.times import now_ms
from tests.contacts.sample_files import as_xlsx
from tests.support.builders import Builder

HEADER = "batchName,phoneNumber,startedAt,durationSeconds,callStatus,attempts,city"
ROW = "Spring,+12015550100,2025-03-03T09:00:00Z,61,completed,1,Lisbon"
MARCH_3 = 1_740_992_400_000  # 2025-03-03T09:00:00Z
ADDED_NOTHING = "0 batches, 0 calls added"


@pytest.fixture
def history(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a history of rows (text or bytes) and returns its path."""

    def write(*rows: str, header: str = HEADER, data: bytes | None = None) -> Path:
        path = tmp_path / "history.csv"
        path.write_bytes("\n".join([header, *rows, ""]).encode() if data is None else data)
        return path

    return write


@pytest.fixture
def run_import(app: Flask, owner: User) -> Callable[[Path], Any]:
    """Return a function that imports a file for the owner with the command."""

    def run(path: Path, email: str = owner.email) -> Any:
        return app.test_cli_runner().invoke(args=["batch", "import", str(path), "--owner", email])

    return run


def last_line(result: Any) -> str:
    """Return the last line of output of a successful command."""
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout.splitlines()[-1]


def listed(app: Flask, owner: User) -> dict[str, Batch]:
    """Return the live batches of the owner by name."""
    with app.app_context():
        return {batch.name: batch for batch in db.session.execute(live_batches(owner.key)).scalars()}


def calls_of(app: Flask, owner: User, batch: Batch) -> list[Call]:
    """Return the calls of a batch in the order in which they were added."""
    with app.app_context():
        return list(db.session.execute(live_calls(owner.key, batch.id).order_by(Call.key)).scalars())


def counts(batch: Batch) -> tuple[int, int, int, int]:
    """Return the numbers of calls: all, called, picked up, completed."""
    return batch.total_calls, batch.calls_called, batch.calls_picked, batch.calls_completed


def rows_of(name: str, numbers: Iterable[int]) -> list[str]:
    return [
        f"{name},+1{201 + number // 100}55501{number % 100:02},2025-03-03T09:{number % 60:02}:00Z,9,dropped,1,Porto"
        for number in numbers
    ]


# --- accepted files ---------------------------------------------------------------------------------------------------


def test_a_history_is_imported_as_batches(app: Flask, owner: User, history: Callable, run_import: Callable) -> None:
    result = run_import(
        history(
            ROW,
            "Autumn,+12015550100,2025-09-01T10:00:00+02:00,0,no-answer,3,Porto",
            "Spring,+12015550101,2025-03-04T08:30:00.250Z,12,dropped,2,",
            "Spring,+12015550102,2025-03-01T08:30:00Z,0,busy,1,Faro",
            "Spring,+12015550103,2025-03-02T08:30:00Z,0,canceled,0,Faro",
        )
    )
    assert last_line(result) == "2 batches, 5 calls added"
    batches = listed(app, owner)
    spring, autumn = batches["Spring"], batches["Autumn"]
    assert counts(spring) == (4, 3, 2, 1)
    assert counts(autumn) == (1, 1, 0, 0)
    assert spring.status == autumn.status == "completed"
    assert spring.created_at == MARCH_3 - 2 * 86_400_000 - 30 * 60_000  # the earliest call, not the first row
    assert spring.updated_at == MARCH_3 + 86_400_000 - 30 * 60_000 + 250
    assert autumn.created_at == autumn.updated_at == 1_756_713_600_000  # 08:00 UTC
    call = calls_of(app, owner, spring)[0]
    assert (call.phone_number, call.status, call.duration_seconds) == ("+12015550100", "completed", 61)
    assert (call.attempts, call.fields) == (1, {"city": "Lisbon"})
    assert (call.created_at, call.last_event_at) == (MARCH_3, MARCH_3 + 61_000)


@pytest.mark.parametrize(
    "data",
    [
        f"\ufeff{HEADER}\r\n{ROW}\r\n".encode(),
        f"{HEADER}\n{ROW}".encode(),
        f"\n\n{HEADER}\n\n{ROW}\n\n\n".encode(),
        f'{HEADER}\n"Spring","+12015550100","2025-03-03T09:00:00Z","61","completed","1","Lisbon"\n'.encode(),
        f"{HEADER.replace(',', ' , ')}\nSpring ,{ROW.removeprefix('Spring,')}\n".encode(),
        f"{HEADER}\n{ROW}\n,,,,,,\n , ,\n".encode(),
        f"{HEADER}\n{ROW}".replace(",", ";").encode(),
        f"{HEADER}\r{ROW}\r".encode(),
        f"{HEADER}\n{ROW.replace(',61,completed,1,', ',61.0,completed,1.00,')}".encode(),
        f"{HEADER}\n{ROW.replace('T09:00:00Z', ' 09:00:00 Z')}".encode(),
        f"{HEADER}\n{ROW.replace('T09:00:00Z', ' 12:00:00+03')}".encode(),
        f"{HEADER}\n{ROW.replace('T09:00:00Z', ' 09:00:00.000 UTC')}".encode(),
        f"{HEADER}\n{ROW}".encode("utf-16"),
        as_xlsx([HEADER.split(","), [*ROW.split(",")[:3], 61, "completed", 1, "Lisbon"]]),
    ],
    ids=[
        *(
            "BOM and CRLF",
            "no last newline",
            "blank lines",
            "quoted",
            "blanks around names",
            "blank rows",
            "semicolons",
        ),
        *("CR only", "64.0", "blanks for T and before Z", "PostgreSQL", "UTC", "UTF-16", "workbook"),
    ],
)
def test_variants_of_files_are_accepted(
    app: Flask, owner: User, history: Callable, run_import: Callable, data: bytes
) -> None:
    path = history(data=data)
    if data.startswith(b"PK"):
        path = path.rename(path.with_suffix(".xlsx"))
    assert last_line(run_import(path)) == "1 batch, 1 call added"
    (spring,) = listed(app, owner).values()
    assert (spring.name, spring.created_at, counts(spring)) == ("Spring", MARCH_3, (1, 1, 1, 1))
    (call,) = calls_of(app, owner, spring)
    assert (call.fields, call.duration_seconds, call.attempts) == ({"city": "Lisbon"}, 61, 1)


def test_a_history_with_damaged_text_or_hidden_rows_is_read_with_a_note(
    history: Callable, run_import: Callable
) -> None:
    data = f"{HEADER}\n{ROW.replace('Lisbon', 'Évora')}\n".encode() + ROW.replace("0100", "0101").encode() + b"\xe9"
    result = run_import(history(data=data))
    assert "Replaced 1 character" in result.stdout
    assert last_line(result) == "1 batch, 2 calls added"


def test_columns_may_have_any_order_and_others_are_stored(
    app: Flask, owner: User, history: Callable, run_import: Callable
) -> None:
    path = history(
        '=1+1,1,completed,Été,+12015550100,61,2025-03-03T09:00:00Z,"two\nlines, one ""cell"""',
        header="formula,attempts,callStatus,batchName,phoneNumber,durationSeconds,startedAt,note",
    )
    assert last_line(run_import(path)) == "1 batch, 1 call added"
    (call,) = calls_of(app, owner, listed(app, owner)["Été"])
    assert call.fields == {"formula": "=1+1", "note": 'two\nlines, one "cell"'}
    assert listed(app, owner)["Été"].name_folded == "été"


def test_a_header_alone_adds_nothing(history: Callable, run_import: Callable) -> None:
    assert last_line(run_import(history())) == ADDED_NOTHING


def test_one_number_may_be_in_several_batches(history: Callable, run_import: Callable) -> None:
    assert last_line(run_import(history(ROW, ROW.replace("Spring", "Autumn")))) == "2 batches, 2 calls added"


# --- errors -----------------------------------------------------------------------------------------------------------


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
    ("startedAt", "03/03/2025 09:00Z", "must be an ISO date"),
    ("startedAt", "2025-02-30T09:00:00Z", "must be an ISO date"),
    ("startedAt", "2025-03-03T25:00:00Z", "must be an ISO date"),
    ("startedAt", "٢٠٢٥-03-03T09:00:00Z", "must be an ISO date"),
    ("startedAt", "0001-01-01T00:00:00+14:00", "must be in the years 1970 to 9998"),
    ("startedAt", "9999-12-31T23:59:59-14:00", "must be in the years 1970 to 9998"),
    ("durationSeconds", "", "must be "),
    ("durationSeconds", "-1", "must be "),
    ("durationSeconds", "1.5", "must be "),
    ("durationSeconds", "٣", "must be "),
    ("durationSeconds", "1_0", "must be "),
    ("durationSeconds", "9" * 30, "must be "),
    ("callStatus", "", "must be one of completed, dropped, no-answer, busy, failed, canceled"),
    ("callStatus", "Completed", "must be one of completed, dropped, no-answer, busy, failed, canceled"),
    ("callStatus", "pending", "must be one of completed, dropped, no-answer, busy, failed, canceled"),
    ("callStatus", "in-progress", "must be one of completed, dropped, no-answer, busy, failed, canceled"),
    ("attempts", "", "must be "),
    ("attempts", "one", "must be "),
    ("attempts", "1000001", "must be "),
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
        (f'{HEADER}\n{ROW}\nSpring,"+120155501'.encode(), ", row 3, column "),
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
    assert first.startswith(f"Error: {path}, row 2, column attempts: must be ")
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


# --- repeated imports -------------------------------------------------------------------------------------------------


def test_a_second_import_of_the_same_file_adds_nothing(
    app: Flask, owner: User, history: Callable, run_import: Callable
) -> None:
    path = history(*rows_of("Spring", range(30)), *rows_of("Autumn", range(20)))
    assert last_line(run_import(path)) == "2 batches, 50 calls added"
    before = values_of(listed(app, owner))
    assert last_line(run_import(path)) == ADDED_NOTHING
    assert values_of(listed(app, owner)) == before


def values_of(batches: dict[str, Batch]) -> dict[str, dict[str, Any]]:
    """Return every column of the batches by name."""
    return {
        name: {column.key: getattr(batch, column.key) for column in Batch.__table__.columns}
        for name, batch in batches.items()
    }


def test_a_longer_file_adds_only_new_calls(app: Flask, owner: User, history: Callable, run_import: Callable) -> None:
    run_import(history(*rows_of("Spring", range(30))))
    (first,) = listed(app, owner).values()
    later = "Spring,+19075550199,2025-04-01T09:00:00Z,61,completed,1,Faro"
    earlier = "Spring,+19075550198,2025-01-01T09:00:00Z,0,canceled,0,Faro"
    path = history(*rows_of("Spring", range(30)), later, earlier, *rows_of("Autumn", range(2)))
    assert last_line(run_import(path)) == "1 batch, 4 calls added"
    spring = listed(app, owner)["Spring"]
    assert spring.id == first.id
    assert counts(spring) == (32, 31, 31, 1)
    assert (spring.created_at, spring.updated_at) == (1_735_722_000_000, 1_743_498_000_000)


def test_a_renamed_batch_is_matched_by_its_name_in_the_history(
    app: Flask, build: Builder, owner: User, history: Callable, run_import: Callable
) -> None:
    path = history(*rows_of("Spring", range(3)))
    run_import(path)
    rename(app, build, owner, "Spring", "Vår")
    result = run_import(history(*rows_of("Spring", range(4))))
    assert last_line(result) == "0 batches, 1 call added"
    assert "Matched renamed batch: Spring is now Vår" in result.stdout
    batches = listed(app, owner)
    assert batches.keys() == {"Vår"}
    assert counts(batches["Vår"]) == (4, 4, 4, 0)


def rename(app: Flask, build: Builder, owner: User, name: str, now: str) -> None:
    build.change(listed(app, owner)[name], name=now, name_folded=now.casefold())


def test_a_deleted_batch_is_skipped(
    app: Flask, build: Builder, owner: User, history: Callable, run_import: Callable
) -> None:
    run_import(history(*rows_of("Spring", range(3)), *rows_of("Autumn", range(3))))
    spring = listed(app, owner)["Spring"]
    build.change(spring, deleted_at=now_ms(), deleted_by_key=owner.key)
    result = run_import(history(*rows_of("Spring", range(5)), *rows_of("Autumn", range(3))))
    assert last_line(result) == ADDED_NOTHING
    assert "Skipped deleted batch: Spring" in result.stdout
    assert listed(app, owner).keys() == {"Autumn"}
    restored = build.change(spring, deleted_at=None, deleted_by_key=None)
    assert len(calls_of(app, owner, restored)) == 3


def test_owners_do_not_share_a_history(
    app: Flask, owner: User, stranger: User, history: Callable, run_import: Callable
) -> None:
    path = history(*rows_of("Spring", range(3)))
    assert last_line(run_import(path)) == last_line(run_import(path, email=stranger.email)) == "1 batch, 3 calls added"
    assert listed(app, owner)["Spring"].id != listed(app, stranger)["Spring"].id


def test_a_batch_with_the_same_name_that_was_not_imported_does_not_change(
    app: Flask, build: Builder, owner: User, history: Callable, run_import: Callable
) -> None:
    mine = build.create_batch(owner, "Spring")
    assert last_line(run_import(history(ROW))) == "1 batch, 1 call added"
    assert calls_of(app, owner, mine) == []


def test_concurrent_imports_add_the_calls_once(app: Flask, owner: User, history: Callable) -> None:
    path = history(*rows_of("Spring", range(1500)), *rows_of("Autumn", range(500)))
    added: list[tuple[int, int]] = []

    def import_file() -> None:
        with app.app_context():
            result = actions.import_history(owner.key, open_call_history(str(path)), lambda _: None)
            added.append((result.batches, result.calls))

    threads = [Thread(target=import_file) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(added) == [(0, 0), (0, 0), (2, 2000)]
    assert counts(listed(app, owner)["Spring"]) == (1500, 1500, 1500, 0)


# --- the real campaigns -----------------------------------------------------------------------------------------------


def test_the_real_campaign_file(
    app: Flask, owner: User, campaign_file: Path, run_import: Callable, api: Callable
) -> None:
    """Compare the import with counts taken directly from the file: 26 batches and 41,188 calls."""
    assert last_line(run_import(campaign_file)) == "26 batches, 41,188 calls added"
    with campaign_file.open(newline="") as file:
        rows = list(csv.DictReader(file))
    total = Counter(row["batchName"] for row in rows)
    picked = Counter(row["batchName"] for row in rows if int(row["durationSeconds"]) > 0)
    completed = Counter(row["batchName"] for row in rows if row["callStatus"] == "completed")
    moments: dict[str, list[str]] = {}
    for row in rows:
        moments.setdefault(row["batchName"], []).append(row["startedAt"].replace("Z", ".000Z"))
    assert (len(total), total.total()) == (26, 41_188)

    data = api("?limit=100").json["data"]
    assert data["pagination"] == {"total": 26, "page": 1, "limit": 100, "totalPages": 1}
    assert {batch["batchName"]: batch for batch in data["batches"]} == {
        name: {
            "_id": batch["_id"],
            "batchName": name,
            "totalCalls": total[name],
            "callsPicked": picked[name],
            "callsCompleted": completed[name],
            "queue_status": "completed",
            "createdAt": min(moments[name]),
            "updatedAt": max(moments[name]),
        }
        for batch in data["batches"]
        if (name := batch["batchName"]) in total
    }
    created = [datetime.fromisoformat(batch["createdAt"]) for batch in data["batches"]]
    assert created == sorted(created, reverse=True)
    totals = {
        search: api(f"?search={search}").json["data"]["pagination"]["total"] for search in ("may", "march+2009", "%25")
    }
    assert totals == {"may": 3, "march+2009": 1, "%25": 0}
    assert calls_of(app, owner, listed(app, owner)["Term deposit May 2008"])[0].fields == {
        "contact": "telephone",
        "age": "56",
        "subscribed": "no",
    }

    assert last_line(run_import(campaign_file)) == ADDED_NOTHING
    assert api("?limit=100").json["data"] == data
