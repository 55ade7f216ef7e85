"""The API of calls: add calls, list them, report events; contract, section 5."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.batches.derived import check
from portal.models import Batch, CallStatus, Scope, User
from tests.support.builders import Builder

CALLER_ID = "+12025550100"


def numbers(count: int) -> list[str]:
    """Return different fictional numbers."""
    return [f"+1{201 + index // 100}55501{index % 100:02}" for index in range(count)]


@pytest.fixture
def batch(build: Builder, owner: User) -> Batch:
    """Create an empty batch."""
    return build.create_batch(owner, "Spring", status="pending")


@pytest.fixture
def add(call_api: Callable, batch: Batch) -> Callable[..., Any]:
    """Return a function that adds calls to the batch."""
    return lambda calls, **options: call_api("addCallsToBatch", {"batchId": batch.id, "call_data": calls}, **options)


@pytest.fixture
def details(call_api: Callable, batch: Batch) -> Callable[..., Any]:
    """Return a function that requests batch-details of the batch."""
    return lambda **query: call_api(f"batch-details/{batch.id}", query_string=query)


@pytest.fixture
def newest_batch(api: Callable) -> Callable[[], dict[str, Any]]:
    """Return a function that requests the newest batch of the list."""
    return lambda: api().json["data"]["batches"][0]


def is_consistent(app: Flask) -> bool:
    """Return whether all derived data agree with the rows."""
    with app.app_context():
        return not list(check.find_all_differences(lambda _count: None))


# --- addCallsToBatch --------------------------------------------------------------------------------------------------


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


# --- batch-details ----------------------------------------------------------------------------------------------------


def test_details_are_searched_filtered_sorted_and_paged(
    details: Callable, build: Builder, batch: Batch, owner: User
) -> None:
    for index, (status, city) in enumerate(
        [("completed", "Évora"), ("busy", "Lisbon"), ("pending", "ÉVORA"), ("completed", "100%")]
    ):
        number = f"+1202555010{9 - index}"
        build.create_call(
            batch,
            phone_number=number,
            status=status,
            duration_seconds=index * 10,
            fields={"city": city, "age": index},
            search_text=f"{number}\n{city.casefold()}",
        )

    def cities(**query: Any) -> list[str]:
        answer = details(**query)
        assert answer.status_code == 200, answer.json
        return [call["city"] for call in answer.json["data"]["data"]]

    assert cities() == ["Évora", "Lisbon", "ÉVORA", "100%"]
    assert cities(search="évora") == cities(search="ÉVORA") == ["Évora", "ÉVORA"]
    assert cities(search="%") == ["100%"]
    assert cities(search="0108") == ["Lisbon"]
    assert cities(search="busy") == ["Lisbon"]
    assert cities(filter='{"callStatus":"completed"}') == ["Évora", "100%"]
    assert cities(filter='{"callStatus":["busy","pending"],"city":"Lisbon"}') == ["Lisbon"]
    assert cities(filter='{"age":2}') == ["ÉVORA"]
    assert cities(filter='{"phoneNumber":"+12025550109"}') == ["Évora"]
    assert cities(filter='{"nowhere":"x"}') == []
    assert cities(sortBy="phoneNumber") == ["100%", "ÉVORA", "Lisbon", "Évora"]
    assert cities(sortBy="callDuration", sortOrder="desc") == ["100%", "ÉVORA", "Lisbon", "Évora"]
    assert cities(limit=3, page=2) == ["100%"]
    body = details(limit=3, page=9).json["data"]
    assert (body["total"], body["totalPages"], body["page"], body["data"]) == (4, 2, 9, [])
    assert (body["batchId"], body["batchName"], body["batchStatus"]) == (batch.id, "Spring", "pending")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"page": "0"}, "page must be between"),
        ({"limit": "101"}, "limit must be between 1 and 100"),
        ({"search": "x" * 201}, "search must be at most 200"),
        ({"filter": "nonsense"}, "filter is not JSON"),
        ({"filter": "[]"}, "filter must be a JSON object"),
        ({"filter": '{"callStatus":"asleep"}'}, "filter must give callStatus one of"),
        ({"filter": '{"a":{"b":1}}'}, "filter must give a a string, a number, or a list of them"),
        ({"filter": '{"a\\"b":"1"}'}, "filter must use field names without quotes and backslashes"),
        ({"filter": '{"a":"1","a":"2"}'}, "filter has a more than once"),
        ({"sortBy": "city"}, "sortBy must be one of"),
        ({"color": "red"}, "color is not a known parameter"),
    ],
)
def test_invalid_parameters_are_named(details: Callable, query: dict, message: str) -> None:
    answer = details(**query)
    assert answer.status_code == 400
    assert answer.json["errorMessage"].startswith(message)


def test_a_call_from_a_history_has_one_log_entry(details: Callable, build: Builder, batch: Batch) -> None:
    call = build.create_call(batch, status="completed", duration_seconds=60, last_event_at=1_746_100_860_000)
    assert details().json["data"]["data"][0]["phoneLogs"] == [
        {
            "callStatus": "completed",
            "callDuration": 60,
            "recordingUrl": "",
            "transcript": "",
            "createdAt": "2025-05-01T12:01:00.000Z",
        }
    ]
    assert call.id == details().json["data"]["data"][0]["_id"]


def test_a_contacts_fields_never_replace_those_of_the_api(details: Callable, build: Builder, batch: Batch) -> None:
    call = build.create_call(batch, fields={"_id": "x", "phoneLogs": "y", "createdAt": "z", "phoneNumber": "0"})
    (call_json,) = details().json["data"]["data"]
    assert (call_json["_id"], call_json["phoneNumber"], call_json["phoneLogs"]) == (call.id, call.phone_number, [])


def test_a_poller_gets_304_until_something_in_the_answer_changes(
    add: Callable, call_api: Callable, batch: Batch, build: Builder, owner: User, stranger: User
) -> None:
    path = f"batch-details/{batch.id}"
    (call,) = add([{"phoneNumber": "+12025550101"}]).json["data"]["callIds"]
    body = {"batchId": batch.id, "userId": owner.id}
    changes: list[Callable[[], Any]] = [
        lambda: add([{"phoneNumber": "+12025550102"}]),
        lambda: add([{"phoneNumber": "+12025550101", "city": "Lisbon"}]),
        lambda: call_api(f"batch/{batch.id}", {"batchName": "Summer"}, method="PATCH"),
        lambda: call_api("start-calling", body),
        lambda: call_api("call-events", {"events": [event("1", call, "completed", 5)]}),
        lambda: call_api("call-events", {"events": [event("2", call, "dialing", 0, transcript="late")]}),
        lambda: call_api("stop-calling", body),
    ]
    answer = call_api(path)
    for change in changes:
        tag = answer.headers["ETag"]
        build.create_batch(stranger)
        again = call_api(path, environ_overrides={"HTTP_IF_NONE_MATCH": tag})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
        assert again.headers["Cache-Control"] == answer.headers["Cache-Control"] == "private, no-cache"
        assert change().status_code == 200
        before, answer = answer.json, call_api(path, environ_overrides={"HTTP_IF_NONE_MATCH": tag})
        assert answer.status_code == 200
        assert answer.json != before
    tag = {"HTTP_IF_NONE_MATCH": answer.headers["ETag"]}
    assert call_api(path, query_string={"page": 2}, environ_overrides=tag).status_code == 200
    assert call_api(path, environ_overrides=tag, token=build.create_token(stranger)).status_code == 404
    call_api(f"delete-batch/{batch.id}", method="DELETE")
    deleted = call_api(path, environ_overrides=tag)
    assert (deleted.status_code, deleted.headers["Cache-Control"]) == (404, "no-store")


# --- call-events ------------------------------------------------------------------------------------------------------


def event(event_id: str, call: str, status: str, at: int, **more: Any) -> dict[str, Any]:
    """Return an event `at` seconds after noon."""
    moment = f"2026-03-02T12:{at // 60:02}:{at % 60:02}Z"
    return {"eventId": event_id, "callId": call, "callStatus": status, "occurredAt": moment} | more


@pytest.fixture
def active_calls(add: Callable, call_api: Callable, batch: Batch, owner: User) -> list[str]:
    """Return the ids of five calls of an active batch."""
    ids = add([{"phoneNumber": number} for number in numbers(5)]).json["data"]["callIds"]
    assert call_api("start-calling", {"batchId": batch.id, "userId": owner.id}).status_code == 200
    return ids


@pytest.fixture
def report(call_api: Callable) -> Callable[..., Any]:
    """Return a function that sends events and returns the counts in the answer."""

    def send(*events: dict[str, Any]) -> dict[str, int]:
        answer = call_api("call-events", {"events": list(events)})
        assert answer.status_code == 200, answer.json
        return answer.json["data"]

    return send


def counts(batch: dict[str, Any]) -> tuple[int, int, int, str]:
    """Return three counts of a batch and its status."""
    return batch["totalCalls"], batch["callsPicked"], batch["callsCompleted"], batch["queue_status"]


def test_events_update_a_call_until_its_end(
    report: Callable, active_calls: list[str], newest_batch: Callable, details: Callable, app: Flask
) -> None:
    call = active_calls[0]
    report(event("1", call, "dialing", 0))
    assert counts(newest_batch()) == (5, 0, 0, "active")
    report(event("2", call, "in-progress", 5))
    assert counts(newest_batch()) == (5, 1, 0, "active")
    end = event("3", call, "completed", 65, callDuration=60, recordingUrl="https://x.example/1", transcript="Hi\nyou")
    assert report(end) == {"applied": 1, "duplicates": 0, "unknown": 0}
    assert counts(newest_batch()) == (5, 1, 1, "active")
    assert details().json["data"]["data"][0]["phoneLogs"] == [
        {
            "callStatus": "completed",
            "callDuration": 60,
            "recordingUrl": "https://x.example/1",
            "transcript": "Hi\nyou",
            "createdAt": "2026-03-02T12:01:05.000Z",
        }
    ]
    assert is_consistent(app)


def test_an_event_id_counts_once(report: Callable, active_calls: list[str], newest_batch: Callable) -> None:
    completed = event("1", active_calls[0], "completed", 0)
    assert report(completed, completed) == {"applied": 1, "duplicates": 1, "unknown": 0}
    assert report(completed | {"callStatus": "busy"}) == {"applied": 0, "duplicates": 1, "unknown": 0}
    assert counts(newest_batch()) == (5, 1, 1, "active")


def test_a_batch_completes_when_no_call_is_open(
    report: Callable, active_calls: list[str], newest_batch: Callable
) -> None:
    finals = ["completed", "dropped", "no-answer", "failed", "canceled"]
    report(*[event(str(index), call, finals[index], index) for index, call in enumerate(active_calls[:4])])
    assert newest_batch()["queue_status"] == "active"
    report(event("last", active_calls[4], finals[4], 9))
    assert counts(newest_batch()) == (5, 2, 1, "completed")


def test_events_of_unknown_calls_are_counted(
    report: Callable, active_calls: list[str], build: Builder, stranger: User, owner: User, batch: Batch
) -> None:
    theirs = build.create_call(build.create_batch(stranger, total_calls=1))
    deleted = build.create_call(build.create_batch(owner, deleted=True, total_calls=1))
    result = report(
        event("1", "0" * 24, "busy", 0),
        event("2", theirs.id, "busy", 0),
        event("3", deleted.id, "busy", 0),
        {"eventId": "4", "batchId": batch.id, "phoneNumber": "+12025559999", "callStatus": "busy"},
        event("5", active_calls[0].upper(), "busy", 0),
        {"eventId": "6", "batchId": batch.id, "phoneNumber": numbers(2)[1], "callStatus": "busy"},
    )
    assert result == {"applied": 2, "duplicates": 0, "unknown": 4}


@pytest.mark.parametrize("seed", range(3))
def test_events_in_any_order_end_in_the_same_state(
    report: Callable, active_calls: list[str], newest_batch: Callable, details: Callable, app: Flask, seed: int
) -> None:
    events = []
    for index, call in enumerate(active_calls):
        final = ["completed", "dropped", "no-answer", "busy", "completed"][index]
        statuses = ["dialing", "no-answer", "dialing", "in-progress", final]
        events += [
            event(f"{index}-{step}", call, status, index + step * 10, callDuration=step)
            for step, status in enumerate(statuses)
        ]
    shuffled = random.Random(seed).sample(events, len(events))
    for first in range(0, len(shuffled), 7):
        report(*shuffled[first : first + 7], *shuffled[:3])
    assert counts(newest_batch()) == (5, 3, 2, "completed")
    assert is_consistent(app)
    calls = details().json["data"]["data"]
    assert [[log["callStatus"] for log in call["phoneLogs"]] for call in calls] == [
        ["no-answer", final] for final in ("completed", "dropped", "no-answer", "busy", "completed")
    ]
    assert {call["attempts"] for call in calls} == {2}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"eventId": ""}, "events[0].eventId must not be empty"),
        ({"eventId": "x" * 201}, "events[0].eventId must be at most 200"),
        ({"callId": "nonsense"}, "events[0].callId must be 24 hexadecimal"),
        ({"callId": None}, "events[0] must have attemptId, callId, or batchId and phoneNumber"),
        ({"callStatus": "asleep"}, "events[0].callStatus must be one of"),
        ({"callDuration": -1}, "events[0].callDuration must be at least 0"),
        ({"callDuration": "long"}, "events[0].callDuration must be a whole number"),
        ({"occurredAt": "yesterday"}, "events[0].occurredAt must be an ISO date-time"),
        ({"occurredAt": 5}, "events[0].occurredAt must be an ISO date-time"),
        ({"recordingUrl": "javascript:alert(1)"}, "events[0].recordingUrl must begin with https://"),
        ({"transcript": "a\u0000"}, "events[0].transcript must not hold a control character"),
        ({"color": "red"}, "events[0].color is not a known parameter"),
    ],
)
def test_an_invalid_event_is_named_and_no_event_is_applied(
    call_api: Callable, active_calls: list[str], newest_batch: Callable, changed: dict, message: str
) -> None:
    valid = event("valid", active_calls[1], "completed", 0)
    answer = call_api("call-events", {"events": [event("1", active_calls[0], "busy", 0) | changed, valid]})
    assert answer.status_code == 400
    assert answer.json["errorMessage"].startswith(message), answer.json["errorMessage"]
    assert counts(newest_batch()) == (5, 0, 0, "active")


def test_a_request_has_1_to_1000_events(call_api: Callable, active_calls: list[str]) -> None:
    events = [event(str(index), active_calls[0], "dialing", 0) for index in range(1001)]
    assert call_api("call-events", {"events": events}).json["errorMessage"] == "events must have at most 1000 items"
    assert call_api("call-events", {"events": []}).json["errorMessage"] == "events must have at least 1 item"
    assert call_api("call-events", {"events": events[1:]}).json["data"]["applied"] == 1000


def test_concurrent_reports_are_all_counted(
    app: Flask, call_api: Callable, add: Callable, batch: Batch, owner: User, newest_batch: Callable
) -> None:
    ids = add([{"phoneNumber": number} for number in numbers(80)]).json["data"]["callIds"]
    call_api("start-calling", {"batchId": batch.id, "userId": owner.id})
    barrier = threading.Barrier(4)

    def send(part: int) -> None:
        barrier.wait()
        for call in ids[part::4]:
            shared = event("shared", ids[0], "dialing", 0)  # sent by every thread
            answer = call_api("call-events", {"events": [event(call, call, "completed", 5), shared]})
            assert answer.status_code == 200, answer.json

    senders = [threading.Thread(target=send, args=(part,)) for part in range(4)]
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()
    assert counts(newest_batch()) == (80, 80, 80, "completed")
    assert is_consistent(app)


def test_statuses_are_those_of_the_contract() -> None:
    assert [str(status) for status in CallStatus] == [
        *("pending", "dialing", "in-progress"),
        *("completed", "dropped", "no-answer", "busy", "failed", "canceled"),
    ]
