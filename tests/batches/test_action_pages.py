"""What a person does to batches on pages: moves, renames, duplicates, deletes, restores; one or several at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import DatabaseError

from portal.db.transactions import write_transaction
from portal.models import Batch, BatchLogEntry, User
from tests.accounts.test_pages import words
from tests.batches.test_transitions import ROWS
from tests.conftest import csrf_token
from tests.support.builders import Builder


@pytest.fixture
def press(signed_in: FlaskClient) -> Callable[..., Any]:
    """Posts a form of a page, and follows where it leads."""

    def post(address: str, follow: bool = True, **fields: Any) -> Any:
        token = csrf_token(signed_in.get("/settings/account").text)
        return signed_in.post(address, data=fields | {"csrf_token": token}, follow_redirects=follow)

    return post


def statuses(api: Callable) -> dict[str, str]:
    """Each batch's status by its name."""
    return {batch["batchName"]: batch["queue_status"] for batch in api("?limit=100").json["data"]["batches"]}


@pytest.mark.parametrize(("status", "move", "leads"), ROWS)
def test_every_move_on_the_page(
    press: Callable, api: Callable, build: Builder, owner: User, status: str, move: str, leads: str
) -> None:
    batch = build.create_batch(owner, "Spring", status=status, total_calls=1)
    build.create_call(batch)
    answer = press(f"/batches/{batch.id}/move", move=move)
    assert answer.status_code == 200
    if leads == "-":
        assert "Somebody may have been quicker" in words(answer.text)
    assert statuses(api) == {"Spring": status if leads in ("-", "same") else leads}


@pytest.mark.parametrize(
    ("status", "offered"),
    [
        ("pending", ["start", "stop"]),
        ("active", ["pause", "stop"]),
        ("paused", ["resume", "stop"]),
        ("stopped", ["start"]),
        ("completed", ["start"]),
    ],
)
def test_only_what_is_legal_now_is_offered(
    signed_in: FlaskClient, build: Builder, owner: User, status: str, offered: list[str]
) -> None:
    batch = build.create_batch(owner, status=status, total_calls=1)
    build.create_call(batch)
    assert re.findall(r'name="move" value="(\w+)"', signed_in.get(f"/batches/{batch.id}").text) == offered


def test_nothing_moves_without_the_forms_own_token(signed_in: FlaskClient, build: Builder, owner: User) -> None:
    batch = build.create_batch(owner, status="active")
    for path in (f"{batch.id}/move", f"{batch.id}/rename", f"{batch.id}/duplicate", "confirm", "restore", "new"):
        assert (
            signed_in.post(f"/batches/{path}", data={"move": "stop", "do": "delete", "id": batch.id}).status_code == 400
        )


def test_strangers_batches_cannot_be_changed(press: Callable, build: Builder, stranger: User, app: Flask) -> None:
    theirs = build.create_batch(stranger, "theirs", status="active")
    assert press(f"/batches/{theirs.id}/move", move="stop").status_code == 404
    assert press(f"/batches/{theirs.id}/rename", name="mine").status_code == 404
    assert press(f"/batches/{theirs.id}/duplicate", name="mine").status_code == 404
    assert "not there any more" in words(press("/batches/restore", id=theirs.id).text)
    press("/batches/confirm", do="delete", id=theirs.id)
    after = build.change(theirs)
    assert (after.name, after.status, after.deleted_at) == ("theirs", "active", None)


# --- several at once --------------------------------------------------------------------------------------------------


@pytest.fixture
def three(build: Builder, owner: User) -> dict[str, Batch]:
    """An active, a paused and a completed batch."""
    found = {}
    for status in ("active", "paused", "completed"):
        found[status] = build.create_batch(owner, f"The {status} one", status=status, total_calls=1)
        build.create_call(found[status], status="busy" if status == "completed" else "pending")
    return found


def query_of(batches: dict[str, Batch], **more: str) -> str:
    ids = "&".join(f"id={batch.id}" for batch in batches.values())
    return f"/batches/confirm?{ids}&" + "&".join(f"{name}={value}" for name, value in more.items())


