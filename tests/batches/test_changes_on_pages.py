"""Pages that restore, rename and duplicate batches, and the activity that they show."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import DatabaseError

from portal.db.transactions import write_transaction
from portal.models import BatchLogEntry, User
from tests.batches.lists import statuses
from tests.support.builders import Builder
from tests.support.pages import extract_text


def test_the_trash_shows_when_and_by_whom_and_restores(
    signed_in: FlaskClient, press: Callable, api: Callable, build: Builder, owner: User, stranger: User
) -> None:
    assert "The trash is empty" in signed_in.get("/batches/trash").text
    build.create_batch(stranger, "theirs", deleted=True)
    batches = [build.create_batch(owner, f"Round {number}") for number in range(27)]
    for batch in batches:
        press("/batches/confirm", False, do="delete", id=batch.id)
    trash = signed_in.get("/batches/trash").text
    assert "1–25 of 27" in extract_text(trash)
    assert "theirs" not in trash
    assert re.search(r"Round 26 Pending Calls 0 Deleted just now .* By owner", extract_text(trash))
    assert signed_in.get("/batches/trash?page=9").location == "/batches/trash?page=2"
    press("/batches/restore", id=batches[0].id)
    assert statuses(api) == {"Round 0": "pending"}


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("  Summer  ", 200, "Summer"),
        ("", 400, "must not be empty"),
        ("x" * 201, 400, "at most 200"),
        ("a\tb", 400, "control"),
        ("open \u202ename", 400, "must not hold U+202E"),
    ],
)
def test_rename(
    press: Callable, api: Callable, build: Builder, owner: User, name: str, status: int, message: str
) -> None:
    batch = build.create_batch(owner, "Spring", status="active")
    answer = press(f"/batches/{batch.id}/rename", name=name)
    assert answer.status_code == status
    assert message in extract_text(answer.text)
    assert statuses(api) == {"Summer" if status == 200 else "Spring": "active"}
    total = api("?search=summer").json["data"]["pagination"]["total"]
    assert total == (1 if status == 200 else 0)


@pytest.mark.parametrize(("contacts", "calls"), [("all", 3), ("not-reached", 2)])
def test_duplicate(
    press: Callable, call_api: Callable, api: Callable, build: Builder, owner: User, contacts: str, calls: int
) -> None:
    body = {"batchName": "Spring", "callingNumbers": ["+12025550100"], "retry": 3}
    first = call_api("createBatch", body).json["data"]
    numbers = [{"phoneNumber": f"+1202555010{number}", "name": str(number)} for number in range(1, 4)]
    ids = call_api("addCallsToBatch", {"batchId": first, "call_data": numbers}).json["data"]["callIds"]
    call_api("call-events", {"events": [{"eventId": "1", "callId": ids[0], "callStatus": "completed"}]})
    answer = press(f"/batches/{first}/duplicate", name="Spring copy", contacts=contacts)
    assert answer.status_code == 200
    assert f"with {calls} calls" in extract_text(answer.text)
    assert "+1 202-555-0100" in answer.text
    copy = api().json["data"]["batches"][0]
    assert (copy["batchName"], copy["queue_status"], copy["totalCalls"]) == ("Spring copy", "pending", calls)
    assert copy["callsPicked"] == 0
    data = call_api(f"batch-details/{copy['_id']}").json["data"]["data"]
    assert [call["name"] for call in data] == ["1", "2", "3"][3 - calls :]
    assert press(f"/batches/{first}/duplicate", name="").status_code == 400


def test_every_change_is_logged_with_actor_and_channel(
    press: Callable, call_api: Callable, signed_in: FlaskClient, owner: User
) -> None:
    body = {"batchName": "Spring", "callingNumbers": ["+12025550100"]}
    batch = call_api("createBatch", body).json["data"]
    ids = call_api("addCallsToBatch", {"batchId": batch, "call_data": [{"phoneNumber": "+12025550101"}]}).json["data"]
    call_api("start-calling", {"batchId": batch, "userId": owner.id})
    call_api("start-calling", {"batchId": batch, "userId": owner.id})  # changes nothing and is not logged
    press(f"/batches/{batch}/rename", name="Summer")
    event = {"eventId": "1", "callId": ids["callIds"][0], "callStatus": "busy"}
    call_api("call-events", {"events": [event]})
    press("/batches/confirm", do="delete", id=batch)
    press("/batches/restore", id=batch)
    assert "All 7 entries" in extract_text(signed_in.get(f"/batches/{batch}").text)
    page = extract_text(signed_in.get(f"/batches/{batch}/changes").text)
    entries = [
        "Restored owner, web app",
        "Deleted owner, web app",
        "Changed from active to completed System, token “test”",
        "Renamed from “Spring” to “Summer” owner, web app",
        "Changed from pending to active owner, token “test”",
        "1 call added owner, token “test”",
        "Created owner, token “test”",
    ]
    positions = [page.index(entry) for entry in entries]
    assert positions == sorted(positions)
    assert "5550101" not in page


def test_log_entries_cannot_be_updated(app: Flask, press: Callable, build: Builder, owner: User) -> None:
    batch = build.create_batch(owner)
    press(f"/batches/{batch.id}/rename", name="Summer")
    with app.app_context(), pytest.raises(DatabaseError, match="never altered"), write_transaction() as session:
        session.query(BatchLogEntry).update({"details": {}})
