"""SQLite under as many writers as it can get: nobody is told that the database is locked, and every count is exact."""

from __future__ import annotations

import time
from functools import partial
from itertools import count
from unittest.mock import patch

from trials.acknowledged import Ledger
from trials.servers import Caller, Callers, portal_server
from trials.trial import Conditions, Outcome, Trial

PROCESSES, THREADS = 4, 16
WRITERS = 32
IMPATIENT = "BUSY_TIMEOUT_MS"


def run(conditions: Conditions) -> Outcome:
    """Write for so many seconds from all sides at once."""
    with conditions.app() as app:
        ledger, callers, statuses = Ledger(app, conditions.seed), Callers(), []
        settings = {"WEB_WORKERS": PROCESSES, "WEB_THREADS": THREADS, IMPATIENT: PATIENCE["ms"]}
        with portal_server(app.config["SQLALCHEMY_DATABASE_URI"], **settings) as server:
            for which in range(WRITERS):
                caller, turns = callers.caller(server.port, ledger.token, keep=True), count(which * 1000)
                callers.start(partial(make_and_report, ledger, caller, callers, turns, statuses))
            until = time.monotonic() + conditions.count
            while time.monotonic() < until and not callers.failures:
                time.sleep(0.1)
            callers.stop()
        failures = callers.failures + ledger.check()
    return Outcome(conditions.count, failures, {"writes": f"{len(statuses):,}"})


PATIENCE = {"ms": 15_000}


def make_and_report(ledger: Ledger, caller: Caller, callers: Callers, turns: count, statuses: list[int]) -> None:
    """One write of one of three kinds; what is not a success is a failure of the trial."""
    turn = next(turns)
    if turn % 3 == 0:
        path, body = "createBatch", {"batchName": f"Batch {turn}", "callingNumbers": ["+12025550199"]}
    elif turn % 3 == 1:
        numbers = [ledger.number() for _ in range(2)]
        path, body = (
            "addCallsToBatch",
            {"batchId": ledger.filled.id, "call_data": [{"phoneNumber": n} for n in numbers]},
        )
    else:
        said = {"callStatus": "completed", "callDuration": 5, "occurredAt": "2025-05-01T12:01:04.000Z"}
        event = said | {"eventId": f"event-{turn}", "callId": ledger.calls[turn % (len(ledger.calls) // 2)]}
        path, body = "call-events", {"events": [event]}
    answer = caller.ask("POST", f"/api/call/{path}", body)
    statuses.append(answer.status)
    if answer.status not in (200, 201):
        callers.failures.append(f"{path} answered {answer.status}: {answer.text[:200]}")
    elif path == "addCallsToBatch":
        ledger.added += numbers
    elif path == "call-events":
        ledger.events.append(event["eventId"])


TRIAL = Trial(
    name="contention",
    title=f"SQLite, {THREADS} threads and {PROCESSES} processes writing",
    passes_when='no "locked" reaches a caller, counts exact',
    unit="seconds",
    full=60,
    short=1,
    run=run,
    serves=True,
    broken={"nobody waits for another writer": partial(patch.dict, PATIENCE, {"ms": 0})},
    databases=("sqlite",),
)
