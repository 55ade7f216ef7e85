"""Simulate a dialer through the API: request open calls and report their events."""

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
MAX_EVENTS_PER_REPORT = 100
PAGE_SIZE = 100  # calls; more than MAX_LINES, so that a page without a new call means that no call is left
POLL_SECONDS = 0.5  # the longest time between two requests for the status of the batch
TICK_SECONDS = 0.1  # events within this time are reported together
HOUR_MS = 3_600_000


class ApiRefused(Exception):
    """The API refused a request; the message is the error message of the API."""


class ApiClient:
    """A client of the portal's API without a network: the same requests, checks and responses."""

    def __init__(self, app: Flask, token: str) -> None:
        self.client = app.test_client()
        self.headers = {"Authorization": f"Bearer {token}"}

    def fetch_open_calls(self, batch_id: str) -> dict[str, Any] | None:
        """Return the status of the batch and its first open calls; None if the batch no longer exists."""
        query = {"limit": PAGE_SIZE, "filter": json.dumps({"callStatus": sorted(OPEN_STATUSES)})}
        return self.send("GET", f"batch-details/{batch_id}", query_string=query)

    def report_events(self, events: list[dict[str, Any]]) -> dict[str, int]:
        """Report events and return the numbers of applied, duplicate and unknown ones."""
        return self.send("POST", "call-events", json={"events": events}) or {}

    def send(self, method: str, path: str, **arguments: Any) -> dict[str, Any] | None:
        """Send a request and return the `data` of the response; None for 404. Raises ApiRefused."""
        # A context of its own: in the context of the command, each request would continue the previous transaction.
        run = Context().run
        response = run(self.client.open, f"/api/call/{path}", method=method, headers=self.headers, **arguments)
        if response.status_code == 404:
            return None
        if response.status_code != 200:
            raise ApiRefused(f"The API responded with {response.status_code}: {response.json['errorMessage']}")
        return response.json["data"]


@dataclass
class SimulationClock:
    """Convert simulated seconds to timestamps; `is_paced` means that events wait until their time has come."""

    origin: float  # milliseconds
    scale: float  # milliseconds per simulated second
    is_paced: bool

    def timestamp(self, at: float) -> int:
        """Return the time of an event in milliseconds, at most now."""
        return min(round(self.origin + at * self.scale), now_ms())

    def seconds_until(self, at: float) -> float:
        """Return the real seconds until an event, 0 if it is due. A clock that is late is set to now."""
        if not self.is_paced:
            return 0.0
        remaining = self.origin + at * self.scale - now_ms()
        if remaining < -1000:  # after a pause, or because the portal is slower than the rate
            self.origin -= remaining
        return max(remaining, 0.0) / 1000


