"""Backups during writes, restored to another database: each equals one committed state, complete and without gaps."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from flask import Flask
from sqlalchemy import Engine, func, select

from portal.backups import sqlite
from portal.extensions import db
from portal.models import Batch, Call, CallEvent, Scope
from tests.support.builders import Builder
from tests.support.http_client import Workload
from tests.support.postgresql import find_postgresql_programs
from tests.trials.app import open_app
from tests.trials.lost_writes import phone_number_at
from tests.trials.migrations import add_batches
from tests.trials.trial import Conditions, Outcome, Trial

WRITERS = 3
NAME_PREFIX = "Batch "  # of a client's batches, followed by a number
CALLS_PER_BATCH = 3  # and events, each kind in one request

# Batches before the first backup.
BALLAST = 20_000

# Acknowledged steps between two backups.
STEPS = 12
SHORT_STEPS = 4  # in the short form
TIMEOUT_SECONDS = 120


@dataclass
class WritingClient:
    """A client of one owner that creates a batch, fills it and reports its calls, again and again.

    `started` and `ended` contain the times at which each step was sent and acknowledged.
    """

    app: Flask
    index: int
    owner_key: int
    token: str
    started: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    batch_id: str = ""
    call_ids: list[str] = field(default_factory=list)

    def step(self) -> None:
        """Send the next step. Raises AssertionError if it fails."""
        number, stage = divmod(len(self.ended), 3)
        self.started.append(time.monotonic())
        if stage == 0:
            body = {"batchName": f"{NAME_PREFIX}{number}", "callingNumbers": ["+12025550199"]}
            self.batch_id = self.send("createBatch", body)
        elif stage == 1:
            numbers = [phone_number_at(number * CALLS_PER_BATCH + one) for one in range(CALLS_PER_BATCH)]
            body = {"batchId": self.batch_id, "call_data": [{"phoneNumber": one} for one in numbers]}
            self.call_ids = self.send("addCallsToBatch", body)["callIds"]
        else:
            outcome = {"callStatus": "completed", "callDuration": 5, "occurredAt": "2025-05-01T12:01:04.000Z"}
            events = [outcome | {"callId": call, "eventId": f"{number}-{call}"} for call in self.call_ids]
            assert self.send("call-events", {"events": events})["applied"] == CALLS_PER_BATCH
        self.ended.append(time.monotonic())

    def send(self, endpoint: str, body: Any) -> Any:
        """Return the data of the response."""
        headers = {"Authorization": f"Bearer {self.token}"}
        response = self.app.test_client().post(f"/api/call/{endpoint}", json=body, headers=headers)
        assert response.status_code in (200, 201), f"{endpoint}: {response.text[:200]}"
        return response.json["data"]

    def restored(self) -> tuple[int, list[str]]:
        """Return the number of steps in the app's database, and what is incomplete or out of order."""
        sizes = select(Batch.name, func.count(Call.key.distinct()), func.count(CallEvent.key.distinct()))
        joined = sizes.outerjoin(Call, Call.batch_key == Batch.key).outerjoin(CallEvent, CallEvent.call_key == Call.key)
        found = db.session.execute(joined.where(Batch.owner_key == self.owner_key).group_by(Batch.key, Batch.name))
        stages = {(0, 0): 1, (CALLS_PER_BATCH, 0): 2, (CALLS_PER_BATCH, CALLS_PER_BATCH): 3}
        stored = {name: stages.get((calls, events)) for name, calls, events in found}
        reached = {
            int(name[len(NAME_PREFIX) :]): stage for name, stage in stored.items() if name.startswith(NAME_PREFIX)
        }
        # Rows of an earlier trial, which a copy without the log can contain.
        problems = [
            f"writer {self.index}: {name} is older than this trial"
            for name in stored
            if not name.startswith(NAME_PREFIX)
        ]
        problems += [
            f"writer {self.index}: batch {number} is incomplete" for number, stage in reached.items() if not stage
        ]
        whole = range(len(reached))
        gaps = [number for number in whole if reached.get(number) != 3 and number != whole[-1]]
        problems += [f"writer {self.index}: batch {number} lacks steps that precede existing ones" for number in gaps]
        return sum(stage or 0 for stage in reached.values()), problems


