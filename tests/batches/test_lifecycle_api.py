"""The API for batches: create, start, pause, resume, stop, delete and restore (contract, section 5)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.audit import batch_query
from portal.batches import actions
from portal.batches.transitions import IllegalTransition
from portal.models import Batch, BatchAction, Channel, Scope, User
from portal.models.actor import Actor
from tests.batches.test_transitions import ROWS
from tests.support.builders import Builder

CALLER_ID = "+12025550100"
NUMBERS = [f"+120255501{number:02}" for number in range(10, 20)]


@pytest.fixture
def filled_batch(call_api: Callable) -> str:
    """Create a batch with ten calls and return its id."""
    batch_id = call_api("createBatch", {"batchName": "Spring", "callingNumbers": [CALLER_ID]}).json["data"]
    calls = [{"phoneNumber": number, "name": f"contact {index}"} for index, number in enumerate(NUMBERS)]
    assert call_api("addCallsToBatch", {"batchId": batch_id, "call_data": calls}).json["data"]["added"] == 10
    return batch_id


def listed(api: Callable, batch_id: str) -> dict[str, Any]:
    """Return a batch as the list shows it."""
    (match,) = (batch for batch in api("?limit=100").json["data"]["batches"] if batch["_id"] == batch_id)
    return match


# --- createBatch ------------------------------------------------------------------------------------------------------


def test_a_new_batch_is_pending_and_empty(call_api: Callable, api: Callable) -> None:
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
    ("body", "message"),
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
        (GOOD | {"callingHour": {"start": "9", "end": "17:00"}}, "callingHour.start must be a time of day"),
        (GOOD | {"callingHour": {"start": "09:00"}}, "callingHour.end is required"),
        (GOOD | {"callingHour": "09:00"}, "callingHour must be an object"),
        (GOOD | {"allowedDays": [7]}, "allowedDays must contain only weekdays, 0"),
        (GOOD | {"allowedDays": "1,2"}, "allowedDays must be a list of weekdays"),
        (GOOD | {"color": "red"}, "color is not a known parameter"),
    ],
)
def test_invalid_fields_of_a_new_batch_are_named(call_api: Callable, api: Callable, body: Any, message: str) -> None:
    answer = call_api("createBatch", body)
    assert (answer.status_code, answer.json["code"]) == (400, 400)
    assert answer.json["errorMessage"].startswith(message)
    assert api().status_code == 404  # no batch was created


@pytest.mark.parametrize(
    ("request_body", "status", "message"),
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
def test_an_unreadable_body_is_refused(call_api: Callable, request_body: dict, status: int, message: str) -> None:
    answer = call_api("createBatch", method="POST", **request_body)
    assert (answer.status_code, answer.json["code"]) == (status, status)
    assert answer.json["errorMessage"].startswith(message)
    assert answer.json["data"] is None


# --- actions ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "action", "target"), ROWS)
def test_every_action_through_the_api(
    call_api: Callable, api: Callable, build: Builder, owner: User, status: str, action: str, target: str
) -> None:
    batch = build.create_batch(owner, status=status, total_calls=1)
    build.create_call(batch)
    answer = call_api(f"{action}-calling", {"batchId": batch.id, "userId": owner.id})
    batch_json = listed(api, batch.id)
    if target == "-":
        assert answer.status_code == 409
        assert status in answer.json["errorMessage"]
        assert batch_json["queue_status"] == status
    else:
        word = {"start": "started", "pause": "paused", "resume": "resumed", "stop": "stopped"}[action]
        assert answer.status_code == 200
        assert answer.json["data"] == {"batchId": batch.id, "status": word}
        assert (answer.json["message"], answer.json["status"]) == ("", True)
        assert batch_json["queue_status"] == (status if target == "same" else target)
    if target in ("-", "same"):
        assert batch_json["updatedAt"] == batch_json["createdAt"]  # unchanged


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


@pytest.mark.parametrize("action", ["start", "stop", "pause", "resume"])
def test_only_the_owner_with_write_scope_may_change_the_status(
    call_api: Callable, build: Builder, owner: User, stranger: User, filled_batch: str, action: str
) -> None:
    theirs = build.create_batch(stranger, status="active")
    deleted = build.create_batch(owner, status="active", deleted=True)
    read_only = build.create_token(owner, Scope.READ)
    body = {"batchId": filled_batch, "userId": owner.id}
    path = f"{action}-calling"
    cases = [
        (401, {"body": body, "token": "nonsense"}),
        (400, {"body": body | {"batchId": "nonsense"}}),
        (400, {"body": body | {"userId": 5}}),
        (403, {"body": body | {"userId": stranger.id}}),
        (403, {"body": body, "token": read_only}),
        (404, {"body": body | {"batchId": "0" * 24}}),
        (404, {"body": body | {"batchId": theirs.id}}),
        (404, {"body": body | {"batchId": deleted.id}}),
        (400, {"body": {"userId": owner.id}}),
        (400, {"body": {"batchId": filled_batch}}),
        (400, {"body": body | {"now": True}}),
    ]
    for status, arguments in cases:
        answer = call_api(path, arguments.pop("body"), **arguments)
        assert (answer.status_code, answer.json["code"]) == (status, status), answer.json
    missing = [call_api(path, body | {"batchId": batch_id}).json for batch_id in ("0" * 24, theirs.id, deleted.id)]
    assert missing[0] == missing[1] == missing[2]


def test_concurrent_actions_are_applied_one_after_the_other(app: Flask, build: Builder, owner: User) -> None:
    """Pause and stop an active batch at once: each action is applied completely or refused."""
    results = Counter()
    for _ in range(10):
        batch = build.create_batch(owner, status="active", total_calls=1)
        build.create_call(batch)
        barrier = threading.Barrier(4)

        def apply(action: BatchAction, batch: Batch = batch, barrier: threading.Barrier = barrier) -> None:
            with app.app_context():
                barrier.wait()
                try:
                    actions.change_status(Actor(owner.key, Channel.PAGE), batch.id, action)
                    results[action] += 1
                except IllegalTransition:
                    results["refused"] += 1

        threads = [
            threading.Thread(target=apply, args=(action,)) for action in (BatchAction.PAUSE, BatchAction.STOP) * 2
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with app.app_context():
            entries = batch_query.fetch_batch_events(owner.key, batch.id, 1, 10).rows
        transitions = [(entry.details["from"], entry.details["to"]) for entry in reversed(entries)]
        assert transitions in ([("active", "stopped")], [("active", "paused"), ("paused", "stopped")])
    assert results[BatchAction.STOP] == 20
    assert results[BatchAction.PAUSE] + results["refused"] == 20


# --- the trash --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [("active", "stopped"), ("paused", "stopped"), ("pending", "pending"), ("completed", "completed")],
)
def test_a_deleted_batch_is_hidden_and_can_be_restored_with_its_calls(
    call_api: Callable, api: Callable, build: Builder, owner: User, before: str, after: str
) -> None:
    build.create_batch(owner, "other")
    batch = build.create_batch(owner, "deleted", status=before, total_calls=1)
    build.create_call(batch)
    answer = call_api(f"delete-batch/{batch.id.upper()}", method="DELETE")
    assert (answer.status_code, answer.json) == (200, {"success": True, "message": "Batch deleted"})
    assert [batch["batchName"] for batch in api().json["data"]["batches"]] == ["other"]
    assert call_api(f"batch-details/{batch.id}").status_code == 404
    assert call_api(f"delete-batch/{batch.id}", method="DELETE").status_code == 404
    assert call_api("start-calling", {"batchId": batch.id, "userId": owner.id}).status_code == 404
    for _ in range(2):  # the second changes nothing
        answer = call_api(f"restore-batch/{batch.id}", method="POST")
        assert (answer.status_code, answer.json) == (200, {"success": True, "message": "Batch restored"})
    assert listed(api, batch.id)["queue_status"] == after
    assert call_api(f"batch-details/{batch.id}").json["data"]["total"] == 1


def test_only_the_owner_with_write_scope_may_delete_and_restore(
    call_api: Callable, build: Builder, owner: User, stranger: User
) -> None:
    theirs = build.create_batch(stranger)
    mine = build.create_batch(owner)
    read_only = build.create_token(owner, Scope.READ)
    for method, path in (("DELETE", "delete-batch"), ("POST", "restore-batch")):
        assert call_api(f"{path}/{theirs.id}", method=method).status_code == 404
        assert call_api(f"{path}/{'0' * 24}", method=method).status_code == 404
        assert call_api(f"{path}/nonsense", method=method).status_code == 400
        assert call_api(f"{path}/{mine.id}", method=method, token=read_only).status_code == 403
        assert call_api(f"{path}/{mine.id}", method=method, token="x").status_code == 401
