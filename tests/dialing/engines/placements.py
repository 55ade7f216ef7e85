"""Calls to place, and waiting for what becomes of them."""

from __future__ import annotations

import time
from collections.abc import Callable

from portal.dialing.engines import Engine, EngineEvent, EventKind, Placement
from portal.ids import new_id

CALLER = "+12025550199"


def call_to(number: str, ring_seconds: int = 30) -> Placement:
    """Return a placement of a new attempt."""
    return Placement(new_id(), number, CALLER, ring_seconds)


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Return as soon as the condition is true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(0.02)


def hear_until_over(engine: Engine, attempt_ids: set[str], seconds: float = 30) -> list[EngineEvent]:
    """Return the events until all these calls are over."""
    heard: list[EngineEvent] = []

    def are_over() -> bool:
        heard.extend(engine.events())
        return attempt_ids <= {event.attempt_id for event in heard if event.kind is EventKind.OVER}

    wait_until(are_over, seconds)
    return heard
