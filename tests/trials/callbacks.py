"""Callbacks of a provider that loses, repeats, delays and reorders them, and forgeries by others.

Every attempt must end as the provider's own book says: the sweep asks for what was not heard.
"""

from __future__ import annotations

import hmac
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from flask import Flask
from sqlalchemy import select

from portal.batches.derived.check import find_all_differences
from portal.calls.actions import add_calls
from portal.calls.parameters import CallInput
from portal.dialing import reports, sweep
from portal.dialing.engines import (
    SIGNATURE_HEADER,
    Engine,
    EngineEvent,
    NotPlaced,
    Placement,
    Unsure,
    callbacks,
    sign_callback,
)
from portal.dialing.taking import take_calls
from portal.dialing.trunk_engines import open_engine
from portal.extensions import db
from portal.models import Attempt, AttemptState, Channel, Trunk, User
from portal.models.actor import Actor
from portal.times import now_ms
from portal.trunks.actions import add_trunk
from portal.trunks.parameters import NewTrunk
from tests.support.builders import Builder
from tests.support.call_provider import SECRET, CallProvider, ProviderCall, SignedCallback, run_call_provider
from tests.support.wsgi_client import WsgiClient, form_request
from tests.trials.trial import MAX_FAILURES, Conditions, Outcome, Trial

PUBLIC_URL = "https://portal.example"
CALLER = "+12025550199"
CHUNK_SIZE = 1000  # calls
SENDERS = 4  # callbacks that are on their way at the same time
LOST_SHARE, REPEATED_SHARE, FORGED_SHARE = 0.1, 0.15, 0.1
CALLBACKS_PER_CALL = 3  # at least; with repeated and forged ones
SWEEP_LATER_MS = 3_600_000  # when the ends of all calls are overdue, but none is lost
# Outcomes at the provider: the last status, its share, the SIP response, and the outcome and the cause expected of it.
ENDS = (
    ("completed", 5, 200, "completed", 16),
    ("busy", 2, 486, "busy", 17),
    ("no-answer", 2, 0, "no-answer", 19),
    ("failed", 1, 404, "failed", 1),
    ("canceled", 1, 487, "no-answer", 16),
)
EXPECTED = {status: (outcome, cause) for status, _, _, outcome, cause in ENDS}


@dataclass
class Mail:
    """The callbacks to send in this order, each with the status that it must get; and how many were lost."""

    letters: list[tuple[SignedCallback, int]] = field(default_factory=list)
    lost: int = 0


