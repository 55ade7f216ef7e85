"""SQLite with many concurrent writers: no client receives "database is locked", and every count is exact."""

from __future__ import annotations

import time
from functools import partial
from itertools import count
from unittest.mock import patch

from sqlalchemy import func, select

from portal.extensions import db
from portal.models import Batch, Call, CallEvent
from tests.support.http_client import ApiClient, Workload
from tests.trials.app import run_portal
from tests.trials.lost_writes import WriteLog
from tests.trials.trial import Conditions, Outcome, Trial

PROCESSES, THREADS = 4, 16
WRITERS = 32
FIRST_TURN_GAP = 1_000_000  # between the first turn numbers of two writers
INITIAL_BATCHES = 3  # of the write log
BUSY_TIMEOUT = {"ms": 15_000}


def run(conditions: Conditions) -> Outcome:
    """Write from all clients at once for some seconds."""
    with conditions.app() as app:
        write_log, workload, statuses = WriteLog(app, conditions.seed), Workload(), []
        created: list[str] = []
        settings = {"WEB_WORKERS": PROCESSES, "WEB_THREADS": THREADS, "BUSY_TIMEOUT_MS": BUSY_TIMEOUT["ms"]}
        with run_portal(app.config["SQLALCHEMY_DATABASE_URI"], **settings) as server:
            for number in range(WRITERS):
                client = workload.add_client(server.port, write_log.token, keep_alive=True)
                turns = count(number * FIRST_TURN_GAP)
                workload.start(partial(write, write_log, client, workload, turns, statuses, created))
            end = time.monotonic() + conditions.count
            while time.monotonic() < end and not workload.failures:
                time.sleep(0.1)
            workload.stop()
        failures = workload.failures + write_log.check() + check_counts(write_log, created)
    return Outcome(conditions.count, failures, {"writes": f"{len(statuses):,}"})


def write(
    write_log: WriteLog, client: ApiClient, workload: Workload, turns: count, statuses: list[int], created: list[str]
) -> None:
    """Send one write of one of three kinds; it must succeed."""
    turn = next(turns)
    if turn % 3 == 0:
        path, body = "createBatch", {"batchName": f"Batch {turn}", "callingNumbers": ["+12025550199"]}
    elif turn % 3 == 1:
        numbers = [write_log.next_number() for _ in range(2)]
        calls = [{"phoneNumber": number} for number in numbers]
        path, body = "addCallsToBatch", {"batchId": write_log.filled.id, "call_data": calls}
    else:
        outcome = {"callStatus": "completed", "callDuration": 5, "occurredAt": "2025-05-01T12:01:04.000Z"}
        call = write_log.calls[turn % (len(write_log.calls) // 2)]
        event = outcome | {"eventId": f"event-{turn}", "callId": call}
        path, body = "call-events", {"events": [event]}
    response = client.send("POST", f"/api/call/{path}", body)
    statuses.append(response.status)
    if response.status not in (200, 201):
        workload.failures.append(f"{path} answered {response.status}: {response.text[:200]}")
    elif path == "addCallsToBatch":
        write_log.added += numbers
    elif path == "call-events":
        write_log.events.append(event["eventId"])
    else:
        created.append(response.json["data"])


def check_counts(write_log: WriteLog, created: list[str]) -> list[str]:
    """Compare the counts of rows with the acknowledged writes: every write was answered, so they must be equal."""
    with write_log.app.app_context():
        own = Batch.owner_key == write_log.owner.key
        batches = db.session.execute(select(func.count()).select_from(Batch).where(own)).scalar_one()
        calls = select(func.count()).select_from(Call).where(Call.batch_key == write_log.filled.key)
        events = db.session.execute(select(func.count()).select_from(CallEvent)).scalar_one()
        counts = {
            "batches": (batches, len(set(created)) + INITIAL_BATCHES),
            "calls": (db.session.execute(calls).scalar_one(), len(set(write_log.added)) + 1),
            "events": (events, len(write_log.events)),
        }
    return [
        f"{stored} {name} are stored, {acknowledged} were acknowledged"
        for name, (stored, acknowledged) in counts.items()
        if stored != acknowledged
    ]


TRIAL = Trial(
    name="contention",
    title=f"SQLite, {THREADS} threads and {PROCESSES} processes writing",
    passes_when='no client receives "locked", counts exact',
    unit="seconds",
    full=60,
    short=1,
    run=run,
    starts_servers=True,
    defects={"writers do not wait for a lock": partial(patch.dict, BUSY_TIMEOUT, {"ms": 0})},
    databases=("sqlite",),
)
