"""The simulated switchboard: what its calls do, and what it knows after a restart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from portal.dialing.engines import (
    Engine,
    EngineEvent,
    EngineUnreachable,
    EventKind,
    NotPlaced,
    Outcome,
    Placement,
    Unsure,
    create_engine,
)
from portal.dialing.engines.simulated_calls import simulate_call
from portal.dialing.engines.simulator import SimulatorEngine
from portal.models.call import FINAL_STATUSES
from tests.dialing.engines.placements import CALLER, call_to

SETTINGS = {"answer": 0.5, "speed": 1, "seed": 7}
START = 1_700_000_000_000
OpenSimulator = Callable[..., SimulatorEngine]
AN_HOUR = 3_600_000
CALLEE = "+12025550100"


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "simulator.sqlite3")


@pytest.fixture
def open_simulator(path: str, clock: Clock) -> Iterator[OpenSimulator]:
    """Open an engine that listens; with other settings, or another file, if they are given."""
    with ExitStack() as stack:

        def open_engine(file: str = path, **settings: float) -> SimulatorEngine:
            engine = stack.enter_context(closing(SimulatorEngine(file, SETTINGS | settings, clock)))
            engine.events()
            return engine

        yield open_engine


def place_calls(engine: Engine, count: int, ring_seconds: int = 20) -> list[str]:
    """Place calls with the same ids each time, and return the ids."""
    placements = [Placement(f"{number:024x}", CALLEE, CALLER, ring_seconds) for number in range(count)]
    assert {engine.place(placement) for placement in placements} == {None}
    return [placement.attempt_id for placement in placements]


def by_attempt(events: list[EngineEvent]) -> dict[str, list[EngineEvent]]:
    found: dict[str, list[EngineEvent]] = {}
    for event in events:
        found.setdefault(event.attempt_id, []).append(event)
    return found


def test_outcomes_are_final_call_statuses() -> None:
    assert set(Outcome) < set(FINAL_STATUSES)


def test_events_come_in_order_and_agree_with_the_records(open_simulator: OpenSimulator, clock: Clock) -> None:
    engine = open_simulator()
    ids = place_calls(engine, 400)
    heard: list[EngineEvent] = []
    for _ in range(800):
        clock.now += 1000
        heard += engine.events()
    assert [event.moment for event in heard] == sorted(event.moment for event in heard)
    assert by_attempt(heard).keys() == set(ids)
    kinds = list(EventKind)
    for attempt_id, events in by_attempt(heard).items():
        assert [event.kind for event in events] == sorted((event.kind for event in events), key=kinds.index)
        record, over = engine.record(attempt_id), events[-1]
        assert (record.outcome, record.cause, record.ended_at) == (over.outcome, over.cause, over.moment)
        answers = [event.moment for event in events if event.kind is EventKind.ANSWERED]
        assert [record.answered_at] == (answers or [None])
        assert (record.answered_by == "machine") == any(event.kind is EventKind.MACHINE for event in events)
    assert set(Counter(event.outcome for event in heard if event.outcome)) == set(Outcome)
    assert engine.heard_at == clock.now


def test_the_share_of_answered_calls_is_the_one_asked_for(open_simulator: OpenSimulator, clock: Clock) -> None:
    engine = open_simulator(answer=0.25)
    place_calls(engine, 1000)
    clock.now += AN_HOUR
    answered = [event for event in engine.events() if event.kind is EventKind.ANSWERED]
    assert 200 < len(answered) < 300


@pytest.mark.parametrize(("answer", "expected"), [(0, 0), (1, 200)])
def test_none_or_all_calls_are_answered(
    open_simulator: OpenSimulator, clock: Clock, answer: int, expected: int
) -> None:
    engine = open_simulator(answer=answer)
    place_calls(engine, 200)
    clock.now += AN_HOUR
    assert sum(event.kind is EventKind.ANSWERED for event in engine.events()) == expected


def test_no_call_rings_longer_than_the_ring_time() -> None:
    calls = [simulate_call(0, f"{number:024x}", 0.5, 15) for number in range(2000)]
    assert all((call.answered_at or call.ended_at) <= 15 for call in calls)


def test_the_same_seed_gives_the_same_calls_and_another_seed_others(
    open_simulator: OpenSimulator, tmp_path: Path, clock: Clock
) -> None:
    def outcomes(name: str, seed: int) -> list[Outcome]:
        engine = open_simulator(str(tmp_path / name), seed=seed)
        ids = place_calls(engine, 100)
        clock.now += AN_HOUR
        return [engine.record(attempt_id).outcome for attempt_id in ids]

    assert outcomes("first", 7) == outcomes("second", 7) != outcomes("third", 8)


def test_time_passes_as_fast_as_the_settings_say(open_simulator: OpenSimulator, clock: Clock) -> None:
    engine = open_simulator(answer=0, speed=1000)
    place_calls(engine, 50, ring_seconds=20)
    clock.now += 20
    assert sum(event.kind is EventKind.OVER for event in engine.events()) == 50


def test_calls_go_on_while_no_dialer_runs(open_simulator: OpenSimulator, clock: Clock) -> None:
    """A dialer that was killed leaves its placements behind; the next one hears what follows and asks for the rest."""
    first = open_simulator()
    ids = place_calls(first, 100)
    clock.now += 25_000
    second = open_simulator()
    ended = {attempt_id for attempt_id in ids if second.record(attempt_id)}
    live = {attempt_id for attempt_id in ids if second.is_live(attempt_id)}
    assert ended
    assert live
    assert ended | live == set(ids)
    clock.now += AN_HOUR
    overs = {event.attempt_id for event in second.events() if event.kind is EventKind.OVER}
    assert overs == live
    assert dict(second.records()).keys() == set(ids)


def test_dialers_hear_each_others_calls(open_simulator: OpenSimulator, clock: Clock) -> None:
    first, second = open_simulator(), open_simulator()
    place_calls(first, 20)
    clock.now += AN_HOUR
    assert first.events() == second.events() != []
    assert second.events() == []


def test_a_call_that_was_never_placed_is_unknown(open_simulator: OpenSimulator, clock: Clock) -> None:
    engine = open_simulator()
    assert not engine.is_live("0" * 24)
    assert engine.record("0" * 24) is None
    engine.hang_up("0" * 24)
    clock.now += AN_HOUR
    assert engine.events() == []


def test_a_second_placement_of_an_attempt_is_unsure(open_simulator: OpenSimulator) -> None:
    engine = open_simulator()
    placement = call_to(CALLEE)
    assert engine.place(placement) is None
    assert isinstance(engine.place(placement), Unsure)


def test_hanging_up_ends_calls_for_all_dialers(open_simulator: OpenSimulator, clock: Clock) -> None:
    first, second = open_simulator(answer=1), open_simulator()
    ringing, answered = place_calls(first, 2)
    clock.now += 2500  # before the first answer
    first.events()
    first.hang_up(ringing)
    clock.now += 10_500  # after the last answer
    first.hang_up(answered)
    first.hang_up(answered)
    ends = {event.attempt_id: event for event in second.events() if event.kind is EventKind.OVER}
    assert (ends[ringing].outcome, ends[ringing].cause) == (Outcome.NO_ANSWER, 16)
    assert first.record(ringing).answered_at is None
    assert ends[ringing].moment == START + 2500
    assert first.record(answered).outcome in (Outcome.DROPPED, Outcome.COMPLETED)
    assert not first.is_live(answered)
    clock.now += AN_HOUR
    assert second.events() == []


def test_other_settings_apply_to_later_calls(open_simulator: OpenSimulator, clock: Clock) -> None:
    first = open_simulator(answer=1)
    [before] = place_calls(first, 1)
    second = open_simulator(answer=0)
    after = call_to(CALLEE, 20)
    second.place(after)
    clock.now += AN_HOUR
    assert second.record(before).answered_at is not None
    assert second.record(after.attempt_id).answered_at is None


def test_records_are_deleted_after_a_month(open_simulator: OpenSimulator, clock: Clock) -> None:
    [attempt_id] = place_calls(open_simulator(), 1)
    clock.now += 31 * 24 * AN_HOUR
    assert open_simulator().record(attempt_id) is None


def test_a_file_that_cannot_be_used_is_not_a_no(tmp_path: Path, clock: Clock) -> None:
    engine = SimulatorEngine(str(tmp_path / "missing" / "simulator.sqlite3"), SETTINGS, clock)
    assert isinstance(engine.place(call_to(CALLEE)), NotPlaced)
    assert engine.events() == []
    assert engine.heard_at is None
    with pytest.raises(EngineUnreachable):
        engine.is_live("0" * 24)
    with pytest.raises(EngineUnreachable):
        engine.record("0" * 24)


def test_other_kinds_of_engines_do_not_exist(tmp_path: Path) -> None:
    engine = create_engine("simulator", str(tmp_path / "simulator.sqlite3"), "", {})
    assert engine.place(call_to(CALLEE)) is None
    engine.close()
    with pytest.raises(ValueError, match="unknown kind of engine: telepathy"):
        create_engine("telepathy", "", "", {})
