"""Searches for secrets and phone numbers in logs, responses, metrics and tables, also after misuse and errors."""

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
from tests.support.monitor import LeakMonitor
from tests.support.wsgi_client import WsgiClient, WsgiRequest
from tests.trials.fixtures import Fixtures
from tests.trials.routes import PATH_VARIABLE, ROUTE_ROWS, Placeholders, fill_row, method_of, rules_of, valid_request
from tests.trials.session_client import SessionClient
from tests.trials.trial import Conditions, Outcome, Trial

METRICS_TOKEN = "only for trials, and long enough"

# The columns that may contain phone numbers.
PHONE_NUMBER_COLUMNS = {
    ("attempts", "from_number"),
    ("attempts", "phone_number"),
    ("batches", "settings"),
    ("call_events", "transcript"),
    ("calls", "fields"),
    ("calls", "phone_number"),
    ("calls", "search_text"),
    ("caller_numbers", "phone_number"),
    ("suppressions", "phone_number"),
    ("uploads", "content"),
    ("uploads", "report"),
}

# The kinds of secret that no table may contain in plain text.
NEVER_STORED = ("a password", "a token's secret", "a session's cookie", "a second factor's secret")

# Fictional numbers, which the API's documentation has in its examples.
EXAMPLE_NUMBER = re.compile(r"\+1\d{3}55501\d\d|\(\d{3}\) 555-01\d\d")

# Routes for programs.
PROGRAM_ROUTES = ("/metrics", "/healthz", "/readyz", "/api/openapi.json")


def run(conditions: Conditions) -> Outcome:
    """Request every route, also with misplaced secrets and with errors, and search everything afterwards."""
    monitor = conditions.monitor
    with conditions.app(LOG_LEVEL="DEBUG", METRICS_TOKEN=METRICS_TOKEN) as app:
        fixtures = Fixtures(app, monitor)
        secret = new_totp_secret()
        monitor.add_secret("a second factor's secret", [secret])
        fixtures.build.change(fixtures.stranger.user, totp_secret=encrypt_secret(secret, str(app.secret_key)))
        session_client = SessionClient(fixtures, fixtures.owner)
        requests = request_every_route(app, session_client, conditions.count)
        with fail_lists(fixtures.owner.numbers[0]):
            requests += request_every_route(app, session_client, conditions.count)
        program = WsgiClient(app, monitor)
        for path in PROGRAM_ROUTES:
            request = WsgiRequest(path=path).with_headers(Authorization=f"Bearer {METRICS_TOKEN}")
            without_examples = EXAMPLE_NUMBER.sub("", program.send(request).text)
            monitor.check_text(f"the response of {path}", without_examples, phone_numbers=True)
        search_tables(app, monitor)
    figures = {"log lines": monitor.lines, "responses": monitor.responses, "cells": monitor.cells}
    return Outcome(requests, monitor.findings, figures)


def request_every_route(app: Flask, session_client: SessionClient, each: int) -> int:
    """Send the valid request of every route, then `each` requests with misplaced secrets. Returns their number."""
    account, requests = session_client.account, 0
    placeholders = Placeholders(session_client.fixtures, account)
    misplaced = (account.numbers[0], account.tokens["good"], account.password)
    for number, rule in enumerate(rules_of(app)):
        if rule.endpoint not in ROUTE_ROWS:
            continue
        if number == 0 or method_of(rule) != "GET":
            session_client.restore()
        row = fill_row(ROUTE_ROWS[rule.endpoint], placeholders)
        valid = valid_request(rule, row, session_client.csrf_token)
        attempts = [valid]
        for turn in range(each):
            text = misplaced[(number + turn) % len(misplaced)]
            attempts.append(replace(valid, query=f"search={quote(text)}&{quote(text)}={quote(text)}"))
            attempts.append(
                valid.with_headers(X_Request_Id=text, User_Agent=text, Referer=f"http://localhost/?q={text}")
            )
            if rule.arguments and method_of(rule) == "GET":
                path = PATH_VARIABLE.sub(lambda found, text=text: quote(text, safe=""), rule.rule)
                attempts.append(replace(valid, path=path))
        for request in attempts:
            session_client.send(request, row)
        requests += len(attempts)
    for text in misplaced:
        client = session_client.fixtures.client()
        client.sign_in(text, text)
        client.send(WsgiRequest(path=f"/api/call/batches/{account.user.id}").with_headers(X_Api_Key=f"{text}x"))
        requests += 2
    return requests


@contextmanager
def fail_lists(number: str) -> Iterator[None]:
    """Let lists fail with an error message that contains a phone number."""

    def fail(*_arguments: object, **_named: object) -> None:
        raise RuntimeError(f"cannot call {number}")

    with patch.object(batches_query, "fetch_page", fail), patch.object(calls_query, "fetch_page", fail):
        yield


def search_tables(app: Flask, monitor: LeakMonitor) -> None:
    """Search every cell of every table."""
    never_stored = [value for value, kind in monitor.secrets.items() if kind in NEVER_STORED]
    with app.app_context(), db.engine.connect() as connection:
        for table in db.metadata.sorted_tables:
            for row in connection.execute(select(table)):
                for name, value in row._mapping.items():
                    monitor.cells += 1
                    label, text = f"{table.name}.{name}", cell_text(value)
                    for secret in never_stored:
                        if secret in text:
                            monitor.add_finding(f"{label} holds {monitor.secrets[secret]}")
                    if (table.name, name) not in PHONE_NUMBER_COLUMNS:
                        monitor.check_phone_number(label, text)


def cell_text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


# --- defects ----------------------------------------------------------------------------------------------------------


@contextmanager
def log_any_request_id() -> Iterator[None]:
    """Write any request id to the log."""
    with patch.object(request_hooks, "VALID_REQUEST_ID", re.compile(r".*")):
        yield


@contextmanager
def store_tokens() -> Iterator[None]:
    """Store the text of a token next to the hash of its secret."""
    original = accounts_actions.add_token

    def patched(*arguments: object) -> object:
        token, text = original(*arguments)
        db.session.execute(update(Token).where(Token.key == token.key).values(name=text))
        db.session.commit()
        return token, text

    with patch.object(accounts_actions, "add_token", patched):
        yield


TRIAL = Trial(
    name="leaked-secrets",
    title="secrets and phone numbers in logs, errors, metrics and tables, after all of the above",
    passes_when="none in plain text",
    unit="requests",
    full=3,
    short=1,
    run=run,
    defects={"any request id is logged": log_any_request_id, "tokens are stored in plain text": store_tokens},
)
