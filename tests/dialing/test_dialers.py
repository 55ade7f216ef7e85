"""The dialer process: it places and records calls, survives outages, and hangs up after an emergency stop."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from portal.batches.actions import change_status, create_batch
from portal.db.transactions import write_transaction
from portal.dialing import stops
from portal.dialing.dialers import query, trunk_dialer
from portal.dialing.dialers.trunk_dialer import TrunkDialer
from portal.dialing.engines import EngineEvent, EngineUnreachable, EventKind, Outcome, Placement
from portal.dialing.taking import TakenCall
from portal.extensions import db
from portal.live import live_calls
from portal.models import Attempt, BatchAction, Channel, Trunk, User
from portal.models.actor import Actor
from portal.times import now_ms
from tests.support.builders import Builder
from tests.support.dialers import running_dialer

NUMBER = "+12025550100"
SPEED = {"answer": 0.6, "speed": 1000.0, "seed": 7}
TIMEOUT_SECONDS = 30

on_sqlite = pytest.mark.parametrize("app", ["sqlite"], indirect=True)


@pytest.fixture
def trunk(build: Builder, owner: User) -> Trunk:
    """A fast simulator with one caller number."""
    trunk = build.create_trunk(owner, lines=100, per_second=100, ring_seconds=15, settings=SPEED)
    build.create_caller_number(owner, NUMBER, trunk_key=trunk.key)
    return trunk


@pytest.fixture
def start_batch(app: Flask, owner: User) -> Callable[..., str]:
    """Return a function that starts a batch with so many contacts."""

    def start(contacts: int, **settings: Any) -> str:
        numbers = [f"+1{301 + number // 100}55501{number % 100:02}" for number in range(contacts)]
        with app.app_context():
            by = Actor(owner.key, Channel.API)
            defaults = {"callingNumbers": [NUMBER], "useCalleeZone": False}
            batch = create_batch(by, "Batch", defaults | settings, [(number, {}) for number in numbers])
            change_status(by, batch.id, BatchAction.START)
            return batch.id

    return start


def wait_for(find: Callable[[], object]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not find():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def count_statuses(app: Flask, owner: User, batch_id: str) -> Counter[str]:
    with app.app_context():
        return Counter(call.status for call in db.session.execute(live_calls(owner.key, batch_id)).scalars())


def find_attempts(app: Flask) -> list[Attempt]:
    with app.app_context():
        return list(db.session.execute(select(Attempt)).scalars())


def test_a_batch_is_dialed_to_its_end(
    app: Flask, build: Builder, owner: User, trunk: Trunk, start_batch: Callable, call_api: Callable
) -> None:
    batch_id = start_batch(30, retry=1)
    with running_dialer(app) as process:
        wait_for(lambda: not {"pending", "dialing", "in-progress"} & count_statuses(app, owner, batch_id).keys())
        state = call_api("dialer").json["data"]
        assert [worker["name"] for worker in state["workers"]] == [process.worker]
        assert [(one["_id"], one["trouble"]) for one in state["trunks"]] == [(trunk.id, "")]
        assert state["trunks"][0]["heardAt"]
        assert set(state["waiting"].values()) == {0}
    assert call_api("dialer").json["data"]["workers"] == []
    attempts = find_attempts(app)
    engine = process.dialers[trunk.key].engine if trunk.key in process.dialers else None
    assert engine is None or engine.connection is None  # closed
    assert all(attempt.state == "ended" and not attempt.lost for attempt in attempts)
    retried = {attempt.call_key for attempt in attempts if attempt.number == 2}
    assert retried == {one.call_key for one in attempts if one.number == 1 and one.outcome in ("busy", "no-answer")}


class FakeEngine:
    """An engine in memory. `heard_at` None = silent."""

    def __init__(self) -> None:
        self.heard_at: int | None = now_ms()
        self.placed: list[Placement] = []
        self.hung_up: list[str] = []
        self.upcoming: list[EngineEvent] = []

    def place(self, placement: Placement) -> None:
        self.placed.append(placement)

    def hang_up(self, attempt_id: str) -> None:
        self.hung_up.append(attempt_id)
        if len(self.hung_up) == 1:
            raise EngineUnreachable("the engine does not answer")

    def is_live(self, _attempt_id: str) -> bool:
        return True

    def record(self, _attempt_id: str) -> None:
        return None

    def events(self) -> list[EngineEvent]:
        heard, self.upcoming = self.upcoming, []
        return heard

    def close(self) -> None:
        pass


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """The engine of every trunk."""
    engine = FakeEngine()
    monkeypatch.setattr(trunk_dialer, "open_engine", lambda _trunk: engine)
    return engine


@pytest.fixture
def step(app: Flask, trunk: Trunk, engine: FakeEngine, start_batch: Callable) -> Callable[[], float]:
    """Return a function that takes one step of the trunk's dialer, with the tasks of each second. Five calls wait."""
    start_batch(5)
    with app.app_context():
        dialer = TrunkDialer(app, "worker", find_work(trunk), Event())

    def step() -> float:
        with app.app_context():
            dialer.trunk = find_work(trunk) or dialer.trunk
        dialer.next_tasks = 0
        return dialer.attempt(dialer.step)

    return step


