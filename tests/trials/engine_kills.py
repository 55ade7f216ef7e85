"""Asterisk is killed again and again while a batch is dialed: the batch completes, and no one is called too often."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.asterisk import Telephony, run_telephony
from tests.support.missing import ServiceMissing
from tests.trials.app import break_server
from tests.trials.asterisk import OUTCOMES, add_asterisk
from tests.trials.dialed import Campaign, phone_numbers
from tests.trials.trial import Conditions, Outcome, Trial

CONTACTS_PER_KILL = 60
WORK_SECONDS = 4.0
DOWN_SECONDS = 3.0
LIMIT_SECONDS = 900


def run(conditions: Conditions) -> Outcome:
    """Dial a batch with one dialer while Asterisk is killed and started."""
    try:
        with (
            conditions.app() as app,
            TemporaryDirectory(prefix="portal-trial-") as folder,
            run_telephony(Path(folder) / "telephony") as telephony,
        ):
            return dial(Campaign(conditions, app, Path(folder)), telephony)
    except ServiceMissing as missing:
        return Outcome(0, untested=str(missing))


def dial(campaign: Campaign, telephony: Telephony) -> Outcome:
    """Dial the batch and compare the attempts with the callees' log."""
    add_asterisk(campaign, telephony)
    contacts = phone_numbers(CONTACTS_PER_KILL * campaign.conditions.count)
    campaign.start_batch("Contacts", contacts)
    failures, kills = [], 0
    with campaign.dialer("dialer-asterisk"):
        while kills < campaign.conditions.count and campaign.count_open():
            invited = len(telephony.invited_numbers())
            while len(telephony.invited_numbers()) == invited and campaign.count_open():
                time.sleep(0.1)
            time.sleep(WORK_SECONDS)
            telephony.kill_asterisk()
            kills += 1
            time.sleep(DOWN_SECONDS)
            telephony.start_asterisk()
            campaign.conditions.report_progress(f"{kills} kills, {len(telephony.invited_numbers()):,} calls")
        failures += campaign.wait_until_complete(LIMIT_SECONDS)
    attempts, rung = campaign.fetch_attempts(), Counter(telephony.invited_numbers())
    tried = Counter(attempt.phone_number for attempt in attempts)
    failures += [f"a contact was called {count} times" for count in rung.values() if count > 2]
    failures += [f"{rung[one] - tried[one]} calls without an attempt" for one in rung if rung[one] > tried[one]]
    for attempt in attempts:
        expected = OUTCOMES.get(attempt.phone_number[-1], "completed")
        if attempt.state != "ended":
            failures.append(f"attempt {attempt.id} has not ended")
        elif not attempt.lost and attempt.outcome != expected:
            failures.append(f"attempt {attempt.id} is {attempt.outcome} instead of {expected}")
    failures += campaign.find_differences()
    lost = sum(attempt.lost for attempt in attempts)
    return Outcome(kills, failures, {"attempts": f"{len(attempts):,}", "calls": f"{rung.total():,}", "lost": lost})


TRIAL = Trial(
    name="engine_kills",
    title="kill -9 of Asterisk while a batch is dialed",
    passes_when="the batch completes; no one is called more than 1 + retry times; attempts that are not lost are right",
    unit="kills",
    full=10,
    short=1,
    run=run,
    starts_servers=True,
    defects={"outcomes are mixed up": partial(break_server, "mixes outcomes up")},
)
