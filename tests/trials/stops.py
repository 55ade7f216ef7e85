"""The server is stopped, and its workers are replaced, under load: no request that was taken is cut."""

from __future__ import annotations

import os
import signal
import time
from contextlib import AbstractContextManager
from functools import partial
from http.client import HTTPException
from unittest.mock import patch

from tests.benchmarks.servers import Server
from tests.trials.acknowledged import Ledger
from tests.trials.servers import Caller, Callers, portal_server, workers_of
from tests.trials.trial import Conditions, Outcome, Trial

CALLERS = 8
LOAD_SECONDS = 0.4
STOCK = {"GUNICORN_CMD_ARGS": "--worker-class gthread"}


def run(conditions: Conditions) -> Outcome:
    """Stop a server under load, and put new workers into one, in turn."""
    answered = cut = refused = rounds = 0
    failures: list[str] = []
    with conditions.app() as app:
        ledger = Ledger(app, conditions.seed)
        while rounds < conditions.most and not (conditions.first and failures):
            stop = rounds % 2 == 0
            callers, counted = Callers(), Counted()
            with portal_server(app.config["SQLALCHEMY_DATABASE_URI"]) as server:
                for which in range(CALLERS):
                    caller = callers.caller(server.port, ledger.token, keep=which % 2 == 0)
                    callers.start(partial(counted.read, caller, ledger, callers))
                time.sleep(LOAD_SECONDS)
                end(server) if stop else replace_workers(server, failures)
                time.sleep(LOAD_SECONDS)
                callers.stop()
            rounds += 1
            failures += callers.failures
            answered, cut, refused = answered + counted.answered, cut + counted.cut, refused + counted.refused
            if not stop and counted.refused:
                failures.append(f"{counted.refused} callers were refused while workers were replaced")
            conditions.tell(f"{rounds} rounds, {answered:,} answers, {cut} cut")
    failures += [f"{cut} requests were cut"] if cut else []
    return Outcome(rounds, failures, {"answers": f"{answered:,}", "refused after a stop": refused})


class Counted:
    """What became of requests: answered, cut after they were sent, or refused at the door."""

    def __init__(self) -> None:
        self.answered = self.cut = self.refused = 0

    def read(self, caller: Caller, ledger: Ledger, callers: Callers) -> None:
        """Ask for the list once. A connection that rested may be closed by the server at any time: asked again, on a
        new one, as every client does (RFC 9110, section 9.2.2)."""
        rested = caller.connection is not None
        try:
            status = caller.ask("GET", f"/api/call/batches/{ledger.owner.id}").status
        except ConnectionRefusedError:
            self.refused += 1
            time.sleep(0.05)
        except (OSError, HTTPException):
            self.cut += not rested
        else:
            self.answered += 1
            if status != 200:
                callers.failures.append(f"the list answered {status}")


def end(server: Server) -> None:
    """Tell the server to stop, and wait until it has."""
    os.kill(server.process.pid, signal.SIGTERM)
    server.process.wait(60)


def replace_workers(server: Server, failures: list[str]) -> None:
    """Have every worker replaced by a new one, and wait until that is done."""
    before = set(workers_of(server))
    os.kill(server.process.pid, signal.SIGHUP)
    until = time.monotonic() + 60
    while before & set(workers_of(server)) or not workers_of(server):
        if time.monotonic() > until:
            failures.append("the workers were not replaced within a minute")
            return
        time.sleep(0.05)


def stock_worker() -> AbstractContextManager[object]:
    """gunicorn's own worker instead of the portal's."""
    return patch.dict(os.environ, STOCK)


TRIAL = Trial(
    name="stops",
    title="stop and replacement of the workers under load",
    passes_when="no cut request",
    unit="rounds",
    full=50,
    short=2,
    run=run,
    serves=True,
    broken={"gunicorn's own worker": stock_worker},
    databases=("sqlite", "postgresql"),
)
