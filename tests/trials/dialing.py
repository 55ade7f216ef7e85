"""A batch is dialed through a simulator: the engine's records, the attempts and the portal's counts agree."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.trials.app import break_server
from tests.trials.dialed import Campaign, phone_numbers
from tests.trials.trial import Conditions, Outcome, Trial

LIMIT_SECONDS = 600


def run(conditions: Conditions) -> Outcome:
    """Dial one batch with one dialer."""
    with conditions.app() as app, TemporaryDirectory(prefix="portal-trial-") as folder:
        campaign = Campaign(conditions, app, Path(folder))
        campaign.add_trunk()
        campaign.start_batch("Contacts", phone_numbers(conditions.count))
        with campaign.dialer():
            started = time.monotonic()
            failures = campaign.wait_until_complete(LIMIT_SECONDS)
            seconds = time.monotonic() - started
        book = campaign.read_simulators()
        outcomes = dict.fromkeys(sorted({str(call.outcome) for call in book.values()}), 0)
        for call in book.values():
            outcomes[str(call.outcome)] += 1
        failures += campaign.compare_books(book)
    figures = {"attempts": f"{len(book):,}", **outcomes, "calls per second": round(len(book) / seconds, 1)}
    return Outcome(conditions.count, failures, figures)


TRIAL = Trial(
    name="dialing",
    title="a batch with one retry, dialed through the simulator",
    passes_when="engine's records, attempts and the portal's counts agree row by row",
    unit="contacts",
    full=1000,
    short=20,
    run=run,
    starts_servers=True,
    defects={
        "one call in ten is placed twice": partial(break_server, "places twice"),
        "outcomes are mixed up": partial(break_server, "mixes outcomes up"),
    },
)
