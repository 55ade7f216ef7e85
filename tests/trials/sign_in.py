"""Signing in to addresses that are known and unknown: nobody can tell them apart by answers or by a clock."""

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
from sqlalchemy import event

from portal.accounts import passwords
from portal.accounts.pages import signing_in
from portal.extensions import db
from tests.trials.client import Answer, Client, form_request
from tests.trials.databases import hashing_with
from tests.trials.rank_test import mann_whitney
from tests.trials.trial import Conditions, Outcome, Trial
from tests.trials.world import World

# Less likely than this by chance: a difference that somebody could measure.
CHANCE = 0.001

# What differs from answer to answer without telling anything.
DIFFERENT = re.compile(r'(name="csrf_token" value=")[^"]*|(<code class="whole">)[^<]*')
OWN_HEADERS = {"X-Request-Id", "Set-Cookie", "Date"}


@dataclass(frozen=True)
class Try:
    """One attempt: the answer, how long it took in ms, how many hashes were checked and statements run."""

    answer: Answer
    ms: float
    hashes: int
    statements: int


def run(conditions: Conditions) -> Outcome:
    """So many wrong passwords for each kind of address, by turns: known, unknown, disabled."""
    rng = random.Random(conditions.seed)
    with conditions.app() as app:
        world = World(app, conditions.watch, batches=0)
        kinds = {"known": world.owner.user.email, "disabled": world.people["disabled"].user.email, "unknown": ""}
        hasher = PasswordHasher() if conditions.full else passwords.hasher
        with hashing_with(hasher):
            hashed = passwords.hash_password(world.owner.password)  # of the same cost as the one for nobody
            for name in ("owner", "disabled"):
                world.build.change(world.people[name].user, password_hash=hashed)
            client = Client(app, conditions.watch)
            token = client.csrf_token()
            tries: dict[str, list[Try]] = {kind: [] for kind in kinds}
            for number in range(conditions.count + 1):
                if number % 100 == 0:
                    conditions.tell(f"{number:,} of each kind")
                for kind in rng.sample(sorted(kinds), len(kinds)):
                    email = kinds[kind] or f"{rng.randrange(10**12):012}@example.com"
                    attempt = one_try(app, client, email, token)
                    if number:  # the first of each warms up
                        tries[kind].append(attempt)
        failures = said_apart(tries)
        figures: dict[str, str | int | float] = {}
        if conditions.full:
            slow, figures = measured(tries)
            failures += slow
        return Outcome(sum(map(len, tries.values())), failures, figures)


def one_try(app: Flask, client: Client, email: str, token: str) -> Try:
    """A wrong password for an address, its length always the same."""
    counted = {"hashes": 0, "statements": 0}
    right = passwords.hasher.verify

    def verify(*given: object) -> bool:
        counted["hashes"] += 1
        return right(*given)

    def statement(*_: object) -> None:
        counted["statements"] += 1

    pairs = [("email", email), ("password", "not the password at all"), ("csrf_token", token)]
    request = form_request("/login", pairs)
    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", statement)
    try:
        with patch.object(type(passwords.hasher), "verify", lambda _self, *given: verify(*given)):
            began = time.perf_counter()
            answer = client.ask(request)
            ms = (time.perf_counter() - began) * 1000
    finally:
        event.remove(engine, "before_cursor_execute", statement)
    text = answer.text.replace(email, "ADDRESS")
    same = DIFFERENT.sub(r"\1\2", text).encode()
    return Try(Answer(answer.status, answer.headers, same), ms, **counted)


def said_apart(tries: dict[str, list[Try]]) -> list[str]:
    """What tells one kind of address from another without a clock."""
    failures = []
    expected = None
    for kind, some in tries.items():
        for one in some:
            headers = sorted((name, value) for name, value in one.answer.headers if name not in OWN_HEADERS)
            told = {
                "status": one.answer.status,
                "body": one.answer.body,
                "headers": [pair for pair in headers if pair[0] != "Content-Length"],
                "hashes checked": one.hashes,
                "statements": one.statements,
            }
            expected = expected or told
            failures += [
                f"{kind}: another {name} than for a known address" for name in told if told[name] != expected[name]
            ]
        if some and some[0].answer.status != 401:
            failures.append(f"{kind}: {some[0].answer.status} instead of 401")
        if some and some[0].hashes != 1:
            failures.append(f"{kind}: {some[0].hashes} hashes were checked instead of 1")
    return list(dict.fromkeys(failures))


def measured(tries: dict[str, list[Try]]) -> tuple[list[str], dict[str, str | int | float]]:
    """Whether the times differ measurably, and the figures."""
    failures, figures = [], {}
    known = [one.ms for one in tries["known"]]
    for kind, some in tries.items():
        times = [one.ms for one in some]
        figures[f"{kind}, median ms"] = round(median(times), 2)
        if kind != "known":
            chance = mann_whitney(known, times)
            figures[f"known and {kind}, p"] = round(chance, 4)
            if chance < CHANCE:
                failures.append(f"{kind} differs from known: medians {median(times):.2f} and {median(known):.2f} ms")
    return failures, figures


# --- broken portals ---------------------------------------------------------------------------------------------------


@contextmanager
def hashing_for_the_known() -> Iterator[None]:
    """Where there is no such account nothing is hashed."""
    right = passwords.verify_password

    def hasty(password: str, password_hash: str | None) -> bool:
        return password_hash is not None and right(password, password_hash)

    with patch.object(signing_in, "verify_password", hasty):
        yield


@contextmanager
def telling_the_disabled() -> Iterator[None]:
    """A disabled account's page says something else."""
    right = signing_in.show_sign_in

    def tells(target: str, email: str = "", status: int = 200, **more: object) -> object:
        return right(target, email, 403 if email.startswith("bilby") else status, **more)

    with patch.object(signing_in, "show_sign_in", tells):
        yield


TRIAL = Trial(
    name="sign-in",
    title="sign-in: known against unknown and disabled addresses",
    passes_when="no measurable difference (Mann-Whitney, p ≥ 0.001); the same answer, hashes, statements",
    unit="attempts",
    full=1_000,
    short=5,
    run=run,
    broken={"only known addresses are hashed": hashing_for_the_known, "disabled ones are told": telling_the_disabled},
)
