"""Importing a call history: what is taken, what is refused and how it is said, and that again adds nothing."""

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

from portal.batches import actions
from portal.batches.call_history import open_call_history
from portal.extensions import db
from portal.live import live_batches, live_calls
from portal.models import Batch, Call, User
from portal.times import now_ms
from tests.support.builders import Builder

HEADER = "batchName,phoneNumber,startedAt,durationSeconds,callStatus,attempts,city"
ROW = "Spring,+12015550100,2025-03-03T09:00:00Z,61,completed,1,Lisbon"
MARCH_3 = 1_740_992_400_000  # 2025-03-03T09:00:00Z
ADDED_NOTHING = "0 batches, 0 calls added"


@pytest.fixture
def history(tmp_path: Path) -> Callable[..., Path]:
    """Writes a history of these rows, given as text or bytes, and returns its path."""

    def write(*rows: str, header: str = HEADER, data: bytes | None = None) -> Path:
        path = tmp_path / "history.csv"
        path.write_bytes("\n".join([header, *rows, ""]).encode() if data is None else data)
        return path

    return write


@pytest.fixture
def run_import(app: Flask, owner: User) -> Callable[[Path], Any]:
    """Imports a file for the owner by the command."""

    def run(path: Path, email: str = owner.email) -> Any:
        return app.test_cli_runner().invoke(args=["batch", "import", str(path), "--owner", email])

    return run


def said(result: Any) -> str:
    """The command's last line, when it went well."""
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout.splitlines()[-1]


def listed(app: Flask, owner: User) -> dict[str, Batch]:
    """The owner's live batches by name."""
    with app.app_context():
        return {batch.name: batch for batch in db.session.execute(live_batches(owner.key)).scalars()}


def calls_of(app: Flask, owner: User, batch: Batch) -> list[Call]:
    """The batch's calls in the order in which they were added."""
    with app.app_context():
        return list(db.session.execute(live_calls(owner.key, batch.id).order_by(Call.key)).scalars())


def counts(batch: Batch) -> tuple[int, int, int, int]:
    """Its calls: all, called, picked up, completed."""
    return batch.total_calls, batch.calls_called, batch.calls_picked, batch.calls_completed


def rows_of(name: str, many: Iterable[int]) -> list[str]:
    return [
        f"{name},+1{201 + number // 100}55501{number % 100:02},2025-03-03T09:{number % 60:02}:00Z,9,dropped,1,Porto"
        for number in many
    ]


# --- what is taken ----------------------------------------------------------------------------------------------------


def test_a_history_becomes_batches(app: Flask, owner: User, history: Callable, run_import: Callable) -> None:
    result = run_import(
        history(
            ROW,
            "Autumn,+12015550100,2025-09-01T10:00:00+02:00,0,no-answer,3,Porto",
            "Spring,+12015550101,2025-03-04T08:30:00.250Z,12,dropped,2,",
            "Spring,+12015550102,2025-03-01T08:30:00Z,0,busy,1,Faro",
            "Spring,+12015550103,2025-03-02T08:30:00Z,0,canceled,0,Faro",
        )
    )
    assert said(result) == "2 batches, 5 calls added"
    batches = listed(app, owner)
    spring, autumn = batches["Spring"], batches["Autumn"]
    assert counts(spring) == (4, 3, 2, 1)
    assert counts(autumn) == (1, 1, 0, 0)
    assert spring.status == autumn.status == "completed"
    assert spring.created_at == MARCH_3 - 2 * 86_400_000 - 30 * 60_000  # its first row in time, not in the file
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
    ],
    ids=["BOM and CRLF", "no last newline", "blank lines", "quoted", "blanks around names"],
)
def test_forms_of_csv(app: Flask, owner: User, history: Callable, run_import: Callable, data: bytes) -> None:
    assert said(run_import(history(data=data))) == "1 batch, 1 call added"
    (spring,) = listed(app, owner).values()
    assert (spring.name, counts(spring)) == ("Spring", (1, 1, 1, 1))
    assert calls_of(app, owner, spring)[0].fields == {"city": "Lisbon"}


