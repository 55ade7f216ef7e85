"""The server stops, and its workers are replaced, under load: no accepted request is cut off."""

from __future__ import annotations

import os
import signal
import time
from contextlib import AbstractContextManager
from functools import partial
from unittest.mock import patch

from tests.support.http_client import CONNECTION_ERRORS, ApiClient, Workload
from tests.support.servers import ServerProcess
from tests.trials.app import run_portal
from tests.trials.lost_writes import WriteLog
from tests.trials.trial import Conditions, Outcome, Trial

CLIENTS = 8
LOAD_SECONDS = 0.4
STOP_SECONDS = 60


def run(conditions: Conditions) -> Outcome:
    """Stop a server under load and replace the workers of another one, in turn."""
    answered = cut = refused = rounds = 0
    failures: list[str] = []
    with conditions.app() as app:
        write_log = WriteLog(app, conditions.seed)
        while rounds < conditions.max_count and not (conditions.stop_at_first and failures):
            stop = rounds % 2 == 0
            workload, counts = Workload(), ResponseCounts()
            with run_portal(app.config["SQLALCHEMY_DATABASE_URI"]) as server:
                for number in range(CLIENTS):
                    client = workload.add_client(server.port, write_log.token, keep_alive=number % 2 == 0)
                    workload.start(partial(counts.read, client, write_log, workload))
                time.sleep(LOAD_SECONDS)
                stop_server(server) if stop else replace_workers(server, failures)
                time.sleep(LOAD_SECONDS)
                workload.stop()
            rounds += 1
            failures += workload.failures
            answered, cut, refused = answered + counts.answered, cut + counts.cut, refused + counts.refused
            if not stop and counts.refused:
                failures.append(f"{counts.refused} connections were refused while workers were replaced")
            conditions.report_progress(f"{rounds} rounds, {answered:,} responses, {cut} cut off")
    failures += [f"{cut} requests were cut off"] if cut else []
    return Outcome(rounds, failures, {"responses": f"{answered:,}", "refused after a stop": refused})


class ResponseCounts:
    """The number of requests that were answered, cut off after they were sent, or refused."""

    def __init__(self) -> None:
        self.answered = self.cut = self.refused = 0

    def read(self, client: ApiClient, write_log: WriteLog, workload: Workload) -> None:
        """Request the list once.

        The server may close an idle connection at any time; then clients send the request again (RFC 9110, 9.2.2).
        """
        reused = client.connection is not None
        try:
            status = client.send("GET", f"/api/call/batches/{write_log.owner.id}").status
        except ConnectionRefusedError:
            self.refused += 1
            time.sleep(0.05)
        except CONNECTION_ERRORS:
            self.cut += not reused
        else:
            self.answered += 1
            if status != 200:
                workload.failures.append(f"the list answered {status}")


def stop_server(server: ServerProcess) -> None:
    """Stop the server and wait until it has stopped."""
    os.kill(server.process.pid, signal.SIGTERM)
    server.process.wait(STOP_SECONDS)


def replace_workers(server: ServerProcess, failures: list[str]) -> None:
    """Replace every worker and wait until that is done."""
    before = set(server.workers())
    os.kill(server.process.pid, signal.SIGHUP)
    deadline = time.monotonic() + STOP_SECONDS
    while before & set(server.workers()) or not server.workers():
        if time.monotonic() > deadline:
            failures.append("the workers were not replaced within a minute")
            return
        time.sleep(0.05)


def use_stock_worker() -> AbstractContextManager[object]:
    """Use gunicorn's own worker instead of the portal's."""
    return patch.dict(os.environ, {"GUNICORN_CMD_ARGS": "--worker-class gthread"})


TRIAL = Trial(
    name="stops",
    title="stop of the server and replacement of its workers under load",
    passes_when="no request is cut off",
    unit="rounds",
    full=50,
    short=2,
    run=run,
    starts_servers=True,
    defects={"gunicorn's own worker": use_stock_worker},
)
