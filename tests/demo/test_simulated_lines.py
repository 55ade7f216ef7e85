"""What a made-up dialer does to calls: steps that hold together, a few lines at once, the same for the same seed."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from portal.demo.simulated_lines import SimulatedEvent, SimulatedLines, estimate_duration, simulate_call
from portal.models import CallStatus
from portal.models.call import OPEN_STATUSES, PICKED_STATUSES


def many(answer: float, count: int = 4000) -> list[list]:
    chance = random.Random(7)
    return [simulate_call(chance, answer) for _ in range(count)]


def test_a_call_is_dialed_first_and_ends_with_one_last_word() -> None:
    for steps in many(0.5):
        statuses = [step.status for step in steps]
        assert statuses[0] is CallStatus.DIALING
        assert [status in OPEN_STATUSES for status in statuses] == [True] * (len(steps) - 1) + [False]
        assert (CallStatus.IN_PROGRESS in statuses) == (statuses[-1] in PICKED_STATUSES)
        assert [step.duration > 0 for step in steps] == [False] * (len(steps) - 1) + [statuses[-1] in PICKED_STATUSES]
        assert all(step.after > 0 for step in steps[1:])


@pytest.mark.parametrize(("answer", "least", "most"), [(0, 0, 0), (0.62, 0.59, 0.65), (1, 1, 1)])
def test_so_many_are_answered(answer: float, least: float, most: float) -> None:
    picked = sum(steps[-1].status in PICKED_STATUSES for steps in many(answer))
    assert least <= picked / 4000 <= most


def test_everything_that_a_dialer_reports_happens_and_talks_are_as_long_as_people_talk() -> None:
    ends = Counter(steps[-1].status for steps in many(0.6))
    assert set(ends) == {*["completed", "dropped", "no-answer", "busy", "failed"]}
    held = sorted(steps[-1].duration for steps in many(1) if steps[-1].status is CallStatus.COMPLETED)
    assert 55 <= held[len(held) // 2] <= 65
    assert 38 <= held[len(held) * 16 // 100] <= 43
    assert 83 <= held[len(held) * 84 // 100] <= 96


def played(seed: int, calls: int, lines: int) -> list[SimulatedEvent]:
    """Everything that happens to so many calls."""
    board = SimulatedLines(random.Random(seed), 0.5, lines)
    found = []
    while True:
        while board.free and board.begun < calls:
            board.begin(f"call {board.begun}")
        if board.next_at is None:
            return found
        found.append(board.pop())


def test_what_happens_comes_in_the_order_of_time_and_never_more_calls_than_lines() -> None:
    happened = played(1, 200, 20)
    assert [one.at for one in happened] == sorted(one.at for one in happened)
    on_the_line: set[str] = set()
    most = 0
    for one in happened:
        if one.is_last:
            on_the_line.remove(one.call_id)
        else:
            on_the_line.add(one.call_id)
        most = max(most, len(on_the_line))
    assert (most, on_the_line) == (20, set())
    assert len({one.call_id for one in happened}) == 200


def test_the_same_seed_plays_the_same() -> None:
    assert played(1, 50, 20) == played(1, 50, 20)
    assert played(1, 50, 20) != played(2, 50, 20)


def test_how_long_it_will_take_is_told_before_and_changes_nothing() -> None:
    chance = random.Random(1)
    before = chance.getstate()
    assert estimate_duration(chance, 0.5, 20, 50) == played(1, 50, 20)[-1].at
    assert chance.getstate() == before
    assert estimate_duration(chance, 0.5, 20, 0) == 0
