"""Outages: the disk is full, the database is read-only or slow, the clock is set back.

The portal must answer with a clear error, leave nothing half done, and recover by itself.
"""

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
from tests.support.builders import PASSWORD
from tests.support.faults.clock import CLOCK_VARIABLE, ShiftedClock
from tests.support.faults.databases_with_faults import Outage, postgresql_with_faults, sqlite_with_faults
from tests.support.http_client import CONNECTION_ERRORS, ApiClient, ApiResponse, BrowserSession, Workload
from tests.support.servers import ServerProcess
from tests.trials.app import break_server, portal_on, run_portal
from tests.trials.lost_writes import WriteLog
from tests.trials.trial import Conditions, Outcome, Trial

DATABASES_WITH_FAULTS = {"sqlite": sqlite_with_faults, "postgresql": postgresql_with_faults}
MAX_RECOVERY_SECONDS = 5
MAX_WAIT_SECONDS = 30  # for an expected error or a recovery
OUTAGE_SECONDS = 0.5

# The allowed statuses of the list during an outage, and the status that at least one write must receive.
READ_STATUSES = {"full": {200}, "read-only": {200}, "slow": {200, 503}, "line": {200, 503}, "clock": {200}}
WRITE_STATUS = {"full": 507, "read-only": 503, "slow": 503}

# A session survives a clock that is set back by an hour; after more it may have expired when the clock is right again.
SET_BACK_SECONDS = (2, 600, 3_600, 86_400, 31_536_000)
SESSION_SECONDS = 3_600
VISITED = ["200 /batches", "200 /settings/account", "200 /settings/account", "200 /batches", "200 /batches"]


def run(conditions: Conditions) -> Outcome:
    """Cause each outage several times while clients send requests."""
    slow, timeout_ms, megabytes = (10, 3_000, 1_024) if conditions.full else (2.5, 1_500, 128)
    with TemporaryDirectory(prefix="portal-trial-") as name, conditions.monitor.listening():
        folder, times = Path(name), 0
        clock = ShiftedClock(folder / "clock")
        settings = {
            "STATEMENT_TIMEOUT_MS": timeout_ms,
            "BUSY_TIMEOUT_MS": timeout_ms,
            "TOKEN_TOUCH_SECONDS": 1,  # so that reads write as well
            "RATE_PER_TOKEN": 5_000,
            CLOCK_VARIABLE: str(folder / "clock"),
        }
        open_database = DATABASES_WITH_FAULTS[conditions.database]
        with open_database(folder, slow, megabytes) as database, portal_on(database.url) as app:
            write_log = WriteLog(app, conditions.seed)
            with app.app_context():
                db.engine.dispose()  # a disk cannot become read-only while a file is open for writing
            with run_portal(database.portal_url, **settings) as server:
                observer = OutageObserver(write_log, server)
                outages = dict(database.outages) | {"clock": partial(set_clock_back, clock, observer, count())}
                while times < conditions.max_count and not conditions.should_stop(observer.failures):
                    for kind, outage in outages.items():
                        observer.observe(kind, outage)
                    times += 1
                    conditions.report_progress(f"{times} times each, {write_log.acknowledged:,} writes acknowledged")
                observer.workload.stop()
            failures = observer.failures + write_log.check()
            slowest = max(observer.recovery_seconds)
            if conditions.full and slowest > MAX_RECOVERY_SECONDS:
                failures.append(f"the recovery took {slowest:.1f} s")
    errors = {f"{status}, {kind}": f"{number:,}" for (kind, status), number in sorted(observer.errors.items())}
    figures = {"acknowledged": f"{write_log.acknowledged:,}", **errors, "slowest recovery": f"{slowest:.1f} s"}
    return Outcome(times, failures, figures, database.untested)


