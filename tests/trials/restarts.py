"""PostgreSQL restarts under load: no acknowledged write is lost, and readers are asked to retry."""

from __future__ import annotations

import time
from functools import partial

from portal.extensions import db
from tests.support.http_client import CONNECTION_ERRORS, ApiClient, ApiResponse, Workload
from tests.support.postgresql import temporary_server
from tests.trials.app import break_server, portal_on, run_portal
from tests.trials.lost_writes import WriteLog
from tests.trials.trial import Conditions, Outcome, Trial

STOP_MODES = ("fast", "immediate")
MAX_RECOVERY_SECONDS = 5
CONSECUTIVE_READS = 20
DOWN_SECONDS = 0.5


def run(conditions: Conditions) -> Outcome:
    """Restart the server under load, with each stop mode in turn."""
    slowest = 0.0
    with (
        temporary_server(durable=True) as database,
        conditions.monitor.listening(),
        portal_on(database.url_of()) as app,
    ):
        write_log, workload, statuses = WriteLog(app, conditions.seed), Workload(), []
        with app.app_context():
            db.engine.dispose()  # its connections would not survive the first restart
        with run_portal(database.url_of()) as portal:
            write_log.start(workload, portal.port)
            for _ in range(2):
                reader = workload.add_client(portal.port, write_log.token)
                workload.start(partial(read, write_log, reader, workload, statuses))
            for restarts in range(1, conditions.max_count + 1):
                time.sleep(0.3)
                database.stop(STOP_MODES[(restarts - 1) % 2])
                time.sleep(DOWN_SECONDS)
                database.start()
                seconds = wait_until_recovered(ApiClient(portal.port, write_log.token), write_log)
                slowest = max(slowest, seconds)
                if conditions.full and seconds > MAX_RECOVERY_SECONDS:
                    workload.failures.append(f"the recovery took {seconds:.1f} s")
                conditions.report_progress(f"{restarts} restarts, {write_log.acknowledged:,} writes acknowledged")
                if conditions.should_stop(workload.failures):
                    break
            workload.stop()
        failures = workload.failures + write_log.check()
    figures = {
        "acknowledged": f"{write_log.acknowledged:,}",
        "reads": f"{len(statuses):,}",
        "slowest recovery": f"{slowest:.1f} s",
        "reads answered 503": f"{statuses.count(503):,}",
    }
    return Outcome(restarts, failures, figures)


def read(write_log: WriteLog, client: ApiClient, workload: Workload, statuses: list[int]) -> None:
    """Request the list."""
    response = client.send("GET", f"/api/call/batches/{write_log.owner.id}")
    statuses.append(response.status)
    if not is_expected(response):
        retry_after = response.headers.get("retry-after")
        workload.failures.append(f"the list answered {response.status}, Retry-After {retry_after}")
    time.sleep(0.01)


def is_expected(response: ApiResponse) -> bool:
    """Return whether the response is a list, or a 503 with Retry-After."""
    return response.status == 200 or (response.status == 503 and "retry-after" in response.headers)


def wait_until_recovered(client: ApiClient, write_log: WriteLog) -> float:
    """Wait until CONSECUTIVE_READS requests succeed; return the seconds."""
    started, successes = time.monotonic(), 0
    while successes < CONSECUTIVE_READS and time.monotonic() < started + 30:
        try:
            status = client.send("GET", f"/api/call/batches/{write_log.owner.id}").status
            successes = successes + 1 if status == 200 else 0
        except CONNECTION_ERRORS:
            successes = 0
        if not successes:
            time.sleep(0.02)
    return time.monotonic() - started


TRIAL = Trial(
    name="restarts",
    title="PostgreSQL restarted under load, fast and immediate",
    passes_when="0 acknowledged writes lost; reads fail only as 503 with Retry-After; recovery within 5 s",
    unit="restarts",
    full=50,
    short=1,
    run=run,
    starts_servers=True,
    defects={"an outage of the database is reported as an internal error": partial(break_server, "answers 500")},
    databases=("postgresql",),
)
