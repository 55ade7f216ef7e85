"""One of two dialers is killed again and again: each call is placed at most once, and the batch completes."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.servers import kill
from tests.trials.app import break_server
from tests.trials.dialed import Campaign, phone_numbers
from tests.trials.trial import Conditions, Outcome, Trial

CONTACTS_PER_KILL = 80
LIMIT_SECONDS = 900
PAUSE_SECONDS = (0.5, 2.0)  # of work, before a dialer is killed


def run(conditions: Conditions) -> Outcome:
    """Dial a batch with two dialers, and replace one that is killed while there is work."""
    rng, kills = random.Random(conditions.seed), 0
    with conditions.app() as app, TemporaryDirectory(prefix="portal-trial-") as folder, ExitStack() as stack:
        campaign = Campaign(conditions, app, Path(folder))
        campaign.add_trunk(settings={"answer": 0.6, "speed": 60.0, "seed": 1})
        contacts = CONTACTS_PER_KILL * conditions.count
        campaign.start_batch("Contacts", phone_numbers(contacts))
        dialers = [stack.enter_context(campaign.dialer(f"dialer-{number}")) for number in range(2)]
        while kills < conditions.count and campaign.count_open():
            attempts = len(campaign.fetch_attempts())
            wait_for_work(campaign, attempts)
            time.sleep(rng.uniform(*PAUSE_SECONDS))
            victim = rng.randrange(2)
            kills += kill(dialers[victim].pid)
            dialers[victim].wait()
            dialers[victim] = stack.enter_context(campaign.dialer(f"dialer-{victim}"))
            conditions.report_progress(f"{kills} kills, {attempts:,} attempts")
        failures = campaign.wait_until_complete(LIMIT_SECONDS)
        book = campaign.read_simulators()
        failures += campaign.compare_books(book)
        attempts = campaign.fetch_attempts()
    lost = sum(attempt.lost for attempt in attempts)
    figures = {"attempts": f"{len(attempts):,}", "contacts": f"{contacts:,}", "spent without a call": lost}
    return Outcome(kills, failures, figures)


def wait_for_work(campaign: Campaign, attempts: int) -> None:
    """Wait until calls are taken, or no batch is active any more."""
    while len(campaign.fetch_attempts()) == attempts and campaign.count_open():
        time.sleep(0.1)


TRIAL = Trial(
    name="dialer_kills",
    title="kill -9 of one of two dialers while a batch is dialed",
    passes_when="no contact rung more than 1 + retry times, no attempt placed twice; the three books agree",
    unit="kills",
    full=25,
    short=1,
    run=run,
    starts_servers=True,
    defects={"one call in ten is placed twice": partial(break_server, "places twice")},
)
