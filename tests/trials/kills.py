"""Workers are killed during uploads, events and status changes: no acknowledged write is lost or applied twice."""

from __future__ import annotations

import random
import time
from functools import partial

from tests.support.http_client import Workload
from tests.support.servers import kill
from tests.trials.app import break_server, run_portal
from tests.trials.lost_writes import WriteLog
from tests.trials.trial import Conditions, Outcome, Trial

# Between two kills, so that the next worker is busy when it is killed.
PAUSE_SECONDS = (0.05, 0.6)


def run(conditions: Conditions) -> Outcome:
    """Kill workers while clients write."""
    rng = random.Random(conditions.seed)
    with conditions.app() as app:
        write_log, workload, kills = WriteLog(app, conditions.seed), Workload(), 0
        with run_portal(app.config["SQLALCHEMY_DATABASE_URI"]) as server:
            write_log.start(workload, server.port)
            while kills < conditions.max_count and not workload.failures:
                time.sleep(rng.uniform(*PAUSE_SECONDS))
                if workers := server.workers():
                    kills += kill(rng.choice(workers))
                    if kills % 20 == 0:
                        conditions.report_progress(f"{kills} kills, {write_log.acknowledged:,} writes acknowledged")
            time.sleep(PAUSE_SECONDS[1])
            workload.stop()
        failures = workload.failures + write_log.check()
    return Outcome(kills, failures, {"acknowledged": f"{write_log.acknowledged:,}"})


TRIAL = Trial(
    name="kills",
    title="kill -9 of a worker during uploads, events and status changes",
    passes_when="0 acknowledged writes lost, 0 applied twice, integrity checks clean",
    unit="kills",
    full=200,
    short=2,
    run=run,
    starts_servers=True,
    defects={
        "one transaction in five is lost": partial(break_server, "loses commits"),
        "an event is applied each time it is sent": partial(break_server, "applies events twice"),
    },
)
