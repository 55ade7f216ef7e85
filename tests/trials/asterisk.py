"""A batch is dialed through a real Asterisk, with SIPp as the people called: three books agree."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from portal.trunks.actions import encrypt
from tests.support.asterisk import Telephony, run_telephony
from tests.support.missing import ServiceMissing
from tests.trials.app import break_server
from tests.trials.dialed import BookedCall, Campaign, phone_numbers
from tests.trials.trial import Conditions, Outcome, Trial

LIMIT_SECONDS = 600
RETRIED = ("busy", "no-answer")
# What callees do by the last digit of their number (tests/support/callees.py); the others answer and listen to the end.
OUTCOMES = {"4": "dropped", "5": "busy", "6": "no-answer", "7": "no-answer", "8": "failed", "9": "failed"}


def run(conditions: Conditions) -> Outcome:
    """Dial one batch with one dialer."""
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
    """Dial the batch and compare the books."""
    add_asterisk(campaign, telephony)
    # A callee who lets it ring costs the ring time, twice: too long for a short form.
    conditions = campaign.conditions
    contacts = [number for number in phone_numbers(conditions.count) if conditions.full or number[-1] != "6"]
    campaign.start_batch("Contacts", contacts)
    with campaign.dialer("dialer-asterisk"):
        started = time.monotonic()
        failures = campaign.wait_until_complete(LIMIT_SECONDS)
        seconds = time.monotonic() - started
    attempts = campaign.fetch_attempts()
    failures += campaign.compare_books(expected_book(attempts))
    failures += compare_invites(attempts, telephony.invited_numbers(), contacts)
    outcomes = Counter(str(attempt.outcome) for attempt in attempts)
    figures = {"attempts": f"{len(attempts):,}", **outcomes, "calls per second": round(len(attempts) / seconds, 1)}
    return Outcome(len(contacts), failures, figures)


def add_asterisk(campaign: Campaign, telephony: Telephony) -> None:
    """Add a trunk over Asterisk."""
    with campaign.app.app_context():
        secret = encrypt(telephony.secret)
    engine = {"kind": "asterisk", "address": telephony.address, "secret": secret, "settings": {}}
    campaign.add_trunk(**engine, lines=40, per_second=20)


def expected_book(attempts: Iterable[Any]) -> dict[str, BookedCall]:
    """Return what must become of each attempt by the number called."""
    book = {}
    for attempt in attempts:
        outcome = OUTCOMES.get(attempt.phone_number[-1], "completed")
        book[attempt.id] = BookedCall(attempt.phone_number, outcome, outcome in ("completed", "dropped"))
    return book


def compare_invites(attempts: Iterable[Any], invited: Iterable[str], contacts: Iterable[str]) -> list[str]:
    """Compare how often each callee was called, by its own log, with the attempts and with what the batch asks for."""
    rung, tried = Counter(invited), Counter(attempt.phone_number for attempt in attempts)
    failures = []
    for number in contacts:
        expected = 2 if OUTCOMES.get(number[-1]) in RETRIED else 1
        if not rung[number] == tried[number] == expected:
            counts = f"{rung[number]} calls in the callees' log, {tried[number]} attempts"
            failures.append(f"a number that ends in {number[-1]}: {counts}, and {expected} expected")
    if unknown := rung.keys() - set(contacts):
        failures.append(f"{len(unknown)} numbers were called that are not in the batch")
    return failures


TRIAL = Trial(
    name="asterisk",
    title="a batch with one retry, dialed through a real Asterisk; SIPp plays the callees",
    passes_when="the callees' log, the attempts and the portal's counts agree row by row",
    unit="contacts",
    full=1000,
    short=20,
    run=run,
    starts_servers=True,
    defects={"outcomes are mixed up": partial(break_server, "mixes outcomes up")},
)
