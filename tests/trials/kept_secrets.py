"""Secrets and phone numbers looked for in logs, answers, metrics and tables, whatever is asked and whatever fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch
from urllib.parse import quote

from flask import Flask
from sqlalchemy import select, update

from portal.accounts import actions as accounts_actions
from portal.accounts.second_factor import encrypt_secret, new_totp_secret
from portal.batches import query as batches_query
from portal.calls import query as calls_query
from portal.extensions import db
from portal.models import Token
from portal.web import request_hooks
from tests.trials.asker import Asker
from tests.trials.client import Client, Request
from tests.trials.routes import ROWS, VARIABLE, Things, filled_row, good_request, method_of, rules_of
from tests.trials.trial import Conditions, Outcome, Trial
from tests.trials.watch import Watch
from tests.trials.world import World

METRICS_TOKEN = "only for trials, and long enough"

# Where a number that is called, or calls, has its place; everything else must do without.
FOR_NUMBERS = {
    ("batches", "settings"),
    ("call_events", "transcript"),
    ("calls", "fields"),
    ("calls", "phone_number"),
    ("calls", "search_text"),
    ("uploads", "content"),
    ("uploads", "report"),
}

# What no table may hold as it is.
NEVER_KEPT = ("a password", "a token's secret", "a session's cookie", "a second factor's secret")

# What is asked by people's machines, not by people.
OF_MACHINES = ("/metrics", "/healthz", "/readyz", "/api/openapi.json")


def run(conditions: Conditions) -> Outcome:
    """Every route asked rightly, with secrets where they do not belong, and failing; then everything is searched."""
    watch = conditions.watch
    with conditions.app(LOG_LEVEL="DEBUG", METRICS_TOKEN=METRICS_TOKEN) as app:
        world = World(app, watch)
        secret = new_totp_secret()
        watch.keep_secret("a second factor's secret", [secret])
        world.build.change(world.stranger.user, totp_secret=encrypt_secret(secret, str(app.secret_key)))
        asker = Asker(world, world.owner)
        asked = tour(app, asker, conditions.count)
        with failing_with(world.owner.numbers[0]):
            asked += tour(app, asker, conditions.count)
        machines = Client(app, watch)
        for path in OF_MACHINES:
            request = Request(path=path).with_headers(Authorization=f"Bearer {METRICS_TOKEN}")
            without_examples = machines.ask(request).text.replace("+12025550101", "")
            watch.report(f"the answer of {path}", without_examples, phone_numbers=True)
        search_tables(app, watch)
    figures = {"log lines": watch.lines, "answers": watch.answers, "cells": watch.cells}
    return Outcome(asked, watch.found, figures)


def tour(app: Flask, asker: Asker, each: int) -> int:
    """Every route as it should be, then with so many things that it must not repeat, by turns; how many requests."""
    person, asked = asker.person, 0
    things = Things(asker.world, person)
    misplaced = (person.numbers[0], person.tokens["good"], person.password)
    for number, rule in enumerate(rules_of(app)):
        if rule.endpoint not in ROWS:
            continue
        if number == 0 or method_of(rule) != "GET":
            asker.renew()
        row = filled_row(ROWS[rule.endpoint], things)
        right = good_request(rule, row, asker.csrf_token)
        tries = [right]
        for turn in range(each):
            text = misplaced[(number + turn) % len(misplaced)]
            tries.append(replace(right, query=f"search={quote(text)}&{quote(text)}={quote(text)}"))
            tries.append(right.with_headers(X_Request_Id=text, User_Agent=text, Referer=f"http://localhost/?q={text}"))
            if rule.arguments and method_of(rule) == "GET":
                path = VARIABLE.sub(lambda found, text=text: quote(text, safe=""), rule.rule)
                tries.append(replace(right, path=path))
        for request in tries:
            asker.ask(request, row)
        asked += len(tries)
    for text in misplaced:
        client = asker.world.client()
        client.sign_in(text, text)
        client.ask(Request(path=f"/api/call/batches/{person.user.id}").with_headers(X_Api_Key=f"{text}x"))
        asked += 2
    return asked


@contextmanager
def failing_with(number: str) -> Iterator[None]:
    """Pages and endpoints fail, and what they raise speaks of somebody's number."""

    def fails(*_given: object, **_named: object) -> None:
        raise RuntimeError(f"cannot call {number}")

    with patch.object(batches_query, "fetch_page", fails), patch.object(calls_query, "fetch_page", fails):
        yield


def search_tables(app: Flask, watch: Watch) -> None:
    """Look at every cell of every table."""
    kept = [value for value, what in watch.secrets.items() if what in NEVER_KEPT]
    with app.app_context(), db.engine.connect() as connection:
        for table in db.metadata.sorted_tables:
            for row in connection.execute(select(table)):
                for name, value in row._mapping.items():
                    watch.cells += 1
                    where, text = f"{table.name}.{name}", in_words(value)
                    for secret in kept:
                        if secret in text:
                            watch.note(f"{where} holds {watch.secrets[secret]}")
                    if (table.name, name) not in FOR_NUMBERS:
                        watch.note_number(where, text)


def in_words(value: object) -> str:
    """A cell as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


# --- broken portals ---------------------------------------------------------------------------------------------------


@contextmanager
def believing_request_ids() -> Iterator[None]:
    """Whatever is sent as a request's id is written to the log."""
    with patch.object(request_hooks, "SANE_ID", re.compile(r".*")):
        yield


@contextmanager
def keeping_tokens() -> Iterator[None]:
    """A token's text is kept beside the hash of its secret."""
    right = accounts_actions.add_token

    def careless(*given: object) -> object:
        token, text = right(*given)
        db.session.execute(update(Token).where(Token.key == token.key).values(name=text))
        db.session.commit()
        return token, text

    with patch.object(accounts_actions, "add_token", careless):
        yield


TRIAL = Trial(
    name="kept-secrets",
    title="secrets and phone numbers looked for in logs, errors, metrics, tables; after all of the above",
    passes_when="none in clear",
    unit="requests",
    full=3,
    short=1,
    run=run,
    broken={"any request id is logged": believing_request_ids, "tokens are kept in clear": keeping_tokens},
)
