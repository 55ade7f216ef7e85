"""A backup under writes, then restored elsewhere: it equals a moment that was committed, all of it and nothing half."""

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
from tests.support.services import postgresql_programs
from tests.trials.acknowledged import number_at
from tests.trials.databases import open_app
from tests.trials.migrations import add_ballast
from tests.trials.servers import Callers
from tests.trials.trial import Conditions, Outcome, Trial

WRITERS = 3
OWN = "Batch "  # and a number: what a writer's batches are called
EACH = 3  # calls of a batch, and events of it, each in one request

# Batches that lie there from before.
BALLAST = 20_000

# So many steps are acknowledged between two backups.
STEPS = 12
FEW_STEPS = 4  # in the short form
PATIENCE_SECONDS = 120


@dataclass
class Writer:
    """A program of one owner that makes a batch, fills it, reports on it, over and over, one step after the other.

    `began` and `ended` hold when each step was sent and when it was acknowledged.
    """

    app: Flask
    place: int
    owner_key: int
    token: str
    began: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)
    batch_id: str = ""
    call_ids: list[str] = field(default_factory=list)

    def step(self) -> None:
        """The next step. Raises AssertionError where it is not taken."""
        number, what = divmod(len(self.ended), 3)
        self.began.append(time.monotonic())
        if what == 0:
            body = {"batchName": f"{OWN}{number}", "callingNumbers": ["+12025550199"]}
            self.batch_id = self.ask("createBatch", body)
        elif what == 1:
            numbers = [number_at(number * EACH + one) for one in range(EACH)]
            body = {"batchId": self.batch_id, "call_data": [{"phoneNumber": one} for one in numbers]}
            self.call_ids = self.ask("addCallsToBatch", body)["callIds"]
        else:
            said = {"callStatus": "completed", "callDuration": 5, "occurredAt": "2025-05-01T12:01:04.000Z"}
            events = [said | {"callId": call, "eventId": f"{number}-{call}"} for call in self.call_ids]
            assert self.ask("call-events", {"events": events})["applied"] == EACH
        self.ended.append(time.monotonic())

    def ask(self, what: str, body: Any) -> Any:
        """What the portal answers as data."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.app.test_client().post(f"/api/call/{what}", json=body, headers=headers)
        assert answer.status_code in (200, 201), f"{what}: {answer.text[:200]}"
        return answer.json["data"]

    def restored(self) -> tuple[int, list[str]]:
        """How many of the steps stand in the database of the app, and what is half there or stands after a gap."""
        sizes = select(Batch.name, func.count(Call.key.distinct()), func.count(CallEvent.key.distinct()))
        joined = sizes.outerjoin(Call, Call.batch_key == Batch.key).outerjoin(CallEvent, CallEvent.call_key == Call.key)
        found = db.session.execute(joined.where(Batch.owner_key == self.owner_key).group_by(Batch.key, Batch.name))
        stages = {(0, 0): 1, (EACH, 0): 2, (EACH, EACH): 3}
        kept = {name: stages.get((calls, events)) for name, calls, events in found}
        reached = {int(name[len(OWN) :]): stage for name, stage in kept.items() if name.startswith(OWN)}
        # What lay in the file before, which a copy without its log brings back.
        wrong = [f"writer {self.place}: {name} is of an earlier time" for name in kept if not name.startswith(OWN)]
        wrong += [
            f"writer {self.place}: batch {number} is half there" for number, stage in reached.items() if not stage
        ]
        whole = range(len(reached))
        gaps = [number for number in whole if reached.get(number) != 3 and number != whole[-1]]
        wrong += [f"writer {self.place}: batch {number} misses what was done before others" for number in gaps]
        return sum(stage or 0 for stage in reached.values()), wrong


def run(conditions: Conditions) -> Outcome:
    """Write from some sides; meanwhile back up, restore elsewhere, and look, as often as is asked."""
    failures: list[str] = []
    done = 0
    backup_seconds: list[float] = []
    with (
        programs_of(conditions.database),
        conditions.app() as app,
        open_app(conditions.database) as elsewhere,
        TemporaryDirectory() as folder,
    ):
        if conditions.full:  # so that a copy takes a while, and much is written meanwhile
            add_ballast(app, Builder(app).create_user("ballast"), BALLAST)
        writers, callers = list(writers_on(app)), Callers()
        for writer in writers:
            callers.start(writer.step)
        while done < conditions.most and not callers.failures and not conditions.enough(failures):
            wait_for_steps(writers, callers, STEPS if conditions.full else FEW_STEPS)
            file = Path(folder) / f"backup-{done}"
            before = [len(writer.ended) for writer in writers]
            began = time.monotonic()
            failures += command(app, "backup", str(file))
            backup_seconds.append(time.monotonic() - began)
            after = [len(writer.began) for writer in writers]
            if file.exists():
                failures += command(elsewhere, "restore", str(file), "--replace", "--yes")
                failures += compared(elsewhere, writers, before, after)
                file.unlink()
            done += 1
            conditions.tell(f"{done} backups, {sum(after):,} steps")
        callers.stop()
        steps = sum(len(writer.ended) for writer in writers)
    figures = {"steps": f"{steps:,}", "slowest backup": f"{max(backup_seconds):.1f} s"}
    return Outcome(done, failures + callers.failures, figures)


@contextmanager
def programs_of(database: str) -> Iterator[None]:
    """The programs of the trials' own server can be found, where a machine has no others. Raises Missing."""
    path = os.environ["PATH"] + (f":{postgresql_programs()}" if database == "postgresql" else "")
    with patch.dict(os.environ, {"PATH": path}):
        yield