@dataclass
class OutageObserver:
    """Clients that read and write on a server, and their errors during outages."""

    write_log: WriteLog
    server: ServerProcess
    kind: str = ""  # of the current outage
    workload: Workload = field(init=False)
    errors: Counter[tuple[str, int]] = field(default_factory=Counter)
    recovery_seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.workload = Workload(self.record_response)
        self.write_log.start(self.workload, self.server.port)
        reader = ApiClient(self.server.port, self.write_log.token)
        self.workload.start(lambda: self.read(reader))

    @property
    def failures(self) -> list[str]:
        """The failures so far."""
        return self.workload.failures

    def record_response(self, response: ApiResponse) -> None:
        """Count the error of a write."""
        if response.status in (503, 507):
            self.errors[self.kind or "after it", response.status] += 1
        if response.status == 503 and "retry-after" not in response.headers:
            self.failures.append("a 503 has no Retry-After")

    def read(self, reader: ApiClient) -> None:
        """Request the list."""
        before = self.kind
        try:
            response = reader.send("GET", f"/api/call/batches/{self.write_log.owner.id}")
        except CONNECTION_ERRORS:
            return  # the worker was killed to make a disk read-only
        allowed = {200} | READ_STATUSES.get(before, {200}) | READ_STATUSES.get(self.kind, {200})
        if response.status not in allowed:
            self.failures.append(f"the list answered {response.status} ({before}, {self.kind}): {response.text[:200]}")

    def observe(self, kind: str, outage: Outage) -> None:
        """Cause an outage until a client has received its error, and wait for the recovery."""
        expected = (kind, WRITE_STATUS.get(kind, 0))
        before, deadline = self.errors[expected], time.monotonic() + MAX_WAIT_SECONDS
        with outage(self.server):
            self.kind, started = kind, time.monotonic()
            while time.monotonic() < started + OUTAGE_SECONDS or (expected[1] and self.errors[expected] == before):
                if self.failures:
                    break
                if time.monotonic() > deadline:
                    self.failures.append(f"{kind}: no client received {expected[1]}")
                    break
                time.sleep(0.02)
        self.recovery_seconds.append(self.wait_until_recovered())
        self.kind = ""

    def wait_until_recovered(self) -> float:
        """Wait until a batch can be created; return the seconds."""
        started = time.monotonic()
        client = ApiClient(self.server.port, self.write_log.token)
        body = {"batchName": "Recovered", "callingNumbers": ["+12025550199"]}
        while time.monotonic() < started + MAX_WAIT_SECONDS:
            try:
                if client.send("POST", "/api/call/createBatch", body).status == 201:
                    return time.monotonic() - started
            except CONNECTION_ERRORS:
                pass
            time.sleep(0.02)
        self.failures.append(f"{self.kind}: writes fail {MAX_WAIT_SECONDS} s after the outage")
        return time.monotonic() - started


@contextmanager
def set_clock_back(clock: ShiftedClock, observer: OutageObserver, turns: Any, _server: ServerProcess) -> Iterator[None]:
    """Set the server's clock back within the block; a user must stay signed in, and their form must be accepted."""
    seconds = SET_BACK_SECONDS[next(turns) % len(SET_BACK_SECONDS)]
    browser = BrowserSession(observer.server.port)
    visited = [browser.sign_in(observer.write_log.owner.email, PASSWORD), browser.open("/settings/account")]
    clock.set_back(seconds)
    try:
        visited.append(browser.open("/settings/account", {"name": "Owner", "zone": "UTC"}))
        visited.append(browser.open("/batches"))
        yield
    finally:
        clock.set_back(0)
    last = browser.open("/batches")
    if seconds <= SESSION_SECONDS:
        visited.append(last)
    if visited != VISITED[: len(visited)] or not last.startswith("200 "):
        observer.failures.append(f"with the clock set back by {seconds} s, a user visited {visited}, {last}")


TRIAL = Trial(
    name="outages",
    title="outages: disk full, read-only database, a 10 s slow database, clock set back",
    passes_when="a clear 503 or 507, nothing half done, recovers by itself",
    unit="times each",
    full=20,
    short=1,
    starts_servers=True,
    run=run,
    defects={
        "an outage of the database is reported as an internal error": partial(break_server, "answers 500"),
        "one transaction in five is lost": partial(break_server, "loses commits"),
        "setting the clock back signs users out": partial(break_server, "trusts the clock"),
        "a read-only database stays read-only": partial(break_server, "stays read-only"),
    },
)
