"""PATCH /api/call/batch/{batchId}: change a batch's name and settings (contract, section 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.audit import batch_query
from portal.audit.batch_presenter import batch_event_view
from portal.models import Scope, User
from tests.support.builders import Builder

CALLER_ID = "+12025550100"
DEFAULTS = {
    "callingNumbers": [CALLER_ID],
    "retry": 0,
    "delay": 0,
    "timezone": "UTC",
    "callingHour": None,
    "allowedDays": [],
    "retryOn": ["busy", "no-answer"],
    "useCalleeZone": True,
    "attemptsPerDay": 0,
    "maxConcurrent": 0,
    "startsAt": None,
}


@pytest.fixture
def batch_id(call_api: Callable) -> str:
    """Create a batch with default settings."""
    return call_api("createBatch", {"batchName": "Spring", "callingNumbers": [CALLER_ID]}).json["data"]


@pytest.fixture
def change(call_api: Callable, batch_id: str) -> Callable[..., Any]:
    """Return a function that changes the batch."""
    return lambda **fields: call_api(f"batch/{batch_id}", fields, method="PATCH")


def test_only_sent_fields_change_and_the_answer_has_all_settings(
    change: Callable, api: Callable, batch_id: str
) -> None:
    expected = {"batchId": batch_id, "batchName": "Spring"} | DEFAULTS
    changes = (
        {"batchName": " Summer "},
        {"retry": 2, "delay": 900, "timezone": None},
        {"callingHour": {"start": "09:00", "end": "17:00"}, "timezone": "Europe/Lisbon"},
        {"allowedDays": [5, 1, 5]},
        {"callingNumbers": ["+44 20 7946 0101"]},
        {"allowedDays": []},
        {"retryOn": ["no-answer", "failed"], "useCalleeZone": False, "attemptsPerDay": 3, "maxConcurrent": 20},
        {"maxConcurrent": 0},
        {},
    )
    for fields in changes:
        answer = change(**fields)
        assert (answer.status_code, answer.json["status"], answer.json["errorMessage"]) == (200, True, "")
        expected |= {name: value for name, value in fields.items() if value is not None}
        expected |= {"batchName": "Summer"}
        if fields.get("callingNumbers"):
            expected["callingNumbers"] = ["+442079460101"]
        if fields.get("allowedDays"):
            expected["allowedDays"] = [1, 5]
        assert answer.json["data"] == expected
    assert api("?search=summer").json["data"]["batches"][0]["_id"] == batch_id


def test_a_change_is_in_the_activity_without_phone_numbers(
    app: Flask, change: Callable, api: Callable, batch_id: str, owner: User
) -> None:
    change(batchName="Summer", retry=2, callingNumbers=["+12025550101"])
    updated = api().json["data"]["batches"][0]["updatedAt"]
    change(batchName="Summer", retry=2)  # changes nothing
    assert api().json["data"]["batches"][0]["updatedAt"] == updated
    with app.app_context():
        rows = batch_query.fetch_batch_events(owner.key, batch_id, 1, 10).rows
        texts = [batch_event_view(row).description for row in rows]
    assert texts[:2] == ["Changed caller IDs, retries (0 → 2)", "Renamed from “Spring” to “Summer”"]
    assert len(texts) == 3


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"batchName": " "}, "batchName must"),
        ({"retry": 11}, "retry must be between 0 and 10"),
        ({"callingNumbers": []}, "callingNumbers must have at least 1 item"),
        ({"timezone": "Nowhere"}, "timezone must be an IANA time zone"),
        ({"callingHour": {"start": "9"}}, "callingHour.start must be a time of day"),
        ({"allowedDays": [7]}, "allowedDays must contain only weekdays"),
        ({"status": "active"}, "status is not a known parameter"),
        ({"batchName": "Summer", "retry": "many"}, "retry must be between 0 and 10, as a whole number"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_changes(
    change: Callable, api: Callable, fields: dict[str, Any], message: str
) -> None:
    answer = change(**fields)
    assert answer.status_code == 400
    assert answer.json["errorMessage"].startswith(message)
    assert api().json["data"]["batches"][0]["batchName"] == "Spring"
    assert change().json["data"]["retry"] == 0


def test_only_the_owner_with_write_scope_can_change_a_batch(
    call_api: Callable, batch_id: str, build: Builder, owner: User, stranger: User
) -> None:
    def status(batch: str, token: str, body: Any = None) -> int:
        return call_api(
            f"batch/{batch}", {"retry": 1} if body is None else body, method="PATCH", token=token
        ).status_code

    write = build.create_token(owner, Scope.WRITE)
    assert status(batch_id, write) == 200
    assert status(batch_id.upper(), write) == 200
    assert status(batch_id, build.create_token(owner, Scope.READ)) == 403
    assert status(batch_id, build.create_token(stranger, Scope.WRITE)) == 404
    assert status(build.create_batch(owner, deleted=True).id, write) == 404
    assert status("0" * 24, write, {"retry": 99}) == 404
    assert status("x", write) == 400
    assert status(batch_id, "none") == 401