def start_clock(rng: random.Random, answer_rate: float, rate: float, calls: int) -> tuple[SimulationClock, int]:
    """Return a clock by which `rate` calls end per second, and the number of lines needed for it.

    With rate 0, the calls are spread over the last hour.
    """
    if not rate:
        lines = min(max(calls // 10, 1), MAX_LINES)  # few calls on many lines would all be dialed in one minute
        length = estimate_duration(rng, answer_rate, lines, calls)
        return SimulationClock(now_ms() - HOUR_MS, HOUR_MS / max(length, 1.0), is_paced=False), lines
    length_on_one_line = estimate_duration(rng, answer_rate, 1, calls)
    lines = min(max(math.ceil(rate * length_on_one_line / max(calls, 1)), 1), MAX_LINES)
    length = estimate_duration(rng, answer_rate, lines, calls)
    return SimulationClock(now_ms(), calls / rate * 1000 / max(length, 1.0), is_paced=True), lines


@dataclass(frozen=True)
class SimulationResult:
    """The result of a simulation: the number of calls that ended at least once, the attempts by outcome, and the number
    of attempts that did not end.

    `batch_status` is the status of the batch at the end; None if the batch no longer exists.
    """

    calls: int
    ended: Counter[CallStatus]
    unfinished: int
    batch_status: QueueStatus | None


class SimulatedDialer:
    """A simulation over the open calls of a batch, until the batch is not active or has no open call.

    A call that goes back to pending is dialed again at once: the simulation does not wait for the batch's delay.
    """

    def __init__(
        self,
        api: ApiClient,
        batch_id: str,
        rng: random.Random,
        answer_rate: float,
        rate: float,
        print_message: Callable[[str], object],
    ) -> None:
        self.api = api
        self.batch_id = batch_id
        self.print_message = print_message
        self.event_prefix = f"simulate-{uuid.uuid4().hex}"
        self.status: QueueStatus | None = None
        self.queue: list[str] = []  # ids of open calls to dial, the next one last
        self.on_line: set[str] = set()  # ids of calls whose end is not reported yet
        self.last_event_ms: dict[str, int] = {}  # by call
        self.ended_calls: set[str] = set()
        self.unreported: list[SimulatedEvent] = []
        self.reported = 0
        self.ended: Counter[CallStatus] = Counter()
        self.open_calls = self.poll()
        self.clock, lines = start_clock(rng, answer_rate, rate, self.open_calls)
        self.lines = SimulatedLines(rng, answer_rate, lines)

    def run(self, advance: Callable[[int], object]) -> SimulationResult:
        """Dial and report to the end; `advance` receives the number of calls that ended for the first time.

        Raises ApiRefused.
        """
        self.advance = advance
        while self.is_active():
            while self.lines.free_lines and self.queue:
                self.dial(self.queue.pop())
            at = self.lines.next_at
            if at is None:
                break
            wait = self.clock.seconds_until(at)
            if wait:
                self.report()
                time.sleep(max(min(wait, POLL_SECONDS), TICK_SECONDS))
            else:
                self.unreported.append(self.lines.pop())
        self.report()
        return SimulationResult(len(self.ended_calls), self.ended, len(self.on_line), self.status)

    def dial(self, call_id: str) -> None:
        """Dial a call."""
        self.on_line.add(call_id)
        self.lines.dial(call_id)

    def is_active(self) -> bool:
        """Return whether the batch is active, after reporting and polling if they are due, and waiting if paused."""
        if len(self.unreported) >= MAX_EVENTS_PER_REPORT:
            self.report()
        needs_calls = self.lines.free_lines and not self.queue and (self.may_have_more or self.lines.next_at is None)
        if needs_calls or time.monotonic() - self.polled_at > POLL_SECONDS:
            self.report()
            self.poll()
        if self.status is QueueStatus.PAUSED:
            self.wait_until_resumed()
        return self.status is QueueStatus.ACTIVE

    def poll(self) -> int:
        """Request the status and the open calls of the batch, and return the number of its open calls."""
        self.polled_at = time.monotonic()
        data = self.api.fetch_open_calls(self.batch_id)
        self.status = QueueStatus(data["batchStatus"]) if data else None
        ids = [call["_id"] for call in data["data"]] if data else []
        self.queue = [call_id for call_id in reversed(ids) if call_id not in self.on_line]
        self.may_have_more = bool(self.queue)
        return data["total"] if data else 0

    def wait_until_resumed(self) -> None:
        """Wait until the batch is not paused any more."""
        self.print_message("The batch is paused. Waiting until it is resumed")
        while self.status is QueueStatus.PAUSED:
            time.sleep(POLL_SECONDS)
            self.poll()

    def report(self) -> None:
        """Report the events that are not reported yet."""
        if not self.unreported:
            return
        events, self.unreported = self.unreported, []
        if not self.api.report_events([self.event_json(event) for event in events]).get("applied"):
            return  # the batch was deleted in the meantime
        ends = [event for event in events if event.is_last]
        self.ended.update(event.step.status for event in ends)
        calls = {event.call_id for event in ends}
        self.advance(len(calls - self.ended_calls))
        self.ended_calls |= calls
        self.on_line -= calls

    def event_json(self, event: SimulatedEvent) -> dict[str, Any]:
        """Return an event in the format of the API."""
        self.reported += 1
        # Later than the call's last event: the order of their times divides the events into attempts.
        at = max(self.clock.timestamp(event.at), self.last_event_ms.get(event.call_id, 0) + 1)
        self.last_event_ms[event.call_id] = at
        return {
            "eventId": f"{self.event_prefix}-{self.reported}",
            "callId": event.call_id,
            "callStatus": event.step.status,
            "callDuration": event.step.duration,
            "occurredAt": format_iso(at),
        }


@contextmanager
def silence_request_log() -> Iterator[None]:
    """Suppress the log line of each request, because a simulation sends many."""
    level = request_log.level
    request_log.setLevel(logging.WARNING)
    try:
        yield
    finally:
        request_log.setLevel(level)