def run(conditions: Conditions) -> Outcome:
    """Place calls at a provider, send its callbacks in disorder, sweep, and compare with the provider's book."""
    rng = random.Random(conditions.seed)
    with conditions.app(PUBLIC_URL=PUBLIC_URL) as app, run_call_provider() as provider:
        owner = Builder(app).create_user("owner")
        with app.app_context():
            trunk = create_calls(app, owner, provider.address, max(conditions.count // CALLBACKS_PER_CALL, 1))
            with closing(open_engine(trunk)) as engine:
                place_all(trunk, owner, engine)
                mail = write_mail(list(provider.calls.values()), rng)
                failures = deliver(app, mail, conditions)
                swept = sweep_until_ended(trunk, engine)
        with app.app_context():
            failures += compare(provider)
            failures += [f"batch check: {difference}" for difference in find_all_differences(lambda _count: None)]
    statuses = Counter(status for _, status in mail.letters)
    figures = {"calls": len(provider.calls), "lost": mail.lost, "forged": statuses[403], "asked for": swept}
    return Outcome(len(mail.letters), failures, figures)


def create_calls(app: Flask, owner: User, address: str, count: int) -> Trunk:
    """Create an active batch of calls over a trunk to the provider, and return the trunk."""
    build = Builder(app)
    fields = NewTrunk(name="Provider", kind="http", address=address, secret=SECRET, lines=1000)
    trunk_id = add_trunk(Actor(owner.key, Channel.COMMAND), fields)
    trunk = db.session.execute(select(Trunk).where(Trunk.id == trunk_id)).scalar_one()
    build.change(trunk, lines=count, per_second=1_000_000, heard_at=now_ms() + SWEEP_LATER_MS)
    build.create_caller_number(owner, CALLER, trunk_key=trunk.key)
    settings = {"callingNumbers": [CALLER], "useCalleeZone": False}
    batch = build.create_batch(owner, status="active", settings=settings)
    numbers = [f"+1{201 + number // 100}55501{number % 100:02}" for number in range(count)]
    for first in range(0, count, CHUNK_SIZE):
        calls = [CallInput(number, {}) for number in numbers[first : first + CHUNK_SIZE]]
        add_calls(Actor(owner.key, Channel.COMMAND), batch.id, calls)
    return trunk


def place_all(trunk: Trunk, owner: User, engine: Engine) -> None:
    """Take all calls and place them."""
    while taken := take_calls(trunk.key, "trial"):
        placements: dict[str, NotPlaced | Unsure | None] = {}
        for call in taken:
            numbers = (call.phone_number, call.from_number, call.ring_seconds)
            placements[call.attempt_id] = engine.place(Placement(call.attempt_id, *numbers))
        reports.record_placements(owner.key, placements)


def write_mail(calls: Sequence[ProviderCall], rng: random.Random) -> Mail:
    """Decide what becomes of each call and of its callbacks, and shuffle all of them: some arrive last, some twice."""
    mail = Mail()
    began_at = now_ms() // 1000 + 1
    statuses, shares, *_ = zip(*ENDS, strict=True)
    responses = {status: response for status, _, response, *_ in ENDS}
    for call in calls:
        [end] = rng.choices(statuses, shares)
        call.statuses += ["ringing", "in-progress", end] if end == "completed" else ["ringing", end]
        call.seconds = rng.randint(1, 60) if end == "completed" else 0
        call.sip_response = responses[end]
        call.ended_at = began_at + 10 + call.seconds
        times = [began_at, began_at + 2, began_at + 10, call.ended_at]
        for number in range(len(call.statuses)):
            callback = call.callback(SECRET, number, times[number])
            if rng.random() < FORGED_SHARE:
                mail.letters.append((forge(call, callback, rng), 403))
            if rng.random() < LOST_SHARE:
                mail.lost += 1
                continue
            mail.letters.append((callback, 200))
            if rng.random() < REPEATED_SHARE:
                mail.letters.append((callback, 200))
    rng.shuffle(mail.letters)
    return mail


def forge(call: ProviderCall, callback: SignedCallback, rng: random.Random) -> SignedCallback:
    """Return a callback that claims that the call was completed, signed in one of several wrong ways."""
    claim = [(name, "completed" if name == "CallStatus" else value) for name, value in callback.fields]
    claim.append(("CallDuration", "3000"))
    signature = rng.choice(
        [
            "",
            callback.signature,
            callback.signature[::-1],
            sign_callback(callback.url, claim, "AC0123:another secret"),
            sign_callback(callback.url.replace("https:", "http:"), claim, SECRET),
            sign_callback(callback.url.replace("attemptId=", "attemptId=0"), claim, SECRET),
        ]
    )
    return SignedCallback(callback.url, claim, signature)


def deliver(app: Flask, mail: Mail, conditions: Conditions) -> list[str]:
    """Send all callbacks, several at a time, and return the unexpected answers."""
    client = WsgiClient(app, conditions.monitor)

    def send(letter: tuple[SignedCallback, int]) -> str | None:
        callback, expected = letter
        path, _, query = callback.url.removeprefix(PUBLIC_URL).partition("?")
        request = replace(form_request(path, callback.fields), query=query)
        status = client.send(request.with_headers(**{SIGNATURE_HEADER: callback.signature})).status
        return None if status == expected else f"a callback got {status} instead of {expected}"

    failures = []
    with ThreadPoolExecutor(SENDERS) as senders:
        for number, failure in enumerate(senders.map(send, mail.letters), 1):
            failures += [failure] if failure else []
            if number % 1000 == 0:
                conditions.report_progress(f"{number:,} callbacks")
    return failures[:MAX_FAILURES]


def sweep_until_ended(trunk: Trunk, engine: Engine) -> int:
    """Sweep as the dialer does, an hour later, and return how many attempts the provider was asked for."""
    with patch.object(sweep, "now_ms", lambda: now_ms() + SWEEP_LATER_MS):
        asked = 0
        while found := sweep.sweep_trunk(trunk, engine, "trial"):
            asked += found
        return asked


def compare(provider: CallProvider) -> list[str]:
    """Compare every attempt with the provider's call."""
    db.session.rollback()
    attempts = list(db.session.execute(select(Attempt.__table__)))
    failures = [] if len(attempts) == len(provider.calls) else ["attempts and calls of the provider differ in number"]
    by_attempt = {call.attempt_id: call for call in provider.calls.values()}
    for attempt in attempts:
        call = by_attempt[attempt.id]
        ended_at, answered_at = call.ended_at * 1000, (call.ended_at - call.seconds) * 1000 if call.seconds else None
        expected = (AttemptState.ENDED, *EXPECTED[call.statuses[-1]], answered_at, ended_at, call.seconds, False)
        found = (attempt.state, attempt.outcome, attempt.cause, attempt.answered_at, attempt.ended_at)
        found += (attempt.duration_seconds, attempt.lost)
        if found != expected:
            failures.append(f"an attempt is {found} instead of {expected}")
    return failures[:MAX_FAILURES]


# --- defects ----------------------------------------------------------------------------------------------------------


@contextmanager
def accept_all_signatures() -> Iterator[None]:
    """Believe every callback."""
    with patch.object(callbacks, "hmac", SimpleNamespace(digest=hmac.digest, compare_digest=lambda *_: True)):
        yield


@contextmanager
def ask_nothing() -> Iterator[None]:
    """Rely on callbacks alone."""
    with patch.object(sweep, "ask", lambda *_: sweep.Findings()):
        yield


@contextmanager
def believe_the_last_callback() -> Iterator[None]:
    """Let the callback that arrives last decide when a call ended, such as that of its ringing."""
    original = reports.merge_event

    def merge(merged: Any, event: EngineEvent, moment: int) -> None:
        original(merged, event, moment)
        if merged.state == AttemptState.ENDED:
            merged.ended_at = moment

    with patch.object(reports, "merge_event", merge):
        yield


TRIAL = Trial(
    name="callbacks",
    title="a provider that loses, repeats, delays and reorders its callbacks, among forged ones",
    passes_when="every attempt ends as the provider's own book says; every forged callback is refused",
    unit="callbacks",
    full=10_000,
    short=120,
    run=run,
    defects={
        "forged callbacks are accepted": accept_all_signatures,
        "what was not heard is not asked for": ask_nothing,
        "the last callback decides": believe_the_last_callback,
    },
)