def test_a_confirmation_names_them_and_says_what_stays(
    signed_in: FlaskClient, press: Callable, api: Callable, three: dict[str, Batch]
) -> None:
    asked = words(signed_in.get(query_of(three, do="stop")).text)
    assert "Stop 2 batches?" in asked
    assert "The active one" in asked
    assert "Not changed: The completed one This batch is completed: it cannot be stopped" in asked
    answer = words(press("/batches/confirm", do="stop", id=[batch.id for batch in three.values()]).text)
    assert "2 batches are stopped." in answer
    assert "Left as it was. The completed one: This batch is completed" in answer
    assert statuses(api) == {
        "The active one": "stopped",
        "The paused one": "stopped",
        "The completed one": "completed",
    }


def test_deleting_says_what_is_stopped_by_it_and_can_be_undone(
    signed_in: FlaskClient, press: Callable, api: Callable, three: dict[str, Batch]
) -> None:
    asked = words(signed_in.get(query_of(three, do="delete")).text)
    assert "Delete 3 batches?" in asked
    assert "The paused one, The active one: still running or paused" in asked
    one = words(signed_in.get(f"/batches/confirm?do=delete&id={three['active'].id}").text)
    assert "It is active" in one
    answer = press("/batches/confirm", do="delete", id=[batch.id for batch in three.values()], back="/batches?limit=25")
    assert answer.request.full_path == "/batches?limit=25"
    assert "3 batches are deleted." in words(answer.text)
    assert api().status_code == 404
    form = re.search(r'<form method="post" action="/batches/restore">.*?</form>', answer.text, re.DOTALL)[0]
    ids = re.findall(r'name="id" value="(\w+)"', form)
    assert "3 batches are back." in words(press("/batches/restore", id=ids, back="/batches?limit=25").text)
    assert set(statuses(api).values()) == {"stopped", "completed"}


@pytest.mark.parametrize(
    ("query", "status", "says"),
    [
        ("do=stop", 200, "Pick at least one batch first"),
        (f"do=stop&id={'0' * 24}", 200, "not there any more"),
        ("do=explode&id=" + "0" * 24, 400, "do must be one of start, pause, resume, stop, delete"),
        ("do=stop&id=nonsense", 400, "id must be 24 hexadecimal characters"),
        ("id=" + "0" * 24, 400, "do is required"),
    ],
)
def test_a_confirmation_of_nothing(signed_in: FlaskClient, query: str, status: int, says: str) -> None:
    answer = signed_in.get(f"/batches/confirm?{query}", follow_redirects=True)
    assert answer.status_code == status
    assert says in words(answer.text)


def test_the_way_back_never_leads_off_the_site(press: Callable, build: Builder, owner: User) -> None:
    for back in ("https://elsewhere.example", "//elsewhere.example", "javascript:alert(1)", "/\\elsewhere.example"):
        batch = build.create_batch(owner)
        assert press("/batches/confirm", False, do="delete", id=batch.id, back=back).location == "/batches"
        assert press("/batches/restore", False, id=batch.id, back=back).location == "/batches"


# --- trash, rename, duplicate -----------------------------------------------------------------------------------------


def test_the_trash_says_when_and_by_whom_and_gives_back(
    signed_in: FlaskClient, press: Callable, api: Callable, build: Builder, owner: User, stranger: User
) -> None:
    assert "The trash is empty" in signed_in.get("/batches/trash").text
    build.create_batch(stranger, "theirs", deleted=True)
    batches = [build.create_batch(owner, f"Round {number}") for number in range(27)]
    for batch in batches:
        press("/batches/confirm", False, do="delete", id=batch.id)
    trash = signed_in.get("/batches/trash").text
    assert "1–25 of 27" in words(trash)
    assert "theirs" not in trash
    assert re.search(r"Round 26 Pending Calls 0 Deleted just now .* By owner", words(trash))
    assert signed_in.get("/batches/trash?page=9").location == "/batches/trash?page=2"
    press("/batches/restore", id=batches[0].id)
    assert statuses(api) == {"Round 0": "pending"}


