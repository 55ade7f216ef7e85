"""Taking calls for a trunk, and what engines report of them."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from portal.dialing import reports, sweep
from portal.dialing.engines import EngineEvent, EventKind, NotPlaced, Outcome
from portal.models import User
from portal.times import now_ms


def test_a_call_is_taken_placed_answered_and_ended(
    app: Flask,
    owner: User,
    create_batch: Callable,
    take: Callable,
    find_attempts: Callable,
    find_calls: Callable,
    is_consistent,
) -> None:
    batch = create_batch(2)
    first, second = take()
    assert [call.status for call in find_calls(batch)] == ["dialing", "dialing"]
    assert not take(1)
    with app.app_context():
        now = now_ms()
        reports.record_placements(
            owner.key, {first.attempt_id: None, second.attempt_id: NotPlaced("connection refused")}
        )
        assert is_consistent()
        events = [
            EngineEvent(first.attempt_id, EventKind.ANSWERED, now + 1000),
            EngineEvent(first.attempt_id, EventKind.OVER, now + 61_000, Outcome.COMPLETED, 16),
        ]
        reports.apply_engine_events(owner.key, events)
    assert [call.status for call in find_calls(batch)] == ["completed", "pending"]
    assert is_consistent()
    assert not take(1)
    (again,) = take(6)
    assert (again.number, again.call_id) == (1, second.call_id)
    with app.app_context():
        assert sweep.sweep_leases() == 0
