"""PostgreSQL is restarted while the portal is at work: nothing acknowledged is lost, and who asks meanwhile is told to
come again."""

from __future__ import annotations

import time
from functools import partial

from portal.extensions import db
from tests.trials.acknowledged import Ledger
from tests.trials.cluster import cluster
from tests.trials.databases import portal_on
from tests.trials.servers import UNANSWERED, Answer, Caller, Callers, broken_server, portal_server
from tests.trials.trial import Conditions, Outcome, Trial

MODES = ("fast", "immediate")
WELL_AGAIN_SECONDS = 5
IN_A_ROW = 20
DOWN_SECONDS = 0.5


def run(conditions: Conditions) -> Outcome:
    """Restart the server under load, in each mode in turn."""
    slowest = 0.0
    with cluster() as server, conditions.watch.listening(), portal_on(server.url) as app:
        ledger, callers, asked = Ledger(app, conditions.seed), Callers(), []
        with app.app_context():
            db.engine.dispose()  # its connections would not outlive the first restart
        with portal_server(server.url) as portal:
            ledger.start(callers, portal.port)
            for _ in range(2):
                reader = callers.caller(portal.port, ledger.token)
                callers.start(partial(read, ledger, reader, callers, asked))
            for round_ in range(conditions.most):
                time.sleep(0.3)
                server.stop(MODES[round_ % 2])
                time.sleep(DOWN_SECONDS)
                server.start()
                took = well_again(Caller(portal.port, ledger.token), ledger)
                slowest = max(slowest, took)
                if conditions.full and took > WELL_AGAIN_SECONDS:
                    callers.failures.append(f"after {took:.1f} s it was not well again")
                conditions.tell(f"{round_ + 1} restarts, {ledger.acknowledged:,} changes acknowledged")
                if conditions.enough(callers.failures):
                    break
            callers.stop()
        failures = callers.failures + ledger.check()
    figures = {
        "acknowledged": f"{ledger.acknowledged:,}",
        "reads": f"{len(asked):,}",
        "well again after": f"{slowest:.1f} s",
    }
    return Outcome(round_ + 1, failures, {**figures, "of them 503": f"{asked.count(503):,}"})


def read(ledger: Ledger, caller: Caller, callers: Callers, asked: list[int]) -> None:
    """Ask for the list; it comes, or one is told when to come again."""
    answer = caller.ask("GET", f"/api/call/batches/{ledger.owner.id}")
    asked.append(answer.status)
    if not is_right(answer):
        callers.failures.append(f"the list answered {answer.status}, Retry-After {answer.headers.get('retry-after')}")
    time.sleep(0.01)


def is_right(answer: Answer) -> bool:
    """A list, or a 503 that says when to come again."""
    return answer.status == 200 or (answer.status == 503 and "retry-after" in answer.headers)


def well_again(caller: Caller, ledger: Ledger) -> float:
    """How long it takes until so many lists in a row come."""
    began, row = time.monotonic(), 0
    while row < IN_A_ROW and time.monotonic() < began + 30:
        try:
            row = row + 1 if caller.ask("GET", f"/api/call/batches/{ledger.owner.id}").status == 200 else 0
        except UNANSWERED:
            row = 0
        if not row:
            time.sleep(0.02)
    return time.monotonic() - began


TRIAL = Trial(
    name="restarts",
    title="PostgreSQL restarted under load, fast and immediate",
    passes_when="0 acknowledged writes lost; reads fail only as 503 with Retry-After; well again within 5 s",
    unit="restarts",
    full=50,
    short=1,
    run=run,
    serves=True,
    broken={"trouble of the database is a fault of the portal's": partial(broken_server, "answers 500")},
    databases=("postgresql",),
)
