"""Simulated calls: consistent steps, a limited number of lines, and reproducible results."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from portal.demo.simulated_lines import SimulatedEvent, SimulatedLines, estimate_duration, simulate_call
from portal.models import CallStatus
from portal.models.call import OPEN_STATUSES, PICKED_STATUSES


def simulate_many(answer_rate: float, count: int = 4000) -> list[list]:
    rng = random.Random(7)
    return [simulate_call(rng, answer_rate) for _ in range(count)]


def test_a_call_begins_with_dialing_and_has_one_final_status() -> None:
    for steps in simulate_many(0.5):
        statuses = [step.status for step in steps]
        assert statuses[0] is CallStatus.DIALING
        assert [status in OPEN_STATUSES for status in statuses] == [True] * (len(steps) - 1) + [False]
        assert (CallStatus.IN_PROGRESS in statuses) == (statuses[-1] in PICKED_STATUSES)
        assert [step.duration > 0 for step in steps] == [False] * (len(steps) - 1) + [statuses[-1] in PICKED_STATUSES]
        assert all(step.delay > 0 for step in steps[1:])


@pytest.mark.parametrize(("answer_rate", "minimum", "maximum"), [(0, 0, 0), (0.62, 0.59, 0.65), (1, 1, 1)])
def test_the_share_of_answered_calls_matches_the_rate(answer_rate: float, minimum: float, maximum: float) -> None:
    picked = sum(steps[-1].status in PICKED_STATUSES for steps in simulate_many(answer_rate))
    assert minimum <= picked / 4000 <= maximum


def test_every_final_status_occurs_and_durations_are_realistic() -> None:
    ends = Counter(steps[-1].status for steps in simulate_many(0.6))
    assert set(ends) == {*["completed", "dropped", "no-answer", "busy", "failed"]}
    durations = sorted(steps[-1].duration for steps in simulate_many(1) if steps[-1].status is CallStatus.COMPLETED)
    assert 55 <= durations[len(durations) // 2] <= 65
    assert 38 <= durations[len(durations) * 16 // 100] <= 43
    assert 83 <= durations[len(durations) * 84 // 100] <= 96


def simulate_events(seed: int, calls: int, lines: int) -> list[SimulatedEvent]:
    """Return all events of that many calls."""
    simulation = SimulatedLines(random.Random(seed), 0.5, lines)
    events = []
    while True:
        while simulation.free_lines and simulation.dialed < calls:
            simulation.dial(f"call {simulation.dialed}")
        if simulation.next_at is None:
            return events
        events.append(simulation.pop())


def test_events_are_chronological_and_calls_never_exceed_the_lines() -> None:
    events = simulate_events(1, 200, 20)
    assert [event.at for event in events] == sorted(event.at for event in events)
    active: set[str] = set()
    max_active = 0
    for event in events:
        if event.is_last:
            active.remove(event.call_id)
        else:
            active.add(event.call_id)
        max_active = max(max_active, len(active))
    assert (max_active, active) == (20, set())
    assert len({event.call_id for event in events}) == 200


def test_the_same_seed_gives_the_same_events() -> None:
    assert simulate_events(1, 50, 20) == simulate_events(1, 50, 20)
    assert simulate_events(1, 50, 20) != simulate_events(2, 50, 20)


def test_the_estimated_duration_is_exact_and_does_not_change_the_generator() -> None:
    rng = random.Random(1)
    state = rng.getstate()
    assert estimate_duration(rng, 0.5, 20, 50) == simulate_events(1, 50, 20)[-1].at
    assert rng.getstate() == state
    assert estimate_duration(rng, 0.5, 20, 0) == 0
