"""A simulated switchboard, which can call no one.

Its records are placements and hang-ups in an SQLite file of its own, which all dialers of this machine share and which
survives their end. What a call does follows from its placement and the clock, so it is never stored.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from threading import RLock
from typing import Any

from portal.dialing.engines.interface import (
    EngineEvent,
    EngineRecord,
    EngineUnreachable,
    EventKind,
    NotPlaced,
    Placement,
    Unsure,
)
from portal.dialing.engines.outcomes import NORMAL_CLEARING, outcome_of
from portal.dialing.engines.simulated_calls import LONGEST_TALK_SECONDS, simulate_call
from portal.times import DAY_MS, now_ms

KEPT_DAYS = 30  # records are deleted when an engine opens the file after this time
BUSY_SECONDS = 5.0
LONGEST_RING_SECONDS = 120
LONGEST_CALL_MS = round((LONGEST_RING_SECONDS + LONGEST_TALK_SECONDS) * 1000)

SCHEMA = """
CREATE TABLE IF NOT EXISTS placements (
    key INTEGER PRIMARY KEY, attempt_id TEXT NOT NULL UNIQUE, phone_number TEXT NOT NULL, from_number TEXT NOT NULL,
    ring_seconds INTEGER NOT NULL, placed_at INTEGER NOT NULL, answer REAL NOT NULL, speed REAL NOT NULL,
    seed TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS hang_ups (
    key INTEGER PRIMARY KEY, attempt_id TEXT NOT NULL UNIQUE, moment INTEGER NOT NULL
);
"""
INSERT_PLACEMENT = """
INSERT INTO placements (attempt_id, phone_number, from_number, ring_seconds, placed_at, answer, speed, seed)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
INSERT_HANG_UP = "INSERT OR IGNORE INTO hang_ups (attempt_id, moment) VALUES (?, ?)"
SELECT = """
SELECT key, attempt_id, ring_seconds, placed_at, answer, speed, seed,
    (SELECT moment FROM hang_ups WHERE hang_ups.attempt_id = placements.attempt_id) FROM placements
"""


Row = tuple[int, str, int, int, float, float, str, int | None]


def plan_events(row: Row) -> list[EngineEvent]:
    """Return the events of a placement in chronological order, future ones too. The last one is OVER."""
    _, attempt_id, ring_seconds, placed_at, answer, speed, seed, hung_up_at = row
    call = simulate_call(seed, attempt_id, answer, ring_seconds)
    steps = (
        (EventKind.RINGING, call.rings_at),
        (EventKind.ANSWERED, call.answered_at),
        (EventKind.MACHINE, call.machine_at),
    )
    moments = [(kind, placed_at + round(at * 1000 / speed)) for kind, at in steps if at is not None]
    ended_at, cause, is_finished = placed_at + round(call.ended_at * 1000 / speed), call.cause, call.is_finished
    if hung_up_at is not None and hung_up_at < ended_at:
        moments = [(kind, moment) for kind, moment in moments if moment <= hung_up_at]
        ended_at, cause, is_finished = hung_up_at, NORMAL_CLEARING, False
    is_answered = any(kind is EventKind.ANSWERED for kind, _ in moments)
    outcome = outcome_of(cause, is_answered=is_answered, is_finished=is_finished)
    events = [EngineEvent(attempt_id, kind, moment) for kind, moment in moments]
    return [*events, EngineEvent(attempt_id, EventKind.OVER, ended_at, outcome, cause)]


def summarize(events: list[EngineEvent]) -> EngineRecord:
    """Return the record of a call that is over, from its events."""
    moments = {event.kind: event.moment for event in events}
    answered_at = moments.get(EventKind.ANSWERED)
    answered_by = "" if answered_at is None else "machine" if EventKind.MACHINE in moments else "human"
    over = events[-1]
    return EngineRecord(over.outcome, over.cause, answered_at, over.moment, answered_by)


class SimulatorEngine:
    """An engine whose calls are simulated. `path` is its SQLite file, and `now` its clock in milliseconds.

    `settings`: "answer", the share of answered calls from 0 to 1; "speed", the seconds that pass for a call in each
    real second, from 1 to 1000; "seed". Each placement stores them, so a change applies to later calls only.
    """

    def __init__(self, path: str, settings: Mapping[str, Any], now: Callable[[], int] = now_ms) -> None:
        self.path = path
        self.settings = (
            float(settings.get("answer", 0.6)),
            float(settings.get("speed", 1)),
            str(settings.get("seed", "")),
        )
        self.now = now
        self.lock = RLock()  # one connection serves all threads
        self.connection: sqlite3.Connection | None = None
        self.heard_at: int | None = None
        self.last_placement: int | None = None  # keys of the last rows that `events` has read
        self.last_hang_up = 0
        self.upcoming: list[tuple[int, int, int, EngineEvent]] = []  # moment, key and position, for a stable order
        self.open: set[str] = set()  # attempts with an upcoming end

    def place(self, placement: Placement) -> NotPlaced | Unsure | None:
        """Store a placement. Returns NotPlaced if the file cannot be written, Unsure for a second one."""
        numbers = (placement.phone_number, placement.from_number, placement.ring_seconds)
        try:
            self.execute(INSERT_PLACEMENT, placement.attempt_id, *numbers, self.now(), *self.settings)
        except sqlite3.IntegrityError:
            return Unsure("the attempt was placed before")
        except EngineUnreachable as error:
            return NotPlaced(str(error))
        return None

    def hang_up(self, attempt_id: str) -> None:
        """Store a hang-up, unless the call is over or unknown. Raises EngineUnreachable."""
        if self.is_live(attempt_id):
            self.execute(INSERT_HANG_UP, attempt_id, self.now())

    def is_live(self, attempt_id: str) -> bool:
        """Return whether the call is not over. Raises EngineUnreachable."""
        events = self.find_events(attempt_id)
        return bool(events) and events[-1].moment > self.now()

    def record(self, attempt_id: str) -> EngineRecord | None:
        """Return what became of a call; None if it is live or was never placed. Raises EngineUnreachable."""
        events = self.find_events(attempt_id)
        return summarize(events) if events and events[-1].moment <= self.now() else None

    def records(self) -> Iterator[tuple[str, EngineRecord | None]]:
        """Iterate over all attempts in the order of their placement, with their records. Raises EngineUnreachable."""
        for row in self.execute(SELECT):
            events = plan_events(row)
            yield row[1], summarize(events) if events[-1].moment <= self.now() else None

    def events(self) -> list[EngineEvent]:
        """Return the events since the last call of this method, or none if the file cannot be read."""
        with self.lock:
            now = self.now()
            try:
                if self.last_placement is None:
                    self.read_live_calls(now)
                self.read_placements()
                self.read_hang_ups()
            except EngineUnreachable:
                return []
            self.heard_at = now
            return list(self.pop_events(now))

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            if self.connection is not None:
                self.connection.close()
            self.connection = None

    def find_events(self, attempt_id: str) -> list[EngineEvent]:
        """Return all events of a call, future ones too; none if it was never placed."""
        rows = self.execute(f"{SELECT} WHERE attempt_id = ?", attempt_id)
        return plan_events(rows[0]) if rows else []

    def read_live_calls(self, now: int) -> None:
        """Start to listen: read the calls that go on. Earlier events were not heard and are lost."""
        self.last_hang_up = self.execute("SELECT coalesce(max(key), 0) FROM hang_ups")[0][0]
        last_placement = self.execute("SELECT coalesce(max(key), 0) FROM placements")[0][0]
        condition = "WHERE placed_at > ? AND key <= ?"
        for row in self.execute(f"{SELECT} {condition}", now - LONGEST_CALL_MS, last_placement):
            events = plan_events(row)
            if events[-1].moment > now:
                self.expect(row, [event for event in events if event.moment > now])
        self.last_placement = last_placement

    def read_placements(self) -> None:
        """Read the placements of all dialers since the last time."""
        for row in self.execute(f"{SELECT} WHERE key > ? ORDER BY key", self.last_placement):
            self.expect(row, plan_events(row))
            self.last_placement = row[0]

    def read_hang_ups(self) -> None:
        """Read the hang-ups of all dialers since the last time, and replace the upcoming events of those calls."""
        rows = self.execute("SELECT key, attempt_id FROM hang_ups WHERE key > ? ORDER BY key", self.last_hang_up)
        if not rows:
            return
        self.last_hang_up = rows[-1][0]
        hung_up = {attempt_id for _, attempt_id in rows} & self.open
        self.upcoming = [entry for entry in self.upcoming if entry[3].attempt_id not in hung_up]
        heapq.heapify(self.upcoming)
        for attempt_id in hung_up:
            row = self.execute(f"{SELECT} WHERE attempt_id = ?", attempt_id)[0]
            self.expect(row, plan_events(row)[-1:])

    def expect(self, row: Row, events: list[EngineEvent]) -> None:
        """Add upcoming events of a call."""
        self.open.add(row[1])
        for position, event in enumerate(events):
            heapq.heappush(self.upcoming, (event.moment, row[0], position, event))

    def pop_events(self, now: int) -> Iterator[EngineEvent]:
        """Iterate over the upcoming events that are due, in chronological order."""
        while self.upcoming and self.upcoming[0][0] <= now:
            event = heapq.heappop(self.upcoming)[3]
            if event.kind is EventKind.OVER:
                self.open.discard(event.attempt_id)
            yield event

    def execute(self, statement: str, *values: object) -> list[Any]:
        """Execute a statement in a transaction of its own. Raises EngineUnreachable and sqlite3.IntegrityError."""
        with self.lock:
            try:
                if self.connection is None:
                    self.connection = open_records(self.path, self.now())
                return self.connection.execute(statement, values).fetchall()
            except sqlite3.IntegrityError:
                raise
            except sqlite3.Error as error:
                self.close()
                raise EngineUnreachable(f"the simulator cannot use its file: {error}") from error


def open_records(path: str, now: int) -> sqlite3.Connection:
    """Open the file of the records, create its tables if it is new, and delete old records."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.executescript(SCHEMA)
    oldest = (now - KEPT_DAYS * DAY_MS,)
    connection.execute("DELETE FROM hang_ups WHERE moment < ?", oldest)
    connection.execute("DELETE FROM placements WHERE placed_at < ?", oldest)
    return connection
