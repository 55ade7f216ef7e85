"""Sign-in with known and unknown email addresses: neither responses nor their timing tell them apart."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from unittest.mock import patch

from argon2 import PasswordHasher
from flask import Flask

from portal.accounts import passwords
from portal.accounts.pages import signing_in
from tests.support.databases import hashing_with
from tests.support.mann_whitney import mann_whitney
from tests.support.statements import record_statements
from tests.support.wsgi_client import WsgiClient, WsgiResponse, form_request
from tests.trials.fixtures import Fixtures
from tests.trials.trial import Conditions, Outcome, Trial

# A difference is significant below this p-value.
MAX_P_VALUE = 0.001

# The parts of a response that always differ.
VARIABLE_PARTS = re.compile(r'(name="csrf_token" value=")[^"]*|(<code class="whole">)[^<]*')
VARIABLE_HEADERS = {"X-Request-Id", "Set-Cookie", "Date"}


@dataclass(frozen=True)
class Attempt:
    """One attempt: the response, its duration in ms, the checked hashes and the executed statements."""

    response: WsgiResponse
    ms: float
    hashes: int
    statements: int


def run(conditions: Conditions) -> Outcome:
    """Send wrong passwords for known, unknown and disabled addresses in random order."""
    rng = random.Random(conditions.seed)
    with conditions.app() as app:
        fixtures = Fixtures(app, conditions.monitor, batches=0)
        kinds = {
            "known": fixtures.owner.user.email,
            "disabled": fixtures.accounts["disabled"].user.email,
            "unknown": "",
        }
        hasher = PasswordHasher() if conditions.full else passwords.hasher
        with hashing_with(hasher):
            hashed = passwords.hash_password(
                fixtures.owner.password
            )  # at the same cost as the hash for unknown addresses
            for name in ("owner", "disabled"):
                fixtures.build.change(fixtures.accounts[name].user, password_hash=hashed)
            client = WsgiClient(app, conditions.monitor)
            token = client.csrf_token()
            attempts: dict[str, list[Attempt]] = {kind: [] for kind in kinds}
            for number in range(conditions.count + 1):
                if number % 100 == 0:
                    conditions.report_progress(f"{number:,} of each kind")
                for kind in rng.sample(sorted(kinds), len(kinds)):
                    email = kinds[kind] or f"{rng.randrange(10**12):012}@example.com"
                    attempt = send_attempt(app, client, email, token)
                    if number:  # the first attempt of each kind is a warm-up
                        attempts[kind].append(attempt)
        failures = find_differences(attempts)
        figures: dict[str, str | int | float] = {}
        if conditions.full:
            slow, figures = compare_durations(attempts)
            failures += slow
        return Outcome(sum(map(len, attempts.values())), failures, figures)


def send_attempt(app: Flask, client: WsgiClient, email: str, token: str) -> Attempt:
    """Send a wrong password for an address."""
    hashes = [0]
    original = passwords.hasher.verify

    def verify(*arguments: object) -> bool:
        hashes[0] += 1
        return original(*arguments)

    pairs = [("email", email), ("password", "not the password at all"), ("csrf_token", token)]
    request = form_request("/login", pairs)
    with (
        record_statements(app) as executed,
        patch.object(type(passwords.hasher), "verify", lambda _self, *arguments: verify(*arguments)),
    ):
        started = time.perf_counter()
        response = client.send(request)
        ms = (time.perf_counter() - started) * 1000
    text = response.text.replace(email, "ADDRESS")
    same = VARIABLE_PARTS.sub(r"\1\2", text).encode()
    return Attempt(WsgiResponse(response.status, response.headers, same), ms, hashes[0], len(executed))


def find_differences(attempts: dict[str, list[Attempt]]) -> list[str]:
    """Return the differences between kinds of address, apart from timing."""
    failures = []
    expected = None
    for kind, some in attempts.items():
        for one in some:
            headers = sorted((name, value) for name, value in one.response.headers if name not in VARIABLE_HEADERS)
            result = {
                "status": one.response.status,
                "body": one.response.body,
                "headers": [pair for pair in headers if pair[0] != "Content-Length"],
                "hashes checked": one.hashes,
                "statements": one.statements,
            }
            expected = expected or result
            failures += [
                f"{kind}: the {name} differs from that of a known address"
                for name in result
                if result[name] != expected[name]
            ]
        if some and some[0].response.status != 401:
            failures.append(f"{kind}: {some[0].response.status} instead of 401")
        if some and some[0].hashes != 1:
            failures.append(f"{kind}: {some[0].hashes} hashes were checked instead of 1")
    return list(dict.fromkeys(failures))


def compare_durations(attempts: dict[str, list[Attempt]]) -> tuple[list[str], dict[str, str | int | float]]:
    """Return whether the durations differ significantly, and the figures."""
    failures, figures = [], {}
    known = [one.ms for one in attempts["known"]]
    for kind, some in attempts.items():
        times = [one.ms for one in some]
        figures[f"{kind}, median ms"] = round(median(times), 2)
        if kind != "known":
            p_value = mann_whitney(known, times)
            figures[f"known and {kind}, p"] = round(p_value, 4)
            if p_value < MAX_P_VALUE:
                failures.append(f"{kind} differs from known: medians {median(times):.2f} and {median(known):.2f} ms")
    return failures, figures


# --- defects ------ ---------------------------------------------------------------------------------------------------


@contextmanager
def skip_hash_for_unknown() -> Iterator[None]:
    """Skip the hash for unknown addresses."""
    original = passwords.verify_password

    def verify_known(password: str, password_hash: str | None) -> bool:
        return password_hash is not None and original(password, password_hash)

    with patch.object(signing_in, "verify_password", verify_known):
        yield


@contextmanager
def reveal_disabled() -> Iterator[None]:
    """Answer disabled accounts with another status."""
    original = signing_in.show_sign_in

    def show(target: str, email: str = "", status: int = 200, **more: object) -> object:
        return original(target, email, 403 if email.startswith("bilby") else status, **more)

    with patch.object(signing_in, "show_sign_in", show):
        yield


TRIAL = Trial(
    name="sign-in",
    title="sign-in: known against unknown and disabled addresses",
    passes_when="no measurable difference (Mann-Whitney, p ≥ 0.001); the same response, hashes, statements",
    unit="attempts",
    full=1_000,
    short=5,
    run=run,
    defects={
        "unknown addresses are not hashed": skip_hash_for_unknown,
        "disabled accounts are revealed": reveal_disabled,
    },
)
