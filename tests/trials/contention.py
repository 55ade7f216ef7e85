"""SQLite under as many writers as it can get: nobody is told that the database is locked, and every count is exact."""

from __future__ import annotations

import time
from functools import partial
from itertools import count
from unittest.mock import patch

from sqlalchemy import func, select

from portal.extensions import db
from portal.models import Batch, Call, CallEvent
from tests.trials.acknowledged import Ledger
from tests.trials.servers import Caller, Callers, portal_server
from tests.trials.trial import Conditions, Outcome, Trial

PROCESSES, THREADS = 4, 16
WRITERS = 32
APART = 1_000_000  # between the numbers of two writers' turns
OWN_BATCHES = 3  # that the ledger begins with
IMPATIENT = "BUSY_TIMEOUT_MS"


def run(conditions: Conditions) -> Outcome:
    """Write for so many seconds from all sides at once."""
    with conditions.app() as app:
        ledger, callers, statuses = Ledger(app, conditions.seed), Callers(), []
        made: list[str] = []
        settings = {"WEB_WORKERS": PROCESSES, "WEB_THREADS": THREADS, IMPATIENT: PATIENCE["ms"]}
        with portal_server(app.config["SQLALCHEMY_DATABASE_URI"], **settings) as server:
            for which in range(WRITERS):
                caller, turns = callers.caller(server.port, ledger.token, keep=True), count(which * APART)
                callers.start(partial(make_and_report, ledger, caller, callers, turns, statuses, made))
            until = time.monotonic() + conditions.count
            while time.monotonic() < until and not callers.failures:
                time.sleep(0.1)
            callers.stop()
        failures = callers.failures + ledger.check() + inexact(ledger, made)
    return Outcome(conditions.count, failures, {"writes": f"{len(statuses):,}"})


PATIENCE = {"ms": 15_000}


def make_and_report(
    ledger: Ledger, caller: Caller, callers: Callers, turns: count, statuses: list[int], made: list[str]
) -> None:
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
    else:
        made.append(answer.json["data"])


def inexact(ledger: Ledger, made: list[str]) -> list[str]:
    """Which counts are not what was acknowledged: every writer was answered, so they are equal."""
    with ledger.app.app_context():
        own = Batch.owner_key == ledger.owner.key
        batches = db.session.execute(select(func.count()).select_from(Batch).where(own)).scalar_one()
        calls = select(func.count()).select_from(Call).where(Call.batch_key == ledger.filled.key)
        events = db.session.execute(select(func.count()).select_from(CallEvent)).scalar_one()
        counts = {
            "batches": (batches, len(set(made)) + OWN_BATCHES),
            "calls": (db.session.execute(calls).scalar_one(), len(set(ledger.added)) + 1),
            "events": (events, len(ledger.events)),
        }
    return [f"{has} {what} are there, {told} were acknowledged" for what, (has, told) in counts.items() if has != told]


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
