"""The real campaign, 26 batches with 41,188 contacts, is dialed through simulators at full speed."""

from __future__ import annotations

import csv
import time
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from portal.version import ROOT
from tests.trials.app import break_server
from tests.trials.dialed import Campaign
from tests.trials.trial import Conditions, Outcome, Trial

HISTORY = ROOT.parent / "shared" / "data" / "bank-calls.csv"
TRUNKS = 8
LIMIT_SECONDS = 3600


def run(conditions: Conditions) -> Outcome:
    """Dial the batches of the campaign, all at once, with one dialer."""
    if not HISTORY.exists():
        return Outcome(0, untested=f"{HISTORY.name} is absent")
    with HISTORY.open(newline="") as file:
        batches: dict[str, list[str]] = {}
        for row in islice(csv.DictReader(file), conditions.count):
            batches.setdefault(row["batchName"], []).append(row["phoneNumber"])
    with conditions.app() as app, TemporaryDirectory(prefix="portal-trial-") as folder:
        campaign = Campaign(conditions, app, Path(folder))
        for _ in range(TRUNKS):
            campaign.add_trunk()
        for name, numbers in batches.items():
            campaign.start_batch(name, numbers)
        with campaign.dialer():
            started = time.monotonic()
            failures = campaign.wait_until_complete(LIMIT_SECONDS)
            seconds = time.monotonic() - started
        book = campaign.read_simulators()
        failures += campaign.compare_books(book)
    figures = {"batches": len(batches), "attempts": f"{len(book):,}", "seconds": round(seconds)}
    return Outcome(conditions.count, failures, figures | {"calls per second": round(len(book) / seconds, 1)})


TRIAL = Trial(
    name="campaign",
    title="the real campaign, 26 batches at once, dialed through simulators at full speed",
    passes_when="every batch completes; the counts equal the simulators' records",
    unit="contacts",
    full=41_188,
    short=30,
    run=run,
    starts_servers=True,
    defects={"outcomes are mixed up": partial(break_server, "mixes outcomes up")},
)
