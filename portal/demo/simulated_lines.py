"""What a made-up dialer does: what happens to each call, and to the calls on all of its lines. Pure: no clock, no app.

Time is counted in seconds since the first call was dialed.
"""

from __future__ import annotations

import heapq
import math
import random
from dataclasses import dataclass

from portal.models import CallStatus
from portal.models.call import OPEN_STATUSES

# Talks that are held to the end: two of three last between 40 and 90 seconds.
TALK_MEDIAN = 60.0
TALK_SIGMA = 0.4
DROPPED_SHARE = 0.07

# Of the calls that nobody answers: how many end so, and after how many seconds.
UNANSWERED_OUTCOMES = (
    (CallStatus.NO_ANSWER, 0.7, 18.0, 32.0),
    (CallStatus.BUSY, 0.2, 1.0, 4.0),
    (CallStatus.FAILED, 0.1, 0.5, 2.0),
)


@dataclass(frozen=True)
class SimulatedStep:
    """What a call comes to, so many seconds after the step before; `duration`: seconds talked."""

    after: float
    status: CallStatus
    duration: int = 0


def simulate_call(chance: random.Random, answer: float) -> list[SimulatedStep]:
    """What happens to one call, dialing first, one final word last; `answer`: the share that is answered, 0 to 1."""
    dialing = SimulatedStep(0.0, CallStatus.DIALING)
    if chance.random() >= answer:
        status, _, least, most = chance.choices(UNANSWERED_OUTCOMES, [share for _, share, *_ in UNANSWERED_OUTCOMES])[0]
        return [dialing, SimulatedStep(chance.uniform(least, most), status)]
    talked = chance.lognormvariate(math.log(TALK_MEDIAN), TALK_SIGMA)
    status = CallStatus.COMPLETED
    if chance.random() < DROPPED_SHARE:
        status = CallStatus.DROPPED
        talked *= chance.random()
    duration = max(round(talked), 1)
    return [
        dialing,
        SimulatedStep(chance.uniform(3.0, 12.0), CallStatus.IN_PROGRESS),
        SimulatedStep(float(duration), status, duration),
    ]


@dataclass(frozen=True)
class SimulatedEvent:
    """One call comes to one step, so many seconds after the first call was dialed."""

    at: float
    call_id: str
    step: SimulatedStep

    @property
    def is_last(self) -> bool:
        """Whether the call has ended by it."""
        return self.step.status not in OPEN_STATUSES


class SimulatedLines:
    """Calls on a few lines at once; what happens comes out in the order of time."""

    def __init__(self, chance: random.Random, answer: float, lines: int) -> None:
        self.chance = chance
        self.answer = answer
        self.free = lines
        self.now = 0.0
        self.begun = 0
        self.ahead: list[tuple[float, int, str, list[SimulatedStep]]] = []

    def begin(self, call_id: str) -> None:
        """Dial a call now, on a free line."""
        first, *rest = simulate_call(self.chance, self.answer)
        self.begun += 1
        self.free -= 1
        heapq.heappush(self.ahead, (self.now + first.after, self.begun, call_id, [first, *rest]))

    @property
    def next_at(self) -> float | None:
        """When the next thing happens; None while no call is on a line."""
        return self.ahead[0][0] if self.ahead else None

    def pop(self) -> SimulatedEvent:
        """The next thing that happens. Raises IndexError while no call is on a line."""
        at, number, call_id, (step, *rest) = heapq.heappop(self.ahead)
        self.now = at
        if rest:
            heapq.heappush(self.ahead, (at + rest[0].after, number, call_id, rest))
        else:
            self.free += 1
        return SimulatedEvent(at, call_id, step)


def estimate_duration(chance: random.Random, answer: float, lines: int, calls: int) -> float:
    """How many seconds so many calls will take on so many lines; `chance` stays as it is."""
    twin = random.Random()  # noqa: S311 (what happens to made-up calls is no secret)
    twin.setstate(chance.getstate())
    board = SimulatedLines(twin, answer, lines)
    while True:
        while board.free and board.begun < calls:
            board.begin("")
        if board.next_at is None:
            return board.now
        board.pop()
