"""Batches that dialer processes dial, and their books: the engine's records, the attempts, and the portal's counts."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask

from portal.batches.actions import change_status, create_batch
from portal.batches.derived import check
from portal.dialing.engines.simulator import SimulatorEngine
from portal.extensions import db
from portal.live import live_batches, live_calls
from portal.models import Attempt, Batch, BatchAction, Call, Channel, QueueStatus, Trunk, User
from portal.models.actor import Actor
from portal.models.call import PICKED_STATUSES
from portal.version import ROOT
from tests.support.builders import Builder
from tests.support.databases import ENVIRONMENT
from tests.support.servers import LOGS, stop_process_group
from tests.trials.served_app import DEFECT_VARIABLE
from tests.trials.trial import Conditions

NUMBERS = 100  # of a caller number range
FAST = {"answer": 0.6, "speed": 1000.0, "seed": 1}


@dataclass(frozen=True)
class BookedCall:
    """What an engine's own record says of a call; outcome None = it goes on."""

    phone_number: str
    outcome: str | None
    was_answered: bool


class Campaign:
    """An owner with trunks, whose batches dialers dial. `folder` is the instance folder of the dialers."""

    def __init__(self, conditions: Conditions, app: Flask, folder: Path) -> None:
        self.conditions = conditions
        self.app = app
        self.folder = folder
        self.build = Builder(app)
        self.owner: User = self.build.create_user("owner")
        self.by = Actor(self.owner.key, Channel.API)
        self.trunks: list[Trunk] = []
        self.numbers: list[str] = []

    def add_trunk(self, **columns: Any) -> Trunk:
        """Add a trunk with a caller number; by default a fast simulator."""
        defaults = {"lines": 1000, "per_second": 100, "ring_seconds": 15, "settings": FAST}
        trunk = self.build.create_trunk(self.owner, **(defaults | columns))
        self.numbers.append(f"+12025550{100 + len(self.numbers)}")
        self.build.create_caller_number(self.owner, self.numbers[-1], trunk_key=trunk.key)
        self.trunks.append(trunk)
        return trunk

    def start_batch(self, name: str, phone_numbers: Iterable[str], **settings: Any) -> str:
        """Create a batch and start it; return its id."""
        defaults = {"callingNumbers": self.numbers, "useCalleeZone": False, "retry": 1, "delay": 1}
        with self.app.app_context():
            batch = create_batch(self.by, name, defaults | settings, ((number, {}) for number in phone_numbers))
            change_status(self.by, batch.id, BatchAction.START)
            return batch.id

    def dialer(self, name: str = "dialer") -> Any:
        """Run a dialer process within a block; it yields the process."""
        return run_dialer(name, self.app.config["SQLALCHEMY_DATABASE_URI"], self.folder)

    def count_open(self) -> int:
        """Return the number of batches that are active."""
        with self.app.app_context():
            active = live_batches(self.owner.key).where(Batch.status == QueueStatus.ACTIVE)
            return len(db.session.execute(active.with_only_columns(Batch.key)).all())

    def wait_until_complete(self, seconds: float) -> list[str]:
        """Wait until every batch has completed; return a failure if that takes too long."""
        deadline = time.monotonic() + seconds
        while remaining := self.count_open():
            if time.monotonic() > deadline:
                return [f"{remaining} batches have not completed after {seconds:,.0f} s"]
            time.sleep(0.2)
        return []

    def read_simulators(self) -> dict[str, BookedCall]:
        """Return the records of all simulators, by attempt."""
        book: dict[str, BookedCall] = {}
        for trunk in self.trunks:
            path = self.folder / "simulators" / f"{trunk.id}.sqlite3"
            with sqlite3.connect(path) as connection:
                numbers = dict(connection.execute("SELECT attempt_id, phone_number FROM placements").fetchall())
            connection.close()
            engine = SimulatorEngine(str(path), trunk.settings)
            for attempt_id, record in engine.records():
                outcome = record.outcome if record else None
                was_answered = bool(record and record.answered_at is not None)
                book[attempt_id] = BookedCall(numbers[attempt_id], outcome, was_answered)
            engine.close()
        return book

    def fetch_attempts(self) -> list[Any]:
        """Return all attempts with the ids of their calls, by call and number."""
        with self.app.app_context():
            statement = live_calls(self.owner.key).join(Attempt).with_only_columns(Attempt.__table__)
            return list(db.session.execute(statement.order_by(Attempt.call_key, Attempt.number)))

    def compare_books(self, book: Mapping[str, BookedCall], retry: int = 1) -> list[str]:
        """Compare the engine's book, the attempts and the portal's counts, row by row; return the differences."""
        attempts = self.fetch_attempts()
        failures = list(compare_attempts(attempts, book, retry))
        with self.app.app_context():
            calls = db.session.execute(live_calls(self.owner.key).with_only_columns(Call.__table__)).all()
            batches = db.session.execute(live_batches(self.owner.key).with_only_columns(Batch.__table__)).all()
        return failures + list(compare_counts(attempts, book, calls, batches)) + self.find_differences()

    def find_differences(self) -> list[str]:
        """Return the differences between the portal's kept counts and its rows."""
        with self.app.app_context():
            return [str(difference) for difference in check.find_all_differences(lambda _count: None)]


