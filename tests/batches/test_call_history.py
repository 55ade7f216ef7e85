"""Importing call histories: accepted files, and the batches and calls that they become."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask

from portal.models import User
from tests.batches.call_histories import ADDED_NOTHING, HEADER, ROW, calls_of, counts, last_line, listed
from tests.contacts.sample_files import as_xlsx

MARCH_3 = 1_740_992_400_000  # 2025-03-03T09:00:00Z


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
        *("BOM and CRLF", "no last newline", "blank lines", "quoted", "blanks around names", "blank rows"),
        *("semicolons", "CR only", "64.0", "blanks for T and before Z", "PostgreSQL", "UTC", "UTF-16", "workbook"),
    ],
)
def test_variants_of_files_are_accepted(
    app: Flask, owner: User, history: Callable, run_import: Callable, data: bytes
) -> None:
    name = "history.xlsx" if data.startswith(b"PK") else "history.csv"
    assert last_line(run_import(history(data=data, name=name))) == "1 batch, 1 call added"
    (spring,) = listed(app, owner).values()
    assert (spring.name, spring.created_at, counts(spring)) == ("Spring", MARCH_3, (1, 1, 1, 1))
    (call,) = calls_of(app, owner, spring)
    assert (call.fields, call.duration_seconds, call.attempts) == ({"city": "Lisbon"}, 61, 1)


def test_damaged_text_is_imported_with_a_note(history: Callable, run_import: Callable) -> None:
    data = f"{HEADER}\n{ROW.replace('Lisbon', 'Évora')}\n".encode() + ROW.replace("0100", "0101").encode() + b"\xe9"
    result = run_import(history(data=data))
    assert "Replaced 1 character" in result.stdout
    assert last_line(result) == "1 batch, 2 calls added"


def test_hidden_rows_are_skipped_with_a_note(history: Callable, run_import: Callable) -> None:
    rows = [line.split(",") for line in (HEADER, ROW, ROW.replace("0100", "0101"))]
    result = run_import(history(data=as_xlsx(rows, hidden_rows=[3]), name="history.xlsx"))
    assert "Skipped 1 hidden row" in result.stdout
    assert last_line(result) == "1 batch, 1 call added"


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
