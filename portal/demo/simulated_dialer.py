"""Plays a dialer through the API: asks which calls are open, and reports what becomes of them."""

from __future__ import annotations

import json
import logging
import math
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from typing import Any

from flask import Flask

from portal.demo.simulated_lines import SimulatedEvent, SimulatedLines, estimate_duration
from portal.models import CallStatus, QueueStatus
from portal.models.call import OPEN_STATUSES
from portal.telemetry.logs import request_log
from portal.times import format_iso, now_ms

MAX_LINES = 20
MAX_EVENTS_PER_REPORT = 100  # in one post
PAGE = 100  # calls; more than are on the lines, so that a page that holds no new one means that there is none
LOOK_SECONDS = 0.5  # so often the batch's status is asked for, at the least
TICK_SECONDS = 0.1  # what happens within it is reported together
HOUR_MS = 3_600_000


class ApiRefused(Exception):
    """The API refused what the dialer asked; the message is its own."""


class ApiClient:
    """The portal's API as a program reaches it: the same requests, checks and answers, without a network."""

    def __init__(self, app: Flask, token: str) -> None:
        self.client = app.test_client()
        self.headers = {"Authorization": f"Bearer {token}"}

    def open_calls(self, batch_id: str) -> dict[str, Any] | None:
        """The batch's status and the first of its calls that are open; None where the batch is gone."""
        asked = {"limit": PAGE, "filter": json.dumps({"callStatus": sorted(OPEN_STATUSES)})}
        return self.ask("GET", f"batch-details/{batch_id}", query_string=asked)

    def report(self, events: list[dict[str, Any]]) -> dict[str, int]:
        """What became of the events: applied, duplicates, unknown."""
        return self.ask("POST", "call-events", json={"events": events}) or {}

    def ask(self, method: str, path: str, **sent: Any) -> dict[str, Any] | None:
        """The `data` of the answer, None for 404. Raises Unanswered."""
        # In a context of its own: inside the command's, each request would go on with what the one before has read.
        open_one = self.client.open
        answer = Context().run(open_one, f"/api/call/{path}", method=method, headers=self.headers, **sent)
        if answer.status_code == 404:
            return None
        if answer.status_code != 200:
            raise ApiRefused(f"The API answered {answer.status_code}: {answer.json['errorMessage']}")
        return answer.json["data"]


@dataclass
class SimulationClock:
    """From the switchboard's seconds to moments (milliseconds). `paced`: nothing is told before its moment has come."""

    origin: float
    scale: float
    paced: bool

    def moment(self, at: float) -> int:
        """When it happens; never later than now."""
        return min(round(self.origin + at * self.scale), now_ms())

    def wait(self, at: float) -> float:
        """The seconds of real time until then; 0 where it has come. A clock that lags behind is set right."""
        if not self.paced:
            return 0.0
        ahead = self.origin + at * self.scale - now_ms()
        if ahead < -1000:  # after a pause, or where the portal is slower than the rate: what happens, happens now
            self.origin -= ahead
        return max(ahead, 0.0) / 1000


