"""Workers are killed in the midst of uploads, events and moves: nothing acknowledged is lost, nothing applied twice."""

from __future__ import annotations

import random
import time
from functools import partial

from tests.trials.acknowledged import Ledger
from tests.trials.servers import Callers, broken_server, kill, portal_server, workers_of
from tests.trials.trial import Conditions, Outcome, Trial

# Between two kills, so that the next worker is at work when its turn comes.
PAUSE_SECONDS = (0.05, 0.6)


def run(conditions: Conditions) -> Outcome:
    """Kill a worker, as often as is asked, while programs go on asking."""
    chance = random.Random(conditions.seed)
    with conditions.app() as app:
        ledger, callers, kills = Ledger(app, conditions.seed), Callers(), 0
        url = app.config["SQLALCHEMY_DATABASE_URI"]
        with portal_server(url) as server:
            ledger.start(callers, server.port)
            while kills < conditions.most and not callers.failures:
                time.sleep(chance.uniform(*PAUSE_SECONDS))
                if pids := workers_of(server):
                    kills += kill(chance.choice(pids))
                    if kills % 20 == 0:
                        conditions.tell(f"{kills} kills, {ledger.acknowledged:,} changes acknowledged")
            time.sleep(PAUSE_SECONDS[1])
            callers.stop()
        failures = callers.failures + ledger.check()
    figures = {"acknowledged": f"{ledger.acknowledged:,}"}
    return Outcome(kills, failures, figures)


TRIAL = Trial(
    name="kills",
    title="kill -9 of a worker during uploads, events and moves",
    passes_when="0 acknowledged changes lost, 0 applied twice, integrity checks clean",
    unit="kills",
    full=200,
    short=2,
    run=run,
    serves=True,
    broken={
        "one transaction in five is lost": partial(broken_server, "loses some"),
        "an event sent again counts again": partial(broken_server, "counts twice"),
    },
)
