"""Dial over one trunk: hear its engine, take calls, place them, and record what becomes of them."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread
from typing import Any

from flask import Flask

from portal.db.outages import find_outage
from portal.dialing.dialers import actions, query
from portal.dialing.engines import Engine, EngineEvent, EngineUnreachable, NotPlaced, Placement, Unsure
from portal.dialing.reports import apply_engine_events, record_placements
from portal.dialing.stops import is_stopped
from portal.dialing.sweep import sweep_trunk
from portal.dialing.taking import TakenCall, take_calls
from portal.dialing.trunk_engines import engine_identity, open_engine
from portal.extensions import db
from portal.models.trunk import PLACE_WITHIN_MS
from portal.telemetry import metrics
from portal.times import now_ms

BUSY_SECONDS = 0.2  # from one step to the next while calls are made
BUSY_AFTER_SECONDS = 2.0  # after a placement, until the row of the trunk says whether calls go on
IDLE_SECONDS = 1.0
RETRY_SECONDS = 2.0  # after a failure
SECOND_TASKS_SECONDS = 1.0  # between two sweeps, and between two reports that the engine was heard
HEARD_WITHIN_MS = 5_000  # a dialer that has not heard the engine for this time places nothing
PLACING_THREADS = 8
MAX_EVENTS = 100_000  # that wait for the database; the sweep finds the ends of calls whose events are dropped

log = logging.getLogger("portal.dialer")

PlacementResult = NotPlaced | Unsure | None


class TrunkDialer:
    """Dials over one trunk in a thread of its own, so that a slow engine delays no other trunk.

    The dialer process sets `trunk` to the current row of the trunk, and `is_wanted` while the trunk has work.
    """

    def __init__(self, app: Flask, worker: str, trunk: Any, stopping: Event) -> None:
        self.app = app
        self.worker = worker
        self.trunk = trunk
        self.is_wanted = True
        self.stopping = stopping  # the process ends: nothing more is taken
        self.engine: Engine | None = None
        self.identity: tuple[Any, ...] = ()
        self.events: list[EngineEvent] = []  # heard, and not stored yet
        self.results: dict[str, PlacementResult] = {}  # of placements, not stored yet
        self.next_tasks = 0.0
        self.is_stopped = False
        self.placed_at = -math.inf
        self.problem = ""
        self.pool = ThreadPoolExecutor(PLACING_THREADS, thread_name_prefix="placing")
        self.thread = Thread(target=self.run, name=f"trunk {trunk.id}", daemon=True)

    def run(self) -> None:
        """Take one step after the other until the trunk has no work or the process ends."""
        while self.is_wanted and not self.stopping.is_set():
            started = time.monotonic()
            seconds = self.attempt(self.step)
            self.stopping.wait(started + seconds - time.monotonic())
        if self.engine is not None:
            self.attempt(self.finish)
            self.engine.close()
        self.pool.shutdown(wait=False)

    def attempt(self, step: Callable[[], float]) -> float:
        """Take a step, and return the seconds from its start to the next one. A failure is logged once."""
        try:
            with self.app.app_context():
                seconds = step()
        except Exception as error:
            problem = str(find_outage(error) or type(error).__name__)
            if problem != self.problem:
                log.warning("trunk %s: the dialer retries: %s", self.trunk.id, problem, exc_info=error)
            self.problem = problem
            return RETRY_SECONDS
        if self.problem:
            log.info("trunk %s: the dialer works again", self.trunk.id)
        self.problem = ""
        return seconds

    def step(self) -> float:
        """Hear, store, take and place. Returns the seconds until the next step begins."""
        trunk = self.trunk
        engine = self.find_engine(trunk)
        if engine is None:
            return RETRY_SECONDS
        self.hear(engine)
        self.store(trunk)
        was_stopped, self.is_stopped = self.is_stopped, is_stopped(trunk.owner_key)
        if time.monotonic() >= self.next_tasks or (self.is_stopped and not was_stopped):
            self.next_tasks = time.monotonic() + SECOND_TASKS_SECONDS
            self.do_second_tasks(trunk, engine)
        if self.stopping.is_set() or self.is_stopped or not trunk.may_place or not is_heard(engine):
            return self.next_step_seconds(trunk)
        calls = take_calls(trunk.key, self.worker)
        if calls:
            self.placed_at = time.monotonic()
            self.place(engine, calls)
            self.store(trunk)
        return self.next_step_seconds(trunk)

    def next_step_seconds(self, trunk: Any) -> float:
        """Return the seconds from one step to the next: few while calls are made."""
        is_busy = trunk.has_calls or time.monotonic() < self.placed_at + BUSY_AFTER_SECONDS
        return BUSY_SECONDS if is_busy else IDLE_SECONDS

    def finish(self) -> float:
        """Store what was heard and placed."""
        if self.engine is not None:
            self.hear(self.engine)
        self.store(self.trunk)
        return 0

    def find_engine(self, trunk: Any) -> Engine | None:
        """Return the engine of the trunk, a new one after a change of its settings; None if it cannot be used."""
        identity = engine_identity(trunk)
        if self.engine is None or self.identity != identity:
            if self.engine is not None:
                self.events += self.engine.events()
                self.engine.close()
                self.engine = None
            try:
                self.engine, self.identity = open_engine(trunk), identity
            except EngineUnreachable as error:
                actions.record_trouble(trunk.key, describe_problem(error), now_ms() - HEARD_WITHIN_MS)
        return self.engine

    def hear(self, engine: Engine) -> None:
        """Add the events since the last step to those that are stored next."""
        heard = engine.events()
        metrics.engine_events.inc(len(heard))
        self.events = (self.events + heard)[-MAX_EVENTS:]

    def store(self, trunk: Any) -> None:
        """Store results of placements and events. They are kept in memory until that has succeeded."""
        if self.results:
            record_placements(trunk.owner_key, self.results)
            self.results = {}
        if self.events:
            apply_engine_events(trunk.owner_key, self.events)
            self.events = []

    def do_second_tasks(self, trunk: Any, engine: Engine) -> None:
        """Report whether the engine is heard, hang up calls after an emergency stop, and end what was lost."""
        if is_heard(engine):
            actions.record_hearing(trunk.key, engine.heard_at)
        else:
            actions.record_trouble(trunk.key, describe_silence(engine), now_ms() - HEARD_WITHIN_MS)
        if self.is_stopped:
            self.hang_up_all(trunk, engine)
        sweep_trunk(trunk, engine, self.worker)

    def hang_up_all(self, trunk: Any, engine: Engine) -> None:
        """Hang up every call on the trunk. It is repeated each second, also for a call that was just being placed."""
        attempts = query.list_open_attempts(trunk.key)
        db.session.rollback()  # the engine may answer slowly
        failed = list(filter(None, self.pool.map(lambda attempt_id: try_hang_up(engine, attempt_id), attempts)))
        if failed:
            log.warning("trunk %s: %s calls cannot be hung up yet: %s", trunk.id, len(failed), failed[0])

    def place(self, engine: Engine, calls: list[TakenCall]) -> None:
        """Place calls whose attempts are committed, each once."""
        results = self.pool.map(lambda call: try_place(engine, call), calls)
        for call, result in zip(calls, results, strict=True):
            self.results[call.attempt_id] = result
            metrics.placements.labels(describe_result(result)).inc()


def is_heard(engine: Engine) -> bool:
    """Return whether the events of the engine are heard now."""
    return engine.heard_at is not None and now_ms() - engine.heard_at <= HEARD_WITHIN_MS


def describe_problem(error: EngineUnreachable) -> str:
    """Return why an engine cannot be used, as a sentence."""
    text = str(error)
    return text[:1].upper() + text[1:]


def describe_silence(engine: Engine) -> str:
    """Return why nothing is placed over a silent engine."""
    if engine.heard_at is None:
        return "The engine does not answer; no call is placed"
    return "The engine was heard before and is silent now; no call is placed"


def try_place(engine: Engine, call: TakenCall) -> PlacementResult:
    """Place a call unless it was taken too long ago: then what was checked may no longer hold, such as after a pause.

    After an unexpected failure the call counts as possibly placed.
    """
    if now_ms() - call.taken_at > PLACE_WITHIN_MS:
        return NotPlaced("it was taken too long ago")
    placement = Placement(call.attempt_id, call.phone_number, call.from_number, call.ring_seconds)
    try:
        return engine.place(placement)
    except Exception as error:
        log.exception("unexpected failure of an engine")
        return Unsure(type(error).__name__)


def try_hang_up(engine: Engine, attempt_id: str) -> str:
    """Hang up a call, and return why that is not possible now, or ""."""
    try:
        engine.hang_up(attempt_id)
    except EngineUnreachable as error:
        return str(error)
    return ""


def describe_result(result: PlacementResult) -> str:
    """Return the label of a placement in metrics."""
    if isinstance(result, NotPlaced):
        return "refused" if result.is_refused else "not placed"
    return "placed" if result is None else "unsure"
