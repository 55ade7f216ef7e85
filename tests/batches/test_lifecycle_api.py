"""A batch's life by the API: made, filled, moved, deleted, restored; contract, section 5."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.batches import actions
from portal.batches.transitions import BatchAction, IllegalTransition
from portal.models import Batch, Channel, Scope, User
from portal.models.actor import Actor
from tests.batches.test_transitions import ROWS
from tests.support.builders import Builder

CALLER_ID = "+12025550100"
NUMBERS = [f"+120255501{number:02}" for number in range(10, 20)]


@pytest.fixture
def made(call_api: Callable) -> str:
    """The id of a batch with ten calls."""
    batch_id = call_api("createBatch", {"batchName": "Spring", "callingNumbers": [CALLER_ID]}).json["data"]
    calls = [{"phoneNumber": number, "name": f"contact {place}"} for place, number in enumerate(NUMBERS)]
    assert call_api("addCallsToBatch", {"batchId": batch_id, "call_data": calls}).json["data"]["added"] == 10
    return batch_id


def listed(api: Callable, batch_id: str) -> dict[str, Any]:
    """A batch as the list shows it."""
    (found,) = (batch for batch in api("?limit=100").json["data"]["batches"] if batch["_id"] == batch_id)
    return found


# --- createBatch ------------------------------------------------------------------------------------------------------


def test_a_batch_is_made_pending_and_empty(call_api: Callable, api: Callable) -> None:
    answer = call_api(
        "createBatch",
        {
            "batchName": "  Spring  ",
            "callingNumbers": [CALLER_ID, "+44 20 7946 0101"],
            "retry": 2,
            "delay": 600,
            "timezone": "Europe/Lisbon",
            "callingHour": {"start": "09:00", "end": "17:00"},
            "allowedDays": [5, 1, 1],
        },
    )
    assert answer.status_code == 201
    batch_id = answer.json["data"]
    assert answer.json == {
        "message": "Batch created successfully",
        "status": True,
        "code": 201,
        "errorMessage": "",
        "data": batch_id,
    }
    batch = listed(api, batch_id)
    assert (batch["batchName"], batch["queue_status"], batch["totalCalls"]) == ("Spring", "pending", 0)
    assert batch["createdAt"] == batch["updatedAt"]


GOOD = {"batchName": "Spring", "callingNumbers": [CALLER_ID]}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "callingNumbers is required"),
        ({"callingNumbers": [CALLER_ID]}, "batchName is required"),
        ({"batchName": "Spring"}, "callingNumbers is required"),
        (GOOD | {"batchName": ""}, "batchName must not be empty"),
        (GOOD | {"batchName": "   "}, "batchName must not be empty"),
        (GOOD | {"batchName": "x" * 201}, "batchName must be at most 200 characters"),
        (GOOD | {"batchName": "a\u0000b"}, "batchName must not hold a control character"),
        (GOOD | {"batchName": 5}, "batchName must be text"),
        (GOOD | {"callingNumbers": []}, "callingNumbers must have at least 1 item"),
        (GOOD | {"callingNumbers": "+12025550100"}, "callingNumbers must be a list"),
        (GOOD | {"callingNumbers": ["12"]}, "callingNumbers[0] "),
        (GOOD | {"callingNumbers": [CALLER_ID, None]}, "callingNumbers[1] must be text"),
        (GOOD | {"retry": -1}, "retry must be between 0 and 10"),
        (GOOD | {"retry": 1.5}, "retry must be between 0 and 10"),
        (GOOD | {"retry": True}, "retry must be between 0 and 10"),
        (GOOD | {"delay": 1 << 70}, "delay must be between 0 and 604800"),
        (GOOD | {"timezone": "Mars/Olympus"}, "timezone must be an IANA time zone"),
        (GOOD | {"callingHour": {"start": "9", "end": "17:00"}}, "callingHour.start must be a time of the day"),
        (GOOD | {"callingHour": {"start": "09:00"}}, "callingHour.end is required"),
        (GOOD | {"callingHour": "09:00"}, "callingHour must be an object"),
        (GOOD | {"allowedDays": [7]}, "allowedDays must hold days from 0"),
        (GOOD | {"allowedDays": "1,2"}, "allowedDays must be a list of days"),
        (GOOD | {"color": "red"}, "color is not a known parameter"),
    ],
)
def test_what_is_wrong_with_a_new_batch_is_named(call_api: Callable, api: Callable, body: Any, says: str) -> None:
    answer = call_api("createBatch", body)
    assert (answer.status_code, answer.json["code"]) == (400, 400)
    assert answer.json["errorMessage"].startswith(says)
    assert api().status_code == 404  # nothing was made


@pytest.mark.parametrize(
    ("sent", "status", "says"),
    [
        ({"data": b"{", "content_type": "application/json"}, 400, "The body is not JSON"),
        ({"data": b"[]", "content_type": "application/json"}, 400, "The body must be a JSON object"),
        ({"data": b'{"a":1,"a":2}', "content_type": "application/json"}, 400, "The body has a more than once"),
        ({"data": b'{"a":NaN}', "content_type": "application/json"}, 400, "The body is not JSON: NaN"),
        ({"data": b"\xff", "content_type": "application/json"}, 400, "The body is not valid UTF-8"),
        ({"data": b"[" * 100_000, "content_type": "application/json"}, 400, "The body "),
        ({"data": b'{"retry":' + b"9" * 9000 + b"}", "content_type": "application/json"}, 400, "The body has a number"),
        ({"data": b"{}", "content_type": "text/plain"}, 415, "The content type must be application/json"),
        ({"data": b"batchName=a", "content_type": "application/x-www-form-urlencoded"}, 415, "The content type"),
        ({"data": b" " * 10_000_001, "content_type": "application/json"}, 413, "The body must be at most"),
    ],
)
def test_a_body_that_cannot_be_read(call_api: Callable, sent: dict, status: int, says: str) -> None:
    answer = call_api("createBatch", method="POST", **sent)
    assert (answer.status_code, answer.json["code"]) == (status, status)
    assert answer.json["errorMessage"].startswith(says)
    assert answer.json["data"] is None


# --- moves ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "move", "leads"), ROWS)
def test_every_move_by_the_api(
    call_api: Callable, api: Callable, build: Builder, owner: User, status: str, move: str, leads: str
) -> None:
    batch = build.create_batch(owner, status=status, total_calls=1)
    build.create_call(batch)
    answer = call_api(f"{move}-calling", {"batchId": batch.id, "userId": owner.id})
    now = listed(api, batch.id)
    if leads == "-":
        assert answer.status_code == 409
        assert status in answer.json["errorMessage"]
        assert now["queue_status"] == status
    else:
        word = {"start": "started", "pause": "paused", "resume": "resumed", "stop": "stopped"}[move]
        assert answer.status_code == 200
        assert answer.json["data"] == {"batchId": batch.id, "status": word}
        assert (answer.json["message"], answer.json["status"]) == ("", True)
        assert now["queue_status"] == (status if leads == "same" else leads)
    if leads in ("-", "same"):
        assert now["updatedAt"] == now["createdAt"]  # nothing was touched


def test_a_batch_without_open_calls_cannot_be_started(
    call_api: Callable, api: Callable, build: Builder, owner: User
) -> None:
    for status in ("pending", "paused", "stopped", "completed"):
        batch = build.create_batch(owner, status=status)
        build.create_call(batch, status="busy")
        answer = call_api("start-calling", {"batchId": batch.id, "userId": owner.id})
        assert (answer.status_code, listed(api, batch.id)["queue_status"]) == (409, status)


def test_a_paused_batch_whose_last_call_has_ended_completes_when_it_is_resumed(
    call_api: Callable, api: Callable, build: Builder, owner: User
) -> None:
    batch = build.create_batch(owner, status="paused")
    build.create_call(batch, status="busy")
    assert call_api("resume-calling", {"batchId": batch.id, "userId": owner.id}).status_code == 200
    assert listed(api, batch.id)["queue_status"] == "completed"


@pytest.mark.parametrize("move", ["start", "stop", "pause", "resume"])
def test_who_may_move(call_api: Callable, build: Builder, owner: User, stranger: User, made: str, move: str) -> None:
    theirs = build.create_batch(stranger, status="active")
    gone = build.create_batch(owner, status="active", deleted=True)
    read_only = build.create_token(owner, Scope.READ)
    body = {"batchId": made, "userId": owner.id}
    path = f"{move}-calling"
    cases = [
        (401, {"body": body, "token": "nonsense"}),
        (400, {"body": body | {"batchId": "nonsense"}}),
        (400, {"body": body | {"userId": 5}}),
        (403, {"body": body | {"userId": stranger.id}}),
        (403, {"body": body, "token": read_only}),
        (404, {"body": body | {"batchId": "0" * 24}}),
        (404, {"body": body | {"batchId": theirs.id}}),
        (404, {"body": body | {"batchId": gone.id}}),
        (400, {"body": {"userId": owner.id}}),
        (400, {"body": {"batchId": made}}),
        (400, {"body": body | {"now": True}}),
    ]
    for status, how in cases:
        answer = call_api(path, how.pop("body"), **how)
        assert (answer.status_code, answer.json["code"]) == (status, status), answer.json
    missing = [call_api(path, body | {"batchId": which}).json for which in ("0" * 24, theirs.id, gone.id)]
    assert missing[0] == missing[1] == missing[2]


def test_two_who_press_at_once_make_one_move(app: Flask, build: Builder, owner: User) -> None:
    """Pause and stop, both from active: one of them comes second, and never do both half happen."""
    told = Counter()
    for _ in range(10):
        batch = build.create_batch(owner, status="active", total_calls=1)
        build.create_call(batch)
        gate = threading.Barrier(4)

        def press(move: BatchAction, batch: Batch = batch, gate: threading.Barrier = gate) -> None:
            with app.app_context():
                gate.wait()
                try:
                    actions.change_status(Actor(owner.key, Channel.PAGE), batch.id, move)
                    told[move] += 1
                except IllegalTransition:
                    told["refused"] += 1

        pressed = [threading.Thread(target=press, args=(move,)) for move in (BatchAction.PAUSE, BatchAction.STOP) * 2]
        for thread in pressed:
            thread.start()
        for thread in pressed:
            thread.join()
        with app.app_context():
            from portal.audit import batch_query as changes_query

            changes = changes_query.fetch_batch_events(owner.key, batch.id, 1, 10).rows
        steps = [(change.details["from"], change.details["to"]) for change in reversed(changes)]
        assert steps in ([("active", "stopped")], [("active", "paused"), ("paused", "stopped")])
    assert told[BatchAction.STOP] == 20
    assert told[BatchAction.PAUSE] + told["refused"] == 20


# --- the trash --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [("active", "stopped"), ("paused", "stopped"), ("pending", "pending"), ("completed", "completed")],
)
def test_a_deleted_batch_is_nowhere_and_comes_back_with_its_calls(
    call_api: Callable, api: Callable, build: Builder, owner: User, before: str, after: str
) -> None:
    build.create_batch(owner, "stays")
    batch = build.create_batch(owner, "goes", status=before, total_calls=1)
    build.create_call(batch)
    answer = call_api(f"delete-batch/{batch.id.upper()}", method="DELETE")
    assert (answer.status_code, answer.json) == (200, {"success": True, "message": "Batch deleted"})
    assert [found["batchName"] for found in api().json["data"]["batches"]] == ["stays"]
    assert call_api(f"batch-details/{batch.id}").status_code == 404
    assert call_api(f"delete-batch/{batch.id}", method="DELETE").status_code == 404
    assert call_api("start-calling", {"batchId": batch.id, "userId": owner.id}).status_code == 404
    for _ in range(2):  # the second changes nothing
        answer = call_api(f"restore-batch/{batch.id}", method="POST")
        assert (answer.status_code, answer.json) == (200, {"success": True, "message": "Batch restored"})
    assert listed(api, batch.id)["queue_status"] == after
    assert call_api(f"batch-details/{batch.id}").json["data"]["total"] == 1


def test_who_may_delete_and_restore(call_api: Callable, build: Builder, owner: User, stranger: User) -> None:
    theirs = build.create_batch(stranger)
    mine = build.create_batch(owner)
    read_only = build.create_token(owner, Scope.READ)
    for method, path in (("DELETE", "delete-batch"), ("POST", "restore-batch")):
        assert call_api(f"{path}/{theirs.id}", method=method).status_code == 404
        assert call_api(f"{path}/{'0' * 24}", method=method).status_code == 404
        assert call_api(f"{path}/nonsense", method=method).status_code == 400
        assert call_api(f"{path}/{mine.id}", method=method, token=read_only).status_code == 403
        assert call_api(f"{path}/{mine.id}", method=method, token="x").status_code == 401