def writers_on(app: Flask) -> Iterator[Writer]:
    """Programs of an owner each."""
    build = Builder(app)
    for place in range(WRITERS):
        owner = build.create_user(f"owner{place}")
        yield Writer(app, place, owner.key, build.create_token(owner, Scope.READ, Scope.WRITE))


def wait_for_steps(writers: list[Writer], callers: Callers, steps: int) -> None:
    """Until each has got on by so many steps. Raises TimeoutError where one does not."""
    goal = [len(writer.ended) + steps for writer in writers]
    until = time.monotonic() + PATIENCE_SECONDS
    while any(len(writer.ended) < least for writer, least in zip(writers, goal, strict=True)):
        if callers.failures:
            return
        if time.monotonic() > until:
            raise TimeoutError("a writer does not get on")
        time.sleep(0.01)


def command(app: Flask, *words: str) -> list[str]:
    """What a command said that failed."""
    done = app.test_cli_runner().invoke(args=words)
    said = [line for line in done.output.splitlines() if line.startswith("Error: ")]  # the log stands among it
    return [] if done.exit_code == 0 else [f"{words[0]}: {' '.join(said) or done.exit_code}"]


def compared(elsewhere: Flask, writers: list[Writer], before: list[int], after: list[int]) -> list[str]:
    """What is not as at one moment between the backup's beginning and its end."""
    failures: list[str] = []
    with elsewhere.app_context():
        found = [writer.restored() for writer in writers]
    for writer, (steps, wrong), least, most in zip(writers, found, before, after, strict=True):
        failures += wrong
        if not least <= steps <= most:
            failures.append(f"writer {writer.place}: {steps} steps, of {least} acknowledged and {most} begun")
    if failures:  # steps that nobody took here have no beginning to compare
        return failures
    # Whatever was acknowledged before a step began that is there, must be there too.
    reached = [steps for steps, _wrong in found]
    latest = max((writer.began[steps - 1] for writer, steps in zip(writers, reached, strict=True) if steps), default=0)
    for writer, steps in zip(writers, reached, strict=True):
        if steps < len(writer.ended) and writer.ended[steps] < latest:
            failures.append(f"writer {writer.place}: step {steps} is missing, and a later one of another is there")
    return failures


@contextmanager
def copied_without_its_log() -> Iterator[None]:
    """The file is copied as it lies there, by `cp`.

    Not in this process: whoever closes a file that he opened past SQLite lets go of all the locks that his process has
    on it, and another process could then take the database's log away from under this one.
    """

    def write(engine: Engine, path: Path, _advance: object) -> None:
        subprocess.run(["cp", str(engine.url.database), str(path)], check=True)

    with patch.object(sqlite, "write", write):
        yield


@contextmanager
def copied_in_two_moments() -> Iterator[None]:
    """One table is of a later moment than the others, as where each is copied by a transaction of its own."""
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
    title="backup under writes, then restore",
    passes_when="equals a committed moment",
    unit="backups",
    full=30,
    short=2,
    run=run,
    broken={
        "the file is copied without its log": copied_without_its_log,
        "a table is of a later moment": copied_in_two_moments,
    },
)
