"""PostgreSQL is stopped again and again while a batch is dialed: nothing is placed without it, and the books agree."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from portal.extensions import db
from tests.support.postgresql import temporary_server
from tests.trials.app import break_server, portal_on
from tests.trials.dialed import Campaign, phone_numbers
from tests.trials.trial import Conditions, Outcome, Trial

STOP_MODES = ("fast", "immediate")
CONTACTS_PER_OUTAGE = 150
DOWN_SECONDS = 2.0
WORK_SECONDS = 3.0
LIMIT_SECONDS = 600


def run(conditions: Conditions) -> Outcome:
    """Dial a batch with one dialer while the server is stopped and started."""
    failures: list[str] = []
    with (
        temporary_server(durable=True) as database,
        conditions.monitor.listening(),
        portal_on(database.url_of()) as app,
        TemporaryDirectory(prefix="portal-trial-") as folder,
    ):
        campaign = Campaign(conditions, app, Path(folder))
        campaign.add_trunk(settings={"answer": 0.6, "speed": 60.0, "seed": 1}, per_second=30)
        campaign.start_batch("Contacts", phone_numbers(CONTACTS_PER_OUTAGE * conditions.count))
        with campaign.dialer() as dialer:
            for outages in range(1, conditions.count + 1):
                wait_for_placement(campaign)
                time.sleep(WORK_SECONDS)
                with app.app_context():
                    db.engine.dispose()
                database.stop(STOP_MODES[(outages - 1) % 2])
                placed = len(campaign.read_simulators())
                time.sleep(DOWN_SECONDS)
                if (more := len(campaign.read_simulators()) - placed) > 0:
                    failures.append(f"{more} calls were placed without the database")
                database.start()
                conditions.report_progress(f"{outages} outages, {placed:,} calls placed")
            failures += campaign.wait_until_complete(LIMIT_SECONDS)
            if dialer.poll() is not None:
                failures.append("the dialer has ended")
        book = campaign.read_simulators()
        failures += campaign.compare_books(book)
        lost = sum(attempt.lost for attempt in campaign.fetch_attempts())
    return Outcome(outages, failures, {"calls": f"{len(book):,}", "spent without a call": lost})


def wait_for_placement(campaign: Campaign) -> None:
    """Wait until the dialer has placed a call."""
    path = campaign.folder / "simulators"
    while not (path.exists() and list(path.iterdir()) and campaign.read_simulators()):
        time.sleep(0.2)


TRIAL = Trial(
    name="dialer_outages",
    title="PostgreSQL stopped, fast and immediate, while a batch is dialed",
    passes_when="nothing is placed meanwhile; the dialer continues; the three books agree",
    unit="outages",
    full=10,
    short=1,
    run=run,
    starts_servers=True,
    defects={"outcomes are mixed up": partial(break_server, "mixes outcomes up")},
    databases=("postgresql",),
)