def run(conditions: Conditions) -> Outcome:
    """Write from several clients; meanwhile back up, restore to another database, and compare."""
    failures: list[str] = []
    done = 0
    backup_seconds: list[float] = []
    with (
        postgresql_on_path(conditions.database),
        conditions.app() as app,
        open_app(conditions.database) as target,
        TemporaryDirectory() as folder,
    ):
        if conditions.full:  # so that a backup takes long enough for many writes
            add_batches(app, Builder(app).create_user("ballast"), BALLAST)
        writers, workload = list(create_writers(app)), Workload()
        for writer in writers:
            workload.start(writer.step)
        while done < conditions.max_count and not workload.failures and not conditions.should_stop(failures):
            wait_for_steps(writers, workload, STEPS if conditions.full else SHORT_STEPS)
            file = Path(folder) / f"backup-{done}"
            before = [len(writer.ended) for writer in writers]
            started = time.monotonic()
            failures += run_command(app, "backup", str(file))
            backup_seconds.append(time.monotonic() - started)
            after = [len(writer.started) for writer in writers]
            if file.exists():
                failures += run_command(target, "restore", str(file), "--replace", "--yes")
                failures += find_differences(target, writers, before, after)
                file.unlink()
            done += 1
            conditions.report_progress(f"{done} backups, {sum(after):,} steps")
        workload.stop()
        steps = sum(len(writer.ended) for writer in writers)
    figures = {"steps": f"{steps:,}", "slowest backup": f"{max(backup_seconds):.1f} s"}
    return Outcome(done, failures + workload.failures, figures)


@contextmanager
def postgresql_on_path(database: str) -> Iterator[None]:
    """Add PostgreSQL's programs to the PATH. Raises ServiceMissing."""
    path = os.environ["PATH"] + (f":{find_postgresql_programs()}" if database == "postgresql" else "")
    with patch.dict(os.environ, {"PATH": path}):
        yield


def create_writers(app: Flask) -> Iterator[WritingClient]:
    """Create one client for each owner."""
    build = Builder(app)
    for index in range(WRITERS):
        owner = build.create_user(f"owner{index}")
        yield WritingClient(app, index, owner.key, build.create_token(owner, Scope.READ, Scope.WRITE))


def wait_for_steps(writers: list[WritingClient], workload: Workload, steps: int) -> None:
    """Wait until each client has finished some steps. Raises TimeoutError."""
    goal = [len(writer.ended) + steps for writer in writers]
    until = time.monotonic() + TIMEOUT_SECONDS
    while any(len(writer.ended) < minimum for writer, minimum in zip(writers, goal, strict=True)):
        if workload.failures:
            return
        if time.monotonic() > until:
            raise TimeoutError("a client makes no progress")
        time.sleep(0.01)


def run_command(app: Flask, *arguments: str) -> list[str]:
    """Run a command; return its errors."""
    done = app.test_cli_runner().invoke(args=arguments)
    output = [line for line in done.output.splitlines() if line.startswith("Error: ")]  # among the log lines
    return [] if done.exit_code == 0 else [f"{arguments[0]}: {' '.join(output) or done.exit_code}"]


def find_differences(target: Flask, writers: list[WritingClient], before: list[int], after: list[int]) -> list[str]:
    """Return the differences from a single state between the start and the end of the backup."""
    failures: list[str] = []
    with target.app_context():
        found = [writer.restored() for writer in writers]
    for writer, (steps, problems), minimum, max_count in zip(writers, found, before, after, strict=True):
        failures += problems
        if not minimum <= steps <= max_count:
            failures.append(f"writer {writer.index}: {steps} steps, of {minimum} acknowledged and {max_count} begun")
    if failures:  # a wrong number of steps has no start time
        return failures
    # Every step that was acknowledged before a stored step started must be stored, too.
    reached = [steps for steps, _wrong in found]
    latest = max(
        (writer.started[steps - 1] for writer, steps in zip(writers, reached, strict=True) if steps), default=0
    )
    for writer, steps in zip(writers, reached, strict=True):
        if steps < len(writer.ended) and writer.ended[steps] < latest:
            failures.append(
                f"writer {writer.index}: step {steps} is missing, but a later one of another client is stored"
            )
    return failures


@contextmanager
def copy_without_log() -> Iterator[None]:
    """Copy the database file without its write-ahead log.

    `cp` does it in another process: closing a file that was opened without SQLite would release all of this process's
    locks on it.
    """

    def write(engine: Engine, path: Path, _advance: object) -> None:
        subprocess.run(["cp", str(engine.url.database), str(path)], check=True)

    with patch.object(sqlite, "write", write):
        yield


@contextmanager
def copy_in_two_steps() -> Iterator[None]:
    """Copy one table later than the others, as with a transaction per table."""
    whole = sqlite.write

    def write(engine: Engine, path: Path, advance: Any) -> None:
        whole(engine, path, advance)
        time.sleep(0.5)
        with closing(sqlite3.connect(path, isolation_level=None)) as copy:
            copy.execute("ATTACH ? AS live", [engine.url.database])
            copy.execute("DELETE FROM call_events")
            copy.execute("INSERT INTO call_events SELECT * FROM live.call_events")

    with patch.object(sqlite, "write", write):
        yield


TRIAL = Trial(
    name="backups",
    title="backup during writes, then restore",
    passes_when="equals a committed state",
    unit="backups",
    full=30,
    short=2,
    run=run,
    defects={
        "the file is copied without its log": copy_without_log,
        "a table is copied later": copy_in_two_steps,
    },
)