def start_clock(chance: random.Random, answer: float, rate: float, calls: int) -> tuple[SimulationClock, int]:
    """A clock by which so many calls end at `rate` a second, and how many lines that takes.

    With rate 0 they are spread over the hour that ends now.
    """
    if not rate:
        lines = min(max(calls // 10, 1), MAX_LINES)  # few calls on many lines would all be dialed in one minute
        length = estimate_duration(chance, answer, lines, calls)
        return SimulationClock(now_ms() - HOUR_MS, HOUR_MS / max(length, 1.0), paced=False), lines
    alone = estimate_duration(chance, answer, 1, calls)
    lines = min(max(math.ceil(rate * alone / max(calls, 1)), 1), MAX_LINES)
    length = estimate_duration(chance, answer, lines, calls)
    return SimulationClock(now_ms(), calls / rate * 1000 / max(length, 1.0), paced=True), lines


@dataclass(frozen=True)
class SimulationResult:
    """What was reported: how many calls ended, by their last word; how many were left on the lines, and why it ended.

    `ended`: the batch's status then; None where the batch is gone.
    """

    finished: Counter[CallStatus]
    left: int
    ended: QueueStatus | None


class SimulatedDialer:
    """One run over the open calls of a batch, until the batch is no longer active or has no call left."""

    def __init__(
        self,
        api: ApiClient,
        batch_id: str,
        chance: random.Random,
        answer: float,
        rate: float,
        tell: Callable[[str], object],
    ) -> None:
        self.api = api
        self.batch_id = batch_id
        self.tell = tell
        self.run = uuid.uuid4().hex
        self.status: QueueStatus | None = None
        self.waiting: list[str] = []  # ids of open calls that are not dialed yet
        self.dialed: set[str] = set()
        self.happened: list[SimulatedEvent] = []  # and is not reported yet
        self.told = 0
        self.finished: Counter[CallStatus] = Counter()
        self.open = self.look()
        self.clock, lines = start_clock(chance, answer, rate, self.open)
        self.board = SimulatedLines(chance, answer, lines)

    def play(self, advance: Callable[[int], object]) -> SimulationResult:
        """Dial, and report, to the end; `advance` is told of calls that ended. Raises Unanswered."""
        self.advance = advance
        while self.is_active():
            while self.board.free and self.waiting:
                self.dial(self.waiting.pop())
            at = self.board.next_at
            if at is None:
                break
            wait = self.clock.wait(at)
            if wait:
                self.report()
                time.sleep(max(min(wait, LOOK_SECONDS), TICK_SECONDS))
            else:
                self.happened.append(self.board.pop())
        self.report()
        left = len(self.dialed) - self.finished.total()
        return SimulationResult(self.finished, left, self.status)

    def dial(self, call_id: str) -> None:
        """Begin a call."""
        self.dialed.add(call_id)
        self.board.begin(call_id)

    def is_active(self) -> bool:
        """Whether to go on. What has happened is reported, and the batch looked at, whenever that is due."""
        if len(self.happened) >= MAX_EVENTS_PER_REPORT:
            self.report()
        dry = self.board.free and not self.waiting and (self.more or self.board.next_at is None)
        if dry or time.monotonic() - self.looked > LOOK_SECONDS:
            self.report()
            self.look()
        if self.status is QueueStatus.PAUSED:
            self.wait_for_more()
        return self.status is QueueStatus.ACTIVE

    def look(self) -> int:
        """Ask for the batch's status and open calls. Returns how many of them there are."""
        self.looked = time.monotonic()
        data = self.api.open_calls(self.batch_id)
        self.status = QueueStatus(data["batchStatus"]) if data else None
        ids = [call["_id"] for call in data["data"]] if data else []
        self.waiting = [call_id for call_id in reversed(ids) if call_id not in self.dialed]  # the first is taken first
        self.more = bool(self.waiting)
        return data["total"] if data else 0

    def wait_for_more(self) -> None:
        """Wait until the batch is not paused any more."""
        self.tell("The batch is paused: waiting until it is resumed")
        while self.status is QueueStatus.PAUSED:
            time.sleep(LOOK_SECONDS)
            self.look()

    def report(self) -> None:
        """Send what has happened and is not reported yet."""
        if not self.happened:
            return
        sent, self.happened = self.happened, []
        if not self.api.report([self.event(happening) for happening in sent]).get("applied"):
            return  # the batch was deleted meanwhile
        ended = Counter(happening.step.status for happening in sent if happening.is_last)
        self.finished += ended
        self.advance(ended.total())

    def event(self, happening: SimulatedEvent) -> dict[str, Any]:
        """A happening as the API takes it."""
        self.told += 1
        return {
            "eventId": f"simulate-{self.run}-{self.told}",
            "callId": happening.call_id,
            "callStatus": happening.step.status,
            "callDuration": happening.step.duration,
            "occurredAt": format_iso(self.clock.moment(happening.at)),
        }


@contextmanager
def silence_request_log() -> Iterator[None]:
    """Leave a line for each request out of the log: there are many, and all of one kind."""
    level = request_log.level
    request_log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        request_log.setLevel(level)
