"""Taking calls for a trunk, and what engines report of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from threading import Thread

import pytest
from flask import Flask

from portal.dialing import reports, sweep
from portal.dialing.checking import BUSY_NUMBER_MS
from portal.dialing.engines import EngineEvent, EventKind, NotPlaced, Outcome, Unsure
from portal.dialing.stops import resume, stop
from portal.dialing.taking import take_calls
from portal.models import Batch, Channel, Trunk, User
from portal.models.actor import Actor
from portal.models.call import HeldFor
from portal.times import DAY_MS, now_ms
from tests.dialing.conftest import OUR_NUMBER
from tests.support.builders import Builder

only_sqlite = pytest.mark.parametrize("app", ["sqlite"], indirect=True)
OTHER_NUMBER = "+12025550111"


def over(attempt_id: str, outcome: Outcome, cause: int = 16) -> EngineEvent:
    return EngineEvent(attempt_id, EventKind.OVER, now_ms(), outcome, cause)


def test_a_call_is_taken_placed_answered_and_ended(
    app: Flask, owner: User, create_batch: Callable, take: Callable, find_calls: Callable, is_consistent: Callable
) -> None:
    batch = create_batch(2)
    first, second = take()
    assert [call.status for call in find_calls(batch)] == ["dialing", "dialing"]
    assert not take(1)
    with app.app_context():
        now = now_ms()
        answers = {first.attempt_id: None, second.attempt_id: NotPlaced("connection refused")}
        reports.record_placements(owner.key, answers)
        assert is_consistent()
        events = [
            EngineEvent(first.attempt_id, EventKind.ANSWERED, now + 1000),
            EngineEvent(first.attempt_id, EventKind.OVER, now + 61_000, Outcome.COMPLETED, 16),
        ]
        reports.apply_engine_events(owner.key, events)
    done, undone = find_calls(batch)
    assert (done.status, done.duration_seconds, undone.status, undone.attempts) == ("completed", 60, "pending", 0)
    assert is_consistent()
    assert not take(1)  # the engine cannot place calls
    (again,) = take(60)
    assert (again.number, again.call_id) == (1, second.call_id)
    assert again.attempt_id != second.attempt_id
    with app.app_context():
        reports.apply_engine_events(owner.key, [over(again.attempt_id, Outcome.FAILED)])
    assert is_consistent()
    assert not take(120)


def test_several_workers_never_take_a_call_twice(
    app: Flask, trunk: Trunk, create_batch: Callable, build: Builder, is_consistent: Callable
) -> None:
    build.change(trunk, lines=30)
    create_batch(20)
    taken: list[str] = []

    def work(worker: str) -> None:
        with app.app_context():
            for step in range(3):
                taken.extend(call.call_id for call in take_calls(trunk.key, worker, now_ms() + step * 300))

    threads = [Thread(target=work, args=(f"worker-{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(taken)) == len(taken) == 20
    assert is_consistent()


@only_sqlite
def test_lines_and_rate_limit_a_trunk(trunk: Trunk, create_batch: Callable, take: Callable, build: Builder) -> None:
    create_batch(20)
    build.change(trunk, per_second=4)
    assert len(take()) == 2  # one now, and one for the 250 ms before
    assert not take(0.1)
    assert len(take(0.6)) == 2
    assert len(take(60)) == 2  # no burst after a pause
    build.change(trunk, per_second=100)
    assert len(take(61)) == 10 - 6
    assert not take(62)


@only_sqlite
def test_nothing_is_taken_over_a_trunk_that_must_not_be_used(
    app: Flask, owner: User, trunk: Trunk, create_batch: Callable, take: Callable, build: Builder
) -> None:
    batch = create_batch(1)
    for changes in ({"held": True}, {"heard_at": None}, {"heard_at": now_ms() - 60_000}):
        build.change(trunk, **{"held": False, "heard_at": trunk.heard_at} | changes)
        assert not take()
    build.change(trunk, held=False, heard_at=trunk.heard_at)
    for row, column, other in ((batch, "status", "paused"), (owner, "disabled_at", 1), (batch, "settings", {})):
        before = getattr(row, column)
        build.change(row, **{column: other})
        assert not take()
        build.change(row, **{column: before})
    with app.app_context():
        stop(Actor(owner.key, Channel.PAGE), "test")
        assert not take()
        resume(Actor(owner.key, Channel.PAGE))
    assert len(take()) == 1


@only_sqlite
def test_a_trunk_is_shared_fairly(trunk: Trunk, create_batch: Callable, take: Callable, build: Builder) -> None:
    build.change(trunk, per_second=10)
    large, small, limited = create_batch(20), create_batch(20), create_batch(20, maxConcurrent=1)
    taken = Counter(call.batch_id for step in range(6) for call in take(step))
    assert taken[limited.id] == 1
    assert abs(taken[large.id] - taken[small.id]) <= 1
    assert taken.total() == 10


@only_sqlite
def test_refused_calls_wait_for_their_time_or_are_canceled(
    owner: User,
    create_batch: Callable,
    take: Callable,
    find_calls: Callable,
    build: Builder,
    is_consistent: Callable,
) -> None:
    batch = create_batch(0, attemptsPerDay=1, enableDNC=True, retry=1, retryOn=["failed"])
    numbers = [f"+1202555012{index}" for index in range(5)]
    calls = [build.create_call(batch, phone_number=number) for number in (*numbers, numbers[4])]
    build.change(calls[3], fields={"time zone": "x"}, zone_set="")
    build.change(batch, total_calls=len(calls))
    build.suppress(owner, numbers[0])
    build.suppress(owner, numbers[1], source="Registry")
    earlier = create_batch(1)
    (called,) = find_calls(earlier)
    build.change(build.create_call(earlier, phone_number=numbers[2]), status="canceled")
    build.change(earlier, total_calls=2)
    called_at = now_ms() - DAY_MS // 2
    build.create_attempt(called, phone_number=numbers[2], worker=None, taken_at=called_at)
    taken = [call for call in take() if call.batch_id == batch.id]
    assert [call.phone_number for call in taken] == numbers[3:5]
    stored = find_calls(batch)
    assert [call.status for call in stored] == ["canceled", "canceled", "pending", "dialing", "dialing", "pending"]
    assert (stored[2].held_for, stored[2].due_at) == (HeldFor.DAY, called_at + DAY_MS)
    assert stored[5].held_for == HeldFor.LIMIT
    assert stored[5].due_at - stored[4].last_event_at == BUSY_NUMBER_MS
    assert is_consistent()


@only_sqlite
def test_a_refused_caller_number_is_replaced(
    app: Flask, owner: User, trunk: Trunk, create_batch: Callable, take: Callable, build: Builder, find_calls: Callable
) -> None:
    second = build.create_trunk(owner, lines=10, per_second=100, heard_at=trunk.heard_at)
    build.create_caller_number(owner, OTHER_NUMBER, trunk_key=second.key)
    batch: Batch = create_batch(4, numbers=(OUR_NUMBER, OTHER_NUMBER), retry=1, retryOn=["failed"])
    first, *_ = ours = take()
    theirs = take(trunk_key=second.key)
    assert {call.from_number for call in ours} == {OUR_NUMBER}
    assert {call.from_number for call in theirs} == {OTHER_NUMBER}
    assert (len(ours), len(theirs)) == (2, 2)
    build.create_caller_number(owner, "+12025550112", trunk_key=trunk.key)
    build.change(batch, settings=batch.settings | {"callingNumbers": [OUR_NUMBER, "+12025550112"]})
    refused = {ours[0].attempt_id: NotPlaced("refused", is_refused=True), ours[1].attempt_id: Unsure("timeout")}
    with app.app_context():
        reports.record_placements(owner.key, refused)
    (again,) = take(60)
    assert (again.call_id, again.number) == (first.call_id, 2)
    assert again.from_number == "+12025550112"
    assert [call.status for call in find_calls(batch)] == ["dialing"] * 4


@only_sqlite
def test_the_sweep_asks_the_engine_and_gives_up_what_stays_unknown(
    app: Flask, trunk: Trunk, create_batch: Callable, take: Callable, build: Builder, find_attempts: Callable
) -> None:
    create_batch(2)
    taken = take()
    long_ago = now_ms() - 60_000
    for attempt in find_attempts():
        build.change_attempt(attempt, taken_at=long_ago)

    class Engine:
        def is_live(self, attempt_id: str) -> bool:
            return attempt_id == taken[0].attempt_id

        def record(self, _attempt_id: str) -> None:
            return None

    with app.app_context():
        sweep.sweep_trunk(trunk, Engine(), "worker")
        adopted, unknown = find_attempts()
        assert (adopted.state, unknown.state) == ("placed", "taken")
        assert unknown.held_until <= now_ms() + sweep.CONFIRM_MS
        build.change_attempt(unknown, held_until=now_ms())
        sweep.sweep_trunk(trunk, Engine(), "worker")
    adopted, unknown = find_attempts()
    assert (adopted.state, unknown.state, unknown.outcome, unknown.lost) == ("placed", "ended", "failed", True)


@only_sqlite
def test_adding_to_a_do_not_call_list_waits_for_placements(
    app: Flask, owner: User, create_batch: Callable, take: Callable, call_api: Callable
) -> None:
    create_batch(1)
    (call,) = take()
    answers: list[int] = []
    body = {"phoneNumbers": [call.phone_number], "source": "own"}
    thread = Thread(target=lambda: answers.append(call_api("suppressions", body).status_code))
    thread.start()
    thread.join(0.3)
    assert not answers
    with app.app_context():
        reports.record_placements(owner.key, {call.attempt_id: None})
    thread.join()
    assert answers == [200]