def compare_attempts(attempts: Iterable[Any], book: Mapping[str, BookedCall], retry: int) -> Iterator[str]:
    """Yield each difference between attempts and the engine's records, and each number that rang too often."""
    known = {attempt.id for attempt in attempts}
    if unknown := book.keys() - known:
        yield f"{len(unknown)} calls of the engine belong to no attempt"
    rung: Counter[int] = Counter()
    for attempt in attempts:
        record = book.get(attempt.id)
        rung[attempt.call_key] += record is not None
        if attempt.state != "ended":
            yield f"attempt {attempt.id} has not ended"
        elif record is None:
            if not attempt.lost:
                yield f"attempt {attempt.id} is {attempt.outcome}, and the engine does not know it"
        elif (attempt.outcome, attempt.phone_number) != (record.outcome, record.phone_number):
            yield f"attempt {attempt.id} is {attempt.outcome}, lost {attempt.lost}; the engine has {record.outcome}"
    worst = max(rung.values(), default=0)
    if worst > retry + 1:
        yield f"a contact was rung {worst} times"


def compare_counts(
    attempts: Iterable[Any], book: Mapping[str, BookedCall], calls: Iterable[Any], batches: Iterable[Any]
) -> Iterator[str]:
    """Yield each call and batch whose state differs from that which follows from the engine's records."""
    final: dict[int, str] = {}
    picked: set[int] = set()
    for attempt in attempts:
        record = book.get(attempt.id)
        final[attempt.call_key] = record.outcome if record and record.outcome else attempt.outcome
        if record and record.was_answered:
            picked.add(attempt.call_key)
    counts: dict[int, Counter[str]] = {}
    for call in calls:
        count = counts.setdefault(call.batch_key, Counter())
        count.update(total=1, called=call.key in final, completed=final.get(call.key) == "completed")
        count.update(picked=call.key in picked)
        if call.status != final.get(call.key):
            yield f"call {call.id} is {call.status}; by the engine's records it is {final.get(call.key)}"
        if (call.status in PICKED_STATUSES) and call.key not in picked:
            yield f"call {call.id} is {call.status} without an answer"
    for batch in batches:
        expected = counts.get(batch.key, Counter())
        shown = (batch.total_calls, batch.calls_called, batch.calls_picked, batch.calls_completed)
        if shown != tuple(expected[name] for name in ("total", "called", "picked", "completed")):
            yield f"batch {batch.id} counts {shown}; by the engine's records it is {dict(expected)}"


@contextmanager
def run_dialer(name: str, url: str, folder: Path) -> Iterator[Any]:
    """Run a dialer on a database within a block."""
    LOGS.mkdir(parents=True, exist_ok=True)
    environ = ENVIRONMENT | {"DATABASE_URL": url, "INSTANCE_DIR": str(folder), "LOG_LEVEL": "INFO"}
    environ |= {DEFECT_VARIABLE: os.environ.get(DEFECT_VARIABLE, "")}
    command = (sys.executable, "-m", "flask", "--app", "tests.trials.served_app", "dial")
    with (LOGS / f"{name}.log").open("w") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        stop_process_group(process)


def phone_numbers(count: int) -> list[str]:
    """Return this many fictional numbers."""
    codes = [code for code in range(201, 1000) if code % 100 != 11 and code // 10 % 10 != 9]
    return [f"+1{codes[number // NUMBERS]}55501{number % NUMBERS:02}" for number in range(count)]
