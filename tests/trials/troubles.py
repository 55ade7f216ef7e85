"""The disk is full, the database is read-only or slow, the clock is set back: whoever asks is told so plainly, nothing
is half done, and the portal is well again by itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from portal.extensions import db
from tests.benchmarks.servers import Server
from tests.support.builders import PASSWORD
from tests.trials.acknowledged import Ledger
from tests.trials.clock import CLOCK, Clock
from tests.trials.databases import portal_on
from tests.trials.grounds import Bringing, on_postgresql, on_sqlite
from tests.trials.person import Person
from tests.trials.servers import UNANSWERED, Answer, Caller, Callers, broken_server, portal_server
from tests.trials.trial import Conditions, Outcome, Trial

GROUNDS = {"sqlite": on_sqlite, "postgresql": on_postgresql}
WELL_AGAIN_SECONDS = 5
WAIT_SECONDS = 30  # for whoever is told, and for what should be well again, before that is given up
LASTS_SECONDS = 0.5

# What a list may be answered with while there is trouble, and what one at least who changes something must be told.
READS = {"full": {200}, "read-only": {200}, "slow": {200, 503}, "line": {200, 503}, "clock": {200}}
TOLD = {"full": 507, "read-only": 503, "slow": 503}

# How far a clock is set back; a session outlives an hour, and may have ended when the clock is right again after more.
SET_BACK_SECONDS = (2, 600, 3_600, 86_400, 31_536_000)
SESSION_SECONDS = 3_600


def run(conditions: Conditions) -> Outcome:
    """Bring each trouble, so many times, while programs go on asking."""
    slow, patience_ms, megabytes = (10, 3_000, 1_024) if conditions.full else (2.5, 1_500, 128)
    with TemporaryDirectory(prefix="portal-trial-") as name, conditions.watch.listening():
        folder, times = Path(name), 0
        clock = Clock(folder / "clock")
        settings = {
            "STATEMENT_TIMEOUT_MS": patience_ms,
            "BUSY_TIMEOUT_MS": patience_ms,
            "TOKEN_TOUCH_SECONDS": 1,  # reading writes, too
            "RATE_PER_TOKEN": 5_000,
            CLOCK: str(folder / "clock"),
        }
        with GROUNDS[conditions.database](folder, slow, megabytes) as ground, portal_on(ground.url) as app:
            ledger = Ledger(app, conditions.seed)
            with app.app_context():
                db.engine.dispose()  # a disk cannot be made read-only while somebody has a file open to write
            with portal_server(ground.served, **settings) as server:
                office = Office(ledger, server)
                kinds = dict(ground.troubles) | {"clock": partial(set_back, clock, office, count())}
                while times < conditions.most and not conditions.enough(office.failures):
                    for kind, bring in kinds.items():
                        office.go_through(kind, bring)
                    times += 1
                    conditions.tell(f"{times} times each, {ledger.acknowledged:,} changes acknowledged")
                office.callers.stop()
            failures = office.failures + ledger.check()
            slowest = max(office.well_again_after)
            if conditions.full and slowest > WELL_AGAIN_SECONDS:
                failures.append(f"after {slowest:.1f} s it was not well again")
    told = {f"{status}, {kind}": f"{many:,}" for (kind, status), many in sorted(office.told.items())}
    figures = {"acknowledged": f"{ledger.acknowledged:,}", **told, "well again after": f"{slowest:.1f} s"}
    return Outcome(times, failures, figures, ground.left_out)


@dataclass
class Office:
    """Programs that read and change things on a server, and what they are told while there is trouble."""

    ledger: Ledger
    server: Server
    kind: str = ""  # the trouble that there is
    callers: Callers = field(init=False)
    told: Counter[tuple[str, int]] = field(default_factory=Counter)
    well_again_after: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.callers = Callers(self.hear)
        self.ledger.start(self.callers, self.server.port)
        reader = Caller(self.server.port, self.ledger.token)
        self.callers.start(lambda: self.read(reader))

    @property
    def failures(self) -> list[str]:
        """What was not as it should be."""
        return self.callers.failures

    def hear(self, answer: Answer) -> None:
        """Somebody who changes something was answered."""
        if answer.status in (503, 507):
            self.told[self.kind or "after it", answer.status] += 1
        if answer.status == 503 and "retry-after" not in answer.headers:
            self.failures.append("a 503 does not say when to come again")

    def read(self, reader: Caller) -> None:
        """Ask for the list."""
        before = self.kind
        try:
            answer = reader.ask("GET", f"/api/call/batches/{self.ledger.owner.id}")
        except UNANSWERED:
            return  # a worker was killed to make a disk read-only
        if answer.status not in {200} | READS.get(before, {200}) | READS.get(self.kind, {200}):
            self.failures.append(f"the list answered {answer.status} ({before}, {self.kind}): {answer.text[:200]}")

    def go_through(self, kind: str, bring: Bringing) -> None:
        """Have that trouble until somebody was told of it, and be well again after it."""
        wanted = (kind, TOLD.get(kind, 0))
        before, until = self.told[wanted], time.monotonic() + WAIT_SECONDS
        with bring(self.server):
            self.kind, began = kind, time.monotonic()
            while time.monotonic() < began + LASTS_SECONDS or (wanted[1] and self.told[wanted] == before):
                if self.failures:
                    break
                if time.monotonic() > until:
                    self.failures.append(f"{kind}: nobody was told {wanted[1]}")
                    break
                time.sleep(0.02)
        self.well_again_after.append(self.well_again())
        self.kind = ""

    def well_again(self) -> float:
        """How long it takes until a list comes and a batch can be made."""
        began = time.monotonic()
        caller = Caller(self.server.port, self.ledger.token)
        body = {"batchName": "Well again", "callingNumbers": ["+12025550199"]}
        while time.monotonic() < began + WAIT_SECONDS:
            try:
                if caller.ask("POST", "/api/call/createBatch", body).status == 201:
                    return time.monotonic() - began
            except UNANSWERED:
                pass
            time.sleep(0.02)
        self.failures.append(f"{self.kind}: {WAIT_SECONDS} s after it nothing can be changed")
        return time.monotonic() - began


@contextmanager
def set_back(clock: Clock, office: Office, times: Any, _server: Server) -> Iterator[None]:
    """The server's clock is set back, and put right after the block; who was signed in stays so, and their form is
    taken."""
    seconds = SET_BACK_SECONDS[next(times) % len(SET_BACK_SECONDS)]
    person = Person(office.server.port)
    went = [person.sign_in(office.ledger.owner.email, PASSWORD), person.open("/settings/account")]
    clock.set_back(seconds)
    try:
        went.append(person.open("/settings/account", {"name": "Owner", "zone": "UTC"}))
        went.append(person.open("/batches"))
        yield
    finally:
        clock.set_back(0)
    last = person.open("/batches")
    if seconds <= SESSION_SECONDS:
        went.append(last)
    if went != EXPECTED[: len(went)] or not last.startswith("200 "):
        office.failures.append(f"a person was led to {went}, {last} when the clock was set back by {seconds} s")


EXPECTED = ["200 /batches", "200 /settings/account", "200 /settings/account", "200 /batches", "200 /batches"]


TRIAL = Trial(
    name="troubles",
    title="disk full, read-only database, a 10 s slow database, clock set back",
    passes_when="a clear 503 or 507, nothing half done, recovers by itself",
    unit="times each",
    full=20,
    short=1,
    serves=True,
    run=run,
    broken={
        "trouble of the database is a fault of the portal's": partial(broken_server, "answers 500"),
        "one transaction in five is lost": partial(broken_server, "loses some"),
        "who is signed in is not when the clock is set back": partial(broken_server, "believes the clock"),
        "what was read-only stays so": partial(broken_server, "never looks again"),
    },
)
