"""The pull interface of outside dialers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.dialing import sweep
from portal.models import Batch, Scope, Trunk, User
from portal.times import now_ms
from tests.dialing.conftest import OUR_NUMBER
from tests.support.builders import Builder

OUTSIDE = ("+12025550190", "+12025550191")


@pytest.fixture
def dialer(call_api: Callable, build: Builder, owner: User) -> Callable[..., Any]:
    """Call an endpoint with a dialer's token and return the `data` of a success, or the error message."""
    token = build.create_token(owner, Scope.DIAL, Scope.WRITE)

    def call(path: str, body: dict[str, Any], **options: Any) -> Any:
        answer = call_api(path, body, token=token, **options).json
        return answer["data"] if answer["status"] else answer["errorMessage"]

    return call


def lease(dialer: Callable, **body: Any) -> list[dict[str, Any]]:
    return dialer("lease", {"worker": "dialer-1", "limit": 100} | body)["attempts"]


def test_calls_are_leased_reported_and_tried_again(
    dialer: Callable, create_batch: Callable, find_calls: Callable, is_consistent: Callable, build: Builder
) -> None:
    batch = create_batch(3, numbers=OUTSIDE, retry=1)
    build.change(build.create_call(batch), fields={"name": "Ana"}, status="canceled")
    build.change(batch, total_calls=4)
    first, second = lease(dialer, limit=2, seconds=30)
    assert {first["from"], second["from"]} == set(OUTSIDE)
    assert (first["number"], first["ringSeconds"], first["batchId"], first["fields"]) == (1, 30, batch.id, {})
    (third,) = lease(dialer)
    assert [call.status for call in find_calls(batch)] == ["dialing"] * 3 + ["canceled"]
    assert lease(dialer) == []
    events = [
        {"eventId": "1", "attemptId": first["attemptId"], "callStatus": "busy"},
        {"eventId": "2", "attemptId": second["attemptId"], "callStatus": "completed", "callDuration": 7},
        {"eventId": "3", "attemptId": third["attemptId"], "callStatus": "dialing"},
    ]
    assert dialer("call-events", {"events": events})["applied"] == 3
    (again,) = lease(dialer)
    assert (again["callId"], again["number"], again["from"]) == (first["callId"], 2, first["from"])
    assert is_consistent()


def test_a_release_undoes_what_was_not_placed(
    dialer: Callable, create_batch: Callable, find_calls: Callable, find_attempts: Callable, is_consistent: Callable
) -> None:
    batch = create_batch(3, numbers=OUTSIDE)
    first, second, third = (call["attemptId"] for call in lease(dialer))
    dialer("call-events", {"events": [{"eventId": "1", "attemptId": second, "callStatus": "dialing"}]})
    answer = dialer("release", {"attemptIds": [first, second, "0" * 24, first]})
    assert answer == {"released": [first], "gone": [second, "0" * 24]}
    assert [call.status for call in find_calls(batch)] == ["pending", "dialing", "dialing"]
    assert [attempt.id for attempt in find_attempts()] == [second, third]
    (again,) = lease(dialer)
    assert again["number"] == 1
    assert again["attemptId"] != first
    assert dialer("release", {"attemptIds": [first]}) == {"released": [], "gone": [first]}
    assert is_consistent()


def test_a_silent_lease_is_lost_and_spent(
    app: Flask,
    dialer: Callable,
    create_batch: Callable,
    find_calls: Callable,
    find_attempts: Callable,
    build: Builder,
    is_consistent: Callable,
) -> None:
    batch = create_batch(2, numbers=OUTSIDE, retry=1)
    silent, alive = (call["attemptId"] for call in lease(dialer, seconds=30))
    for attempt in find_attempts():
        build.change_attempt(attempt, held_until=now_ms() + 5000 if attempt.id == alive else now_ms() - 1)
    assert dialer("heartbeat", {"attemptIds": [silent, alive], "seconds": 600}) == {
        "extended": [alive],
        "gone": [silent],
    }
    with app.app_context():
        assert sweep.sweep_leases() == 1
        assert sweep.sweep_leases() == 0
    lost, held = find_attempts()
    assert (lost.state, lost.outcome, lost.lost) == ("ended", "failed", True)
    assert held.held_until > now_ms() + 590_000
    assert [call.status for call in find_calls(batch)] == ["failed", "dialing"]
    assert lease(dialer) == []
    # The dialer was alive after all: what it knows outweighs that the attempt was lost.
    dialer("call-events", {"events": [{"eventId": "1", "attemptId": silent, "callStatus": "completed"}]})
    assert [call.status for call in find_calls(batch)] == ["completed", "dialing"]
    assert not find_attempts()[0].lost
    assert is_consistent()


def test_only_batches_of_outside_dialers_are_leased(
    dialer: Callable, create_batch: Callable, trunk: Trunk, build: Builder, stranger: User
) -> None:
    dialed: Batch = create_batch(1, numbers=(OUR_NUMBER, OUTSIDE[0]))
    theirs = build.create_batch(stranger, status="active", total_calls=1)
    build.create_call(theirs)
    without_number, other = create_batch(1, numbers=()), create_batch(1, numbers=OUTSIDE)
    paused = build.change(create_batch(1, numbers=OUTSIDE), status="paused")
    assert lease(dialer, batchId=paused.id) == []
    assert "over a trunk" in dialer("lease", {"worker": "x", "batchId": dialed.id})
    assert dialer("lease", {"worker": "x", "batchId": theirs.id}) == "Batch not found"
    (leased,) = lease(dialer, batchId=without_number.id)
    assert (leased["batchId"], leased["from"]) == (without_number.id, None)
    assert [call["batchId"] for call in lease(dialer)] == [other.id]


def test_requests_of_dialers_are_checked(dialer: Callable, call_api: Callable, create_batch: Callable) -> None:
    create_batch(1, numbers=OUTSIDE)
    assert call_api("lease", {"worker": "x"}).status_code == 403  # read and write alone
    assert dialer("lease", {}) == "worker is required"
    assert dialer("lease", {"worker": "x", "limit": 101}) == "limit must be between 1 and 100"
    assert dialer("lease", {"worker": "x", "seconds": 29}) == "seconds must be between 30 and 600"
    assert dialer("heartbeat", {"attemptIds": []}).startswith("attemptIds must have at least 1")
    assert dialer("release", {"attemptIds": ["x"]}) == "attemptIds[0] must be 24 hexadecimal characters"
    # An answer that was lost on the way is given again, so that its attempts are not spent.
    first = dialer("lease", {"worker": "x"}, environ_overrides={"HTTP_IDEMPOTENCY_KEY": "1"})
    assert dialer("lease", {"worker": "x"}, environ_overrides={"HTTP_IDEMPOTENCY_KEY": "1"}) == first
    assert len(first["attempts"]) == 1