def find_work(trunk: Trunk) -> Any:
    return next((row for row in query.find_trunks_with_work() if row.key == trunk.key), None)


@on_sqlite
def test_nothing_is_placed_through_a_silent_engine(
    app: Flask, trunk: Trunk, engine: FakeEngine, step: Callable, call_api: Callable
) -> None:
    engine.heard_at = None
    step()
    assert (engine.placed, find_attempts(app)) == ([], [])
    assert call_api("trunks").json["data"]["trunks"][0]["trouble"].startswith("The engine does not answer")
    engine.heard_at = now_ms() - 6_000
    step()
    assert engine.placed == []
    engine.heard_at = now_ms()
    step()
    assert len(engine.placed) == 5
    assert call_api("trunks").json["data"]["trunks"][0]["trouble"] == ""


@on_sqlite
def test_nothing_is_placed_late(
    app: Flask, engine: FakeEngine, step: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the taking and the placement, the process was suspended for three seconds."""
    take_calls = trunk_dialer.take_calls

    def take_long_ago(*arguments: Any) -> list[TakenCall]:
        return [replace(call, taken_at=call.taken_at - 3_000) for call in take_calls(*arguments)]

    monkeypatch.setattr(trunk_dialer, "take_calls", take_long_ago)
    step()
    assert (engine.placed, find_attempts(app)) == ([], [])


@on_sqlite
def test_an_emergency_stop_hangs_up_until_every_call_has_ended(
    app: Flask, owner: User, engine: FakeEngine, step: Callable
) -> None:
    step()
    with app.app_context():
        stops.stop(Actor(owner.key, Channel.API), "test")
    step()
    step()
    assert Counter(engine.hung_up) == dict.fromkeys((one.attempt_id for one in engine.placed), 2)
    engine.upcoming = [
        EngineEvent(one.attempt_id, EventKind.OVER, now_ms(), Outcome.NO_ANSWER, 16) for one in engine.placed
    ]
    step()
    step()
    assert len(engine.hung_up) == 10
    assert len(engine.placed) == 5


@on_sqlite
def test_results_and_events_wait_for_the_database(
    app: Flask, engine: FakeEngine, step: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("the server is gone"))

    with monkeypatch.context() as outage:
        outage.setattr(trunk_dialer, "record_placements", fail)
        step()
        assert {one.state for one in find_attempts(app)} == {"taken"}
        step()
    assert len(engine.placed) == 5  # nothing is placed from memory
    engine.upcoming = [EngineEvent(engine.placed[0].attempt_id, EventKind.ANSWERED, now_ms())]
    step()
    assert Counter(one.state for one in find_attempts(app)) == {"placed": 4, "answered": 1}


@on_sqlite
@pytest.mark.parametrize("reason", ["held", "disabled", "paced"])
def test_nothing_more_is_taken(
    app: Flask, trunk: Trunk, owner: User, engine: FakeEngine, step: Callable, reason: str, build: Builder
) -> None:
    if reason == "held":
        build.change(trunk, held=True)
    elif reason == "disabled":
        build.change(owner, disabled_at=now_ms())
    else:
        with app.app_context(), write_transaction() as session:
            session.execute(update(Trunk).values(next_at=now_ms() + 60_000))
    step()
    assert engine.placed == []