@pytest.mark.parametrize(
    ("name", "status", "says"),
    [
        ("  Summer  ", 200, "Summer"),
        ("", 400, "must not be empty"),
        ("x" * 201, 400, "at most 200"),
        ("a\tb", 400, "control"),
    ],
)
def test_rename(press: Callable, api: Callable, build: Builder, owner: User, name: str, status: int, says: str) -> None:
    batch = build.create_batch(owner, "Spring", status="active")
    answer = press(f"/batches/{batch.id}/rename", name=name)
    assert answer.status_code == status
    assert says in words(answer.text)
    assert statuses(api) == {"Summer" if status == 200 else "Spring": "active"}
    found = api("?search=summer").json["data"]["pagination"]["total"]
    assert found == (1 if status == 200 else 0)


@pytest.mark.parametrize(("contacts", "calls"), [("all", 3), ("not-reached", 2)])
def test_duplicate(
    press: Callable, call_api: Callable, api: Callable, build: Builder, owner: User, contacts: str, calls: int
) -> None:
    body = {"batchName": "Spring", "callingNumbers": ["+12025550100"], "retry": 3}
    first = call_api("createBatch", body).json["data"]
    numbers = [{"phoneNumber": f"+1202555010{number}", "name": str(number)} for number in range(1, 4)]
    ids = call_api("addCallsToBatch", {"batchId": first, "call_data": numbers}).json["data"]["callIds"]
    call_api("call-events", {"events": [{"eventId": "1", "callId": ids[0], "callStatus": "completed"}]})
    answer = press(f"/batches/{first}/duplicate", name="Spring again", contacts=contacts)
    assert answer.status_code == 200
    assert f"with {calls} calls" in words(answer.text)
    assert "+12025550100" in answer.text
    again = api().json["data"]["batches"][0]
    assert (again["batchName"], again["queue_status"], again["totalCalls"]) == ("Spring again", "pending", calls)
    assert again["callsPicked"] == 0
    data = call_api(f"batch-details/{again['_id']}").json["data"]["data"]
    assert [call["name"] for call in data] == ["1", "2", "3"][3 - calls :]
    assert press(f"/batches/{first}/duplicate", name="").status_code == 400


# --- who did it -------------------------------------------------------------------------------------------------------


def test_every_change_is_written_down_with_who_and_how(
    press: Callable, call_api: Callable, signed_in: FlaskClient, owner: User
) -> None:
    body = {"batchName": "Spring", "callingNumbers": ["+12025550100"]}
    batch = call_api("createBatch", body).json["data"]
    ids = call_api("addCallsToBatch", {"batchId": batch, "call_data": [{"phoneNumber": "+12025550101"}]}).json["data"]
    call_api("start-calling", {"batchId": batch, "userId": owner.id})
    call_api("start-calling", {"batchId": batch, "userId": owner.id})  # changes nothing, and says nothing
    press(f"/batches/{batch}/rename", name="Summer")
    event = {"eventId": "1", "callId": ids["callIds"][0], "callStatus": "busy"}
    call_api("call-events", {"events": [event]})
    press("/batches/confirm", do="delete", id=batch)
    press("/batches/restore", id=batch)
    assert "All 7 entries" in words(signed_in.get(f"/batches/{batch}").text)
    told = words(signed_in.get(f"/batches/{batch}/changes").text)
    steps = [
        "Restored owner, on a page",
        "Deleted owner, on a page",
        "From active to completed by itself, token “test”",
        "Renamed from “Spring” to “Summer” owner, on a page",
        "From pending to active owner, token “test”",
        "1 call added owner, token “test”",
        "Made owner, token “test”",
    ]
    places = [told.index(step) for step in steps]
    assert places == sorted(places)
    assert "5550101" not in told


def test_no_change_can_be_altered(app: Flask, press: Callable, build: Builder, owner: User) -> None:
    batch = build.create_batch(owner)
    press(f"/batches/{batch.id}/rename", name="Summer")
    with app.app_context(), pytest.raises(DatabaseError, match="never altered"), write_transaction() as session:
        session.query(BatchLogEntry).update({"details": {}})
