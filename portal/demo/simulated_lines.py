"""Simulate calls on several phone lines at once. Pure functions of a random number generator: no clock, no app.

Times are seconds since the first call was dialed.
"""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass

from portal.models import CallStatus
from portal.models.call import OPEN_STATUSES

# Completed calls: two of three last between 40 and 90 seconds.
TALK_MEDIAN = 60.0
TALK_SIGMA = 0.4
DROPPED_SHARE = 0.07

# Calls without an answer: status, share, and the shortest and longest time until the call ends.
UNANSWERED_OUTCOMES = (
    (CallStatus.NO_ANSWER, 0.7, 18.0, 32.0),
    (CallStatus.BUSY, 0.2, 1.0, 4.0),
    (CallStatus.FAILED, 0.1, 0.5, 2.0),
)


@dataclass(frozen=True)
class SimulatedStep:
    """A status of a call: `delay` is the seconds since the previous step, `duration` the seconds talked."""

    delay: float
    status: CallStatus
    duration: int = 0


def simulate_call(rng: random.Random, answer_rate: float) -> list[SimulatedStep]:
    """Return the steps of one call, from dialing to a final status; `answer_rate` is a share from 0 to 1."""
    dialing = SimulatedStep(0.0, CallStatus.DIALING)
    if rng.random() >= answer_rate:
        weights = [share for _, share, *_ in UNANSWERED_OUTCOMES]
        status, _, shortest, longest = rng.choices(UNANSWERED_OUTCOMES, weights)[0]
        return [dialing, SimulatedStep(rng.uniform(shortest, longest), status)]
    seconds = rng.lognormvariate(math.log(TALK_MEDIAN), TALK_SIGMA)
    status = CallStatus.COMPLETED
    if rng.random() < DROPPED_SHARE:
        status = CallStatus.DROPPED
        seconds *= rng.random()
    duration = max(round(seconds), 1)
    return [
        dialing,
        SimulatedStep(rng.uniform(3.0, 12.0), CallStatus.IN_PROGRESS),
        SimulatedStep(float(duration), status, duration),
    ]


@dataclass(frozen=True)
class SimulatedEvent:
    """A step of one call, `at` seconds after the first call was dialed."""

    at: float
    call_id: str
    step: SimulatedStep

    @property
    def is_last(self) -> bool:
        """Return whether the call ends with this event."""
        return self.step.status not in OPEN_STATUSES


class SimulatedLines:
    """Calls on a number of phone lines; their events come out in chronological order."""

    def __init__(self, rng: random.Random, answer_rate: float, lines: int) -> None:
        self.rng = rng
        self.answer_rate = answer_rate
        self.free_lines = lines
        self.now = 0.0
        self.dialed = 0
        # Time of the next step, number of the call (so that equal times compare), call id, remaining steps.
        self.pending: list[tuple[float, int, str, list[SimulatedStep]]] = []

    def dial(self, call_id: str) -> None:
        """Dial a call now on a free line."""
        steps = simulate_call(self.rng, self.answer_rate)
        self.dialed += 1
        self.free_lines -= 1
        heapq.heappush(self.pending, (self.now + steps[0].delay, self.dialed, call_id, steps))

    @property
    def next_at(self) -> float | None:
        """Return the time of the next event; None if no line is in use."""
        return self.pending[0][0] if self.pending else None

    def pop(self) -> SimulatedEvent:
        """Return the next event. Raises IndexError if no line is in use."""
        at, number, call_id, (step, *rest) = heapq.heappop(self.pending)
        self.now = at
        if rest:
            heapq.heappush(self.pending, (at + rest[0].delay, number, call_id, rest))
        else:
            self.free_lines += 1
        return SimulatedEvent(at, call_id, step)


def estimate_duration(rng: random.Random, answer_rate: float, lines: int, calls: int) -> float:
    """Return the seconds that the calls take on that many lines, without changing the state of `rng`."""
    copy = random.Random()  # noqa: S311 (not used for secrets)
    copy.setstate(rng.getstate())
    simulation = SimulatedLines(copy, answer_rate, lines)
    while True:
        while simulation.free_lines and simulation.dialed < calls:
            simulation.dial("")
        if simulation.next_at is None:
            return simulation.now
        simulation.pop()
