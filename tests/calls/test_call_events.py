"""POST /api/call/call-events: reports of a dialer; contract, section 5."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.models import Batch, CallStatus, User
from tests.calls.samples import counts, event, numbers
from tests.support.builders import Builder
from tests.support.derived import is_consistent


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
