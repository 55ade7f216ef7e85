"""Draw what a simulated call does. A pure function of the seed and the attempt's id: no clock, no file."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from portal.dialing.engines.outcomes import (
    CALL_REJECTED,
    NO_ANSWER_FROM_USER,
    NO_CIRCUIT_AVAILABLE,
    NORMAL_CLEARING,
    UNALLOCATED_NUMBER,
    USER_BUSY,
)

# Answered calls: two of three last between 40 and 90 seconds.
TALK_MEDIAN = 60.0
TALK_SIGMA = 0.4
LONGEST_TALK_SECONDS = 600.0
DROPPED_SHARE = 0.07
MACHINE_SHARE = 0.1
MACHINE_DETECTION_SECONDS = 2.0

# Calls without an answer: cause, share, and the shortest and longest time until the call ends. A call to a person who
# does not answer ends after the ring time.
UNANSWERED_CAUSES = (
    (NO_ANSWER_FROM_USER, 0.7, math.inf, math.inf),
    (USER_BUSY, 0.2, 1.0, 4.0),
    (UNALLOCATED_NUMBER, 0.06, 0.5, 2.0),
    (NO_CIRCUIT_AVAILABLE, 0.02, 0.5, 2.0),
    (CALL_REJECTED, 0.02, 2.0, 6.0),
)
CAUSE_SHARES = [share for _, share, *_ in UNANSWERED_CAUSES]


@dataclass(frozen=True)
class SimulatedCall:
    """The course of a call, in seconds since it was placed. A time that is None is never reached.

    `is_finished`: an answered call reached the end of what it was to say.
    """

    rings_at: float | None
    answered_at: float | None
    machine_at: float | None
    ended_at: float
    cause: int
    is_finished: bool


def simulate_call(seed: object, attempt_id: str, answer_share: float, ring_seconds: float) -> SimulatedCall:
    """Return the course of a call: the same for the same arguments."""
    rng = random.Random(f"{seed}/{attempt_id}")  # noqa: S311 (not used for secrets)
    rings_at = rng.uniform(0.3, 1.5)
    if rng.random() >= answer_share:
        cause, _, shortest, longest = rng.choices(UNANSWERED_CAUSES, CAUSE_SHARES)[0]
        ended_at = float(ring_seconds) if shortest == math.inf else rng.uniform(shortest, longest)
        has_rung = cause in (NO_ANSWER_FROM_USER, CALL_REJECTED)
        return SimulatedCall(rings_at if has_rung else None, None, None, ended_at, cause, False)
    answered_at = rng.uniform(3.0, 12.0)
    if answered_at >= ring_seconds:
        return SimulatedCall(rings_at, None, None, float(ring_seconds), NO_ANSWER_FROM_USER, False)
    talk = rng.lognormvariate(math.log(TALK_MEDIAN), TALK_SIGMA)
    is_finished = rng.random() >= DROPPED_SHARE
    if not is_finished:
        talk *= rng.random()
    talk = min(max(talk, 1.0), LONGEST_TALK_SECONDS)
    is_machine = rng.random() < MACHINE_SHARE and talk > MACHINE_DETECTION_SECONDS
    machine_at = answered_at + MACHINE_DETECTION_SECONDS if is_machine else None
    return SimulatedCall(rings_at, answered_at, machine_at, answered_at + talk, NORMAL_CLEARING, is_finished)
