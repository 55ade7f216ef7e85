"""POST /api/call/addCallsToBatch: add calls to a batch; contract, section 5."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.models import Batch, Scope, User
from tests.calls.samples import numbers
from tests.support.builders import Builder
from tests.support.derived import is_consistent


def test_added_calls_have_all_their_fields(add: Callable, details: Callable, newest_batch: Callable) -> None:
    answer = add(
        [
            {"phoneNumber": "+1 (202) 555-0101", "name": "Zoë", "age": 41, "vip": True, "notes": {"a": [1, None]}},
            {"phoneNumber": "+12025550102"},
        ]
    )
    assert answer.status_code == 200
    assert answer.json["message"] == "Calls enqueued successfully"
    ids = answer.json["data"]["callIds"]
    assert answer.json["data"] == {"added": 2, "callIds": ids}
    first, second = details().json["data"]["data"]
    assert [first["_id"], second["_id"]] == ids
    assert (first["phoneNumber"], first["name"], first["age"]) == ("+12025550101", "Zoë", 41)
    assert (first["vip"], first["notes"], first["phoneLogs"]) == (True, {"a": [1, None]}, [])
    assert newest_batch()["totalCalls"] == 2


def test_a_pending_call_to_the_same_number_is_updated(
    add: Callable, details: Callable, newest_batch: Callable, build: Builder, batch: Batch
) -> None:
    first = add([{"phoneNumber": "+12025550101", "name": "a", "city": "Lisbon"}]).json["data"]
    again = add([{"phoneNumber": "+12025550101", "name": "b"}, {"phoneNumber": "+12025550101", "age": "5"}]).json
    assert again["data"] == {"added": 0, "callIds": first["callIds"] * 2}
    (call,) = details().json["data"]["data"]
    assert (call["name"], call["city"], call["age"]) == ("b", "Lisbon", "5")
    assert details(search="lisbon").json["data"]["total"] == 1
    assert newest_batch()["totalCalls"] == 1
    build.create_call(batch, phone_number="+12025550102", status="busy")
    assert add([{"phoneNumber": "+12025550102"}]).json["data"]["added"] == 1  # the busy call is final


def test_a_completed_batch_stays_completed_until_it_is_started(
    call_api: Callable, build: Builder, owner: User, newest_batch: Callable
) -> None:
    batch = build.create_batch(owner, status="completed")
    call_api("addCallsToBatch", {"batchId": batch.id, "callData": [{"phoneNumber": "+12025550101"}]})
    assert (newest_batch()["queue_status"], newest_batch()["totalCalls"]) == ("completed", 1)
    assert call_api("start-calling", {"batchId": batch.id, "userId": owner.id}).status_code == 200
    assert newest_batch()["queue_status"] == "active"


def test_invalid_chunks_are_reported_and_the_others_are_added(
    add: Callable, newest_batch: Callable, app: Flask
) -> None:
    calls: list[Any] = [{"phoneNumber": number} for number in numbers(2500)]
    calls[1500] = {"phoneNumber": "12"}
    answer = add(calls)
    assert answer.status_code == 207
    assert (answer.json["status"], answer.json["code"]) == (False, 207)
    data = answer.json["data"]
    assert (data["added"], len(data["callIds"])) == (1500, 1500)
    (failed,) = data["failedChunks"]
    assert failed["chunkNum"] == 2
    assert failed["error"].startswith("call_data[1500].phoneNumber ")
    assert newest_batch()["totalCalls"] == 1500
    assert is_consistent(app)


@pytest.mark.parametrize(
    ("calls", "message"),
    [
        ([], "call_data must have at least 1 item"),
        ({}, "call_data must be a list"),
        (["+12025550101"], "call_data[0] must be an object"),
        ([{"phoneNumber": "+12025550101"}, {}], "call_data[1].phoneNumber is required"),
        ([{"phoneNumber": 12025550101}], "call_data[0].phoneNumber must be text"),
        ([{"phoneNumber": "0101"}], "call_data[0].phoneNumber "),
        ([{"phoneNumber": "+12025550101", "name": "a\u0000b"}], "call_data[0].name must not hold a control character"),
        ([{"phoneNumber": "+12025550101", "name": "\ud800"}], "call_data[0].name must not hold a lone surrogate"),
        ([{"phoneNumber": "+12025550101", "age": 1 << 80}], "call_data[0].age must not hold such a large number"),
    ],
)
def test_invalid_calls_are_refused_with_the_path(
    add: Callable, newest_batch: Callable, calls: Any, message: str
) -> None:
    answer = add(calls)
    assert answer.status_code == 400
    assert answer.json["errorMessage"].startswith(message)
    assert newest_batch()["totalCalls"] == 0


def test_only_the_owner_with_write_scope_can_add_calls(
    call_api: Callable, build: Builder, owner: User, stranger: User, batch: Batch
) -> None:
    calls = [{"phoneNumber": "+12025550101"}]
    read_only = build.create_token(owner, Scope.READ)
    theirs = build.create_batch(stranger)
    assert call_api("addCallsToBatch", {"batchId": theirs.id, "call_data": calls}).status_code == 404
    assert call_api("addCallsToBatch", {"batchId": theirs.id, "call_data": 5}).status_code == 404
    assert call_api("addCallsToBatch", {"batchId": "x", "call_data": calls}).status_code == 400
    assert call_api("addCallsToBatch", {"call_data": calls}).json["errorMessage"] == "batchId is required"
    answer = call_api("addCallsToBatch", {"batchId": batch.id, "call_data": calls}, token=read_only)
    assert answer.status_code == 403
    both = {"batchId": batch.id, "call_data": calls, "callData": calls}
    assert call_api("addCallsToBatch", both).status_code == 400