def test_columns_in_any_order_and_others_kept(app: Flask, owner: User, history: Callable, run_import: Callable) -> None:
    path = history(
        '=1+1,1,completed,Été,+12015550100,61,2025-03-03T09:00:00Z,"two\nlines, one ""cell"""',
        header="formula,attempts,callStatus,batchName,phoneNumber,durationSeconds,startedAt,note",
    )
    assert said(run_import(path)) == "1 batch, 1 call added"
    (call,) = calls_of(app, owner, listed(app, owner)["Été"])
    assert call.fields == {"formula": "=1+1", "note": 'two\nlines, one "cell"'}
    assert listed(app, owner)["Été"].name_folded == "été"


def test_a_header_alone_adds_nothing(history: Callable, run_import: Callable) -> None:
    assert said(run_import(history())) == ADDED_NOTHING


def test_one_number_may_be_in_several_batches(history: Callable, run_import: Callable) -> None:
    assert said(run_import(history(ROW, ROW.replace("Spring", "Autumn")))) == "2 batches, 2 calls added"


# --- what is refused --------------------------------------------------------------------------------------------------


def with_cell(column: str, value: str) -> str:
    cells = dict(zip(HEADER.split(","), ROW.split(","), strict=True)) | {column: value}
    return ",".join(cells.values())


BAD_CELLS = [
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
    ("phoneNumber", "+1 201 555 0100", "must be an E.164 number"),
    ("phoneNumber", "+" + "1" * 500, "must be at most 20 characters"),
    ("startedAt", "", "must be an ISO date-time with its zone"),
    ("startedAt", "2025-03-03", "must be an ISO date-time with its zone"),
    ("startedAt", "2025-03-03T09:00:00", "must be an ISO date-time with its zone"),
    ("startedAt", "03/03/2025 09:00Z", "must be an ISO date"),
    ("startedAt", "2025-02-30T09:00:00Z", "must be an ISO date"),
    ("startedAt", "2025-03-03T25:00:00Z", "must be an ISO date"),
    ("startedAt", "٢٠٢٥-03-03T09:00:00Z", "must be an ISO date"),
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
]


@pytest.mark.parametrize(("column", "value", "reason"), BAD_CELLS)
def test_a_bad_cell_is_told_by_file_line_column_and_reason(
    app: Flask, owner: User, history: Callable, run_import: Callable, column: str, value: str, reason: str
) -> None:
    path = history(ROW.replace("Spring", "Winter"), ROW, with_cell(column, value))
    result = run_import(path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {path}, line 4, column {column}: {reason}")
    assert result.stderr.count("\n") == 1
    assert listed(app, owner) == {}


@pytest.mark.parametrize(
    ("data", "place_and_reason"),
    [
        (b"", ": is empty"),
        (b"\n\r\n\n", ": is empty"),
        (b"\xef\xbb\xbf", ": is empty"),
        (HEADER.replace("attempts,", "").encode(), ", line 1, column attempts: is missing"),
        (HEADER.replace("batchName", "BatchName").encode(), ", line 1, column batchName: is missing"),
        (HEADER.replace(",", ";").encode(), ", line 1, column batchName: is missing"),
        (f"{HEADER},attempts".encode(), ", line 1, column attempts: is there twice"),
        (f"{HEADER},city".encode(), ", line 1, column city: is there twice"),
        (f"{HEADER},".encode(), ", line 1, column 8: has no name"),
        (f"{HEADER}\n{ROW}\n{ROW.replace(',Lisbon', '')}".encode(), ", line 3, column city: the row has 6 cells"),
        (f"{HEADER}\n{ROW},more".encode(), ", line 2, column 8: the row has 8 cells where the header has 7"),
        (f"{HEADER}\n{ROW}\n\n{ROW}".encode(), ", line 4, column phoneNumber: is in batch Spring already, at line 2"),
        (f"{HEADER}\n{ROW.replace('Lisbon', 'Évora')}".encode("latin-1"), ", line 2: is not UTF-8 text"),
        (f"{HEADER}\n{ROW}".encode("utf-16"), ", line 1: is not UTF-8 text"),
        (f"{HEADER}\n{ROW}\n{ROW.replace('Lisbon', 'Lis' + chr(0))}".encode(), ", line 3: holds a NUL character"),
        (f'{HEADER}\n{ROW}\nSpring,"+120155501'.encode(), ", line 3: is not CSV"),
        (f'{HEADER}\n{ROW}\nSpring,"+1"2015550101'.encode(), ", line 3: is not CSV"),
        (f'{HEADER}\n{ROW}\n"{"x" * 200_000}\n'.encode(), ", line 3: is not CSV"),
        (HEADER.encode() + b"\n" + b"x" * 1_000_001, ", line 2: is longer than 1,000,000 bytes"),
        # A quoted cell over two lines: the next row begins at the line that an editor shows.
        (
            (
                f'{HEADER}\r\n{ROW.replace("Lisbon", chr(34) + "two" + chr(13) + chr(10) + "lines" + chr(34))}\r\n'
                f"{ROW.replace('61', 'x').replace('0100', '0101')}"
            ).encode(),
            ", line 4, column durationSeconds: must be",
        ),
    ],
)  # fmt: skip
def test_a_bad_file(
    app: Flask, owner: User, history: Callable, run_import: Callable, data: bytes, place_and_reason: str
) -> None:
    path = history(data=data)
    result = run_import(path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {path}{place_and_reason}")
    assert result.stderr.count("\n") == 1
    assert listed(app, owner) == {}


def test_what_is_not_a_file(tmp_path: Path, run_import: Callable) -> None:
    for path in (tmp_path, Path("/dev/null")):
        assert run_import(path).stderr == f"Error: {path}: is not a file\n"
    result = run_import(tmp_path / "absent.csv")
    assert result.exit_code == 1
    assert result.stderr == f"Error: {tmp_path / 'absent.csv'}: cannot be read: No such file or directory\n"


def test_an_owner_who_is_not_there(history: Callable, run_import: Callable) -> None:
    result = run_import(history(ROW), email="nobody@example.com")
    assert result.exit_code == 1
    assert result.stderr == "Error: owner: there is no account nobody@example.com\n"


def test_a_failure_half_way_leaves_nothing(app: Flask, owner: User, history: Callable, run_import: Callable) -> None:
    path = history(*rows_of("Spring", range(3000)))
    told = 0

    def fail_while_storing(read: int) -> None:
        nonlocal told
        told += read
        if told > 1.9 * path.stat().st_size:
            raise RuntimeError

    with app.app_context(), pytest.raises(RuntimeError), open_call_history(str(path)) as opened:
        actions.import_history(owner.key, opened, fail_while_storing)
    assert listed(app, owner) == {}
    assert said(run_import(path)) == "1 batch, 3,000 calls added"
    assert counts(listed(app, owner)["Spring"]) == (3000, 3000, 3000, 0)


# --- again ------------------------------------------------------------------------------------------------------------


def test_the_same_file_again_adds_nothing(app: Flask, owner: User, history: Callable, run_import: Callable) -> None:
    path = history(*rows_of("Spring", range(30)), *rows_of("Autumn", range(20)))
    assert said(run_import(path)) == "2 batches, 50 calls added"
    before = values_of(listed(app, owner))
    assert said(run_import(path)) == ADDED_NOTHING
    assert values_of(listed(app, owner)) == before


def values_of(batches: dict[str, Batch]) -> dict[str, dict[str, Any]]:
    """Every column of the batches."""
    return {
        name: {column.key: getattr(batch, column.key) for column in Batch.__table__.columns}
        for name, batch in batches.items()
    }


def test_a_longer_file_adds_what_is_new(app: Flask, owner: User, history: Callable, run_import: Callable) -> None:
    run_import(history(*rows_of("Spring", range(30))))
    (first,) = listed(app, owner).values()
    later = "Spring,+19075550199,2025-04-01T09:00:00Z,61,completed,1,Faro"
    earlier = "Spring,+19075550198,2025-01-01T09:00:00Z,0,canceled,0,Faro"
    path = history(*rows_of("Spring", range(30)), later, earlier, *rows_of("Autumn", range(2)))
    assert said(run_import(path)) == "1 batch, 4 calls added"
    spring = listed(app, owner)["Spring"]
    assert spring.id == first.id
    assert counts(spring) == (32, 31, 31, 1)
    assert (spring.created_at, spring.updated_at) == (1_735_722_000_000, 1_743_498_000_000)


def test_a_renamed_batch_is_found_again(
    app: Flask, build: Builder, owner: User, history: Callable, run_import: Callable
) -> None:
    path = history(*rows_of("Spring", range(3)))
    run_import(path)
    rename(app, build, owner, "Spring", "Vår")
    result = run_import(history(*rows_of("Spring", range(4))))
    assert said(result) == "0 batches, 1 call added"
    assert "Spring is called Vår now" in result.stdout
    batches = listed(app, owner)
    assert batches.keys() == {"Vår"}
    assert counts(batches["Vår"]) == (4, 4, 4, 0)


def rename(app: Flask, build: Builder, owner: User, name: str, now: str) -> None:
    build.change(listed(app, owner)[name], name=now, name_folded=now.casefold())


def test_a_deleted_batch_does_not_come_back(
    app: Flask, build: Builder, owner: User, history: Callable, run_import: Callable
) -> None:
    run_import(history(*rows_of("Spring", range(3)), *rows_of("Autumn", range(3))))
    spring = listed(app, owner)["Spring"]
    build.change(spring, deleted_at=now_ms(), deleted_by_key=owner.key)
    result = run_import(history(*rows_of("Spring", range(5)), *rows_of("Autumn", range(3))))
    assert said(result) == ADDED_NOTHING
    assert "Spring is deleted, and stays so" in result.stdout
    assert listed(app, owner).keys() == {"Autumn"}
    back = build.change(spring, deleted_at=None, deleted_by_key=None)
    assert len(calls_of(app, owner, back)) == 3


def test_owners_do_not_share_a_history(
    app: Flask, owner: User, stranger: User, history: Callable, run_import: Callable
) -> None:
    path = history(*rows_of("Spring", range(3)))
    assert said(run_import(path)) == said(run_import(path, email=stranger.email)) == "1 batch, 3 calls added"
    assert listed(app, owner)["Spring"].id != listed(app, stranger)["Spring"].id


def test_a_batch_of_that_name_that_was_not_imported_is_left_alone(
    app: Flask, build: Builder, owner: User, history: Callable, run_import: Callable
) -> None:
    mine = build.create_batch(owner, "Spring")
    assert said(run_import(history(ROW))) == "1 batch, 1 call added"
    assert calls_of(app, owner, mine) == []


def test_two_imports_at_once_add_it_once(app: Flask, owner: User, history: Callable) -> None:
    path = history(*rows_of("Spring", range(1500)), *rows_of("Autumn", range(500)))
    added: list[tuple[int, int]] = []

    def import_it() -> None:
        with app.app_context(), open_call_history(str(path)) as opened:
            imported = actions.import_history(owner.key, opened, lambda _: None)
            added.append((imported.batches, imported.calls))

    threads = [Thread(target=import_it) for _ in range(3)]
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
    """26 batches and 41,188 calls, counted here by other means: the file itself is the truth."""
    assert said(run_import(campaign_file)) == "26 batches, 41,188 calls added"
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
    finds = {
        search: api(f"?search={search}").json["data"]["pagination"]["total"] for search in ("may", "march+2009", "%25")
    }
    assert finds == {"may": 3, "march+2009": 1, "%25": 0}
    assert calls_of(app, owner, listed(app, owner)["Term deposit May 2008"])[0].fields == {
        "contact": "telephone",
        "age": "56",
        "subscribed": "no",
    }

    assert said(run_import(campaign_file)) == ADDED_NOTHING
    assert api("?limit=100").json["data"] == data
