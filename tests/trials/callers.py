"""Every route with every kind of caller: the right response, no data of others, no change by a refused request."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from unittest.mock import patch

from flask import Flask
from sqlalchemy import insert, select
from werkzeug.routing import Rule

from portal.accounts import query as accounts_query
from portal.batches import query as batches_query
from portal.extensions import db
from portal.models import Batch
from tests.support.wsgi_client import WsgiClient, WsgiResponse, form_request
from tests.trials.fixtures import Account, Fixtures
from tests.trials.routes import (
    ROUTE_ROWS,
    Audience,
    Placeholders,
    RouteRow,
    fill_row,
    find_uncovered_routes,
    method_of,
    rules_of,
    valid_request,
)
from tests.trials.trial import Conditions, Outcome, Trial

# A refused request may write these: they record that it was sent.
WRITABLE_TABLES = {"counters", "account_events"}
WRITABLE_COLUMNS = {"last_used_at", "seen_at"}

UNKNOWN_TOKEN = f"bp_{'0' * 24}_{'A' * 43}"


class ExpectedResult(Enum):
    """The expected result of a request."""

    DONE = "the response of a caller with access"
    SIGN_IN = "a redirect to sign-in"
    BAD_FORM = "400"
    BAD_TOKEN = "401"
    NO_SCOPE = "403"
    NOT_THEIRS = "the response for another account's data"
    NOT_ADMIN = "403 or 404"


@dataclass(frozen=True)
class CallerKind:
    """A kind of caller, with its cookies, CSRF token and headers.

    `session`, `token` = the account of a valid session or token, "" without one; `scopes` = of a valid token.
    """

    name: str
    cookies: Mapping[str, str] = field(default_factory=dict)
    csrf_token: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    session: str = ""
    token: str = ""
    scopes: frozenset[Audience] = frozenset({Audience.READ, Audience.WRITE, Audience.DIAL})
    has_access: bool = False  # the request is for this account


def expect(row: RouteRow, method: str, caller: CallerKind) -> ExpectedResult:
    """Return the expected result."""
    another = ExpectedResult.NOT_THEIRS if row.owned and not caller.has_access else ExpectedResult.DONE
    if row.audience.api:
        if not caller.token:
            return ExpectedResult.BAD_TOKEN
        return (
            another if row.audience in caller.scopes or is_user_checked_first(row, another) else ExpectedResult.NO_SCOPE
        )
    if row.audience is Audience.ANYONE:
        return ExpectedResult.DONE
    if method != "GET" and not caller.csrf_token:
        return ExpectedResult.BAD_FORM
    if row.audience is Audience.VISITOR:
        return ExpectedResult.DONE
    if not caller.session:
        return ExpectedResult.SIGN_IN
    if row.audience is Audience.ADMIN and caller.session != "admin":
        return ExpectedResult.NOT_ADMIN
    return ExpectedResult.DONE if row.audience is Audience.ADMIN else another


def is_user_checked_first(row: RouteRow, another: ExpectedResult) -> bool:
    """Return whether the portal reports a wrong user before a missing scope; both are 403."""
    return another is ExpectedResult.NOT_THEIRS and row.stranger == 403


def matches(expected: ExpectedResult, row: RouteRow, response: WsgiResponse) -> bool:
    """Return whether the response is the expected one."""
    if expected is ExpectedResult.SIGN_IN:
        by_htmx = response.status == 401 and "/login" in response.headers.get("HX-Redirect", "")
        return by_htmx or (response.status == 303 and response.headers.get("Location", "").startswith("/login"))
    if expected is ExpectedResult.BAD_TOKEN:
        return response.status == 401 and response.headers.get("WWW-Authenticate") == "Bearer" and bool(response.json)
    if expected is ExpectedResult.DONE and "HX-Redirect" in response.headers:  # htmx follows a 200
        return response.status == 200 and row.status in (302, 303)
    statuses = {
        ExpectedResult.DONE: {row.status} | ({303} if row.audience is Audience.ANYONE else set()),
        ExpectedResult.BAD_FORM: {400},
        ExpectedResult.NO_SCOPE: {403},
        ExpectedResult.NOT_THEIRS: {row.stranger},
        ExpectedResult.NOT_ADMIN: {403, 404},
    }
    return response.status in statuses[expected]


class CallerFactory:
    """Creates the callers, with valid, ended and forged sessions and tokens."""

    def __init__(self, fixtures: Fixtures) -> None:
        self.fixtures = fixtures
        self.clients: dict[str, WsgiClient] = {}
        self.tokens: dict[str, str] = {}
        self.maybe_ended: set[str] = set()  # accounts whose session may have ended
        ended = fixtures.client(fixtures.owner)
        self.ended_token = ended.csrf_token("/settings/account")
        self.ended = dict(ended.cookies)
        assert ended.send(form_request("/logout", [("csrf_token", self.ended_token)])).status == 303
        visitor = fixtures.client()
        self.visitor_token = visitor.csrf_token()
        self.visitor = dict(visitor.cookies)
        fixtures.build.change(fixtures.accounts["disabled"].user, disabled_at=None)
        self.sign_in("disabled")
        fixtures.build.change(fixtures.accounts["disabled"].user, disabled_at=1)

    def sign_in(self, name: str) -> None:
        """Sign in again."""
        self.clients[name] = self.fixtures.client(self.fixtures.accounts[name])
        self.tokens[name] = self.clients[name].csrf_token("/settings/account")

    def session(self, name: str) -> dict[str, object]:
        """Return an account's valid session; sign in again if it has ended."""
        if name not in self.clients or (name in self.maybe_ended and self.get_account(name) != 200):
            self.sign_in(name)
        self.maybe_ended.discard(name)
        return {"cookies": dict(self.clients[name].cookies), "csrf_token": self.tokens[name], "session": name}

    def get_account(self, name: str) -> int:
        """Return the status of the account page with an account's session."""
        return self.clients[name].get("/settings/account").status

    def callers(self, row: RouteRow) -> Iterator[CallerKind]:
        """Return all callers, those with access last."""
        accounts, owner = self.fixtures.accounts, self.fixtures.owner.tokens
        visitor = {"cookies": self.visitor, "csrf_token": self.visitor_token}
        disabled_session = {"cookies": dict(self.clients["disabled"].cookies), "csrf_token": self.tokens["disabled"]}
        forged = {name: f"{value[:-4]}AAAA" for name, value in self.session("owner")["cookies"].items()}
        disabled = accounts["disabled"].tokens["good"]
        yield CallerKind("a visitor", **visitor)
        yield CallerKind("a visitor with htmx", **visitor, headers={"HX-Request": "true"})
        yield CallerKind("an unknown token", headers=bearer(UNKNOWN_TOKEN))
        yield CallerKind("a malformed token", headers=bearer("x' OR 1=1 --"))
        yield CallerKind("an expired token", headers=bearer(owner["expired"]))
        yield CallerKind("a revoked token", headers={"X-Api-Key": owner["revoked"]})
        yield CallerKind("a disabled user's token", headers=bearer(disabled))
        yield CallerKind("a valid token's id with another secret", headers=bearer(f"{owner['good'][:-4]}AAAA"))
        yield CallerKind("an ended session", cookies=self.ended, csrf_token=self.ended_token)
        yield CallerKind("a disabled user's session", **disabled_session)
        yield CallerKind("a session with a forged signature", cookies=forged)
        yield CallerKind("a stranger's session", **self.session("stranger"))
        yield CallerKind("an admin's session", **self.session("admin"), has_access=row.audience is Audience.ADMIN)
        another = accounts["stranger"].tokens["good"]
        yield CallerKind("a stranger's token", headers=bearer(another), token="stranger")
        if row.audience.api or is_read_only(row):
            own = {"cookies": self.session("owner")["cookies"], "session": "owner"}
            yield CallerKind("the owner's cookie without a token", **own, has_access=True)
        else:
            own = self.session("owner") | {"csrf_token": ""}
            yield CallerKind("a form of another site with the owner's cookie", **own, has_access=True)
        for scope in (Audience.READ, Audience.WRITE, Audience.DIAL):
            sent = bearer(owner[scope.name.lower()])
            yield CallerKind(
                f"{scope.value} only", headers=sent, token="owner", scopes=frozenset({scope}), has_access=True
            )
        yield CallerKind("the owner's token", headers={"X-Api-Key": owner["good"]}, token="owner", has_access=True)
        yield CallerKind("the owner's session", **self.session("owner"), has_access=True)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def is_read_only(row: RouteRow) -> bool:
    """Return whether the route only reads."""
    return row.form is None


def run(conditions: Conditions) -> Outcome:
    """Test every route with every caller."""
    with conditions.app() as app:
        fixtures = Fixtures(app, conditions.monitor)
        factory = CallerFactory(fixtures)
        failures, cells = find_uncovered_routes(app), 0
        for rule in rules_of(app):
            if (row := ROUTE_ROWS.get(rule.endpoint)) and not conditions.should_stop(failures):
                done, problems = check_route(factory, rule, row)
                cells += done
                failures += problems
        return Outcome(cells, failures, {"routes": len(rules_of(app))})


def check_route(factory: CallerFactory, rule: Rule, row: RouteRow) -> tuple[int, list[str]]:
    """Test one route with every caller. Returns their number and the failures."""
    fixtures, method = factory.fixtures, method_of(rule)
    owner = fixtures.accounts["admin" if row.audience is Audience.ADMIN else "owner"]
    expectations = [(caller, expect(row, method, caller)) for caller in factory.callers(row)]
    refused = [(caller, result) for caller, result in expectations if result is not ExpectedResult.DONE]
    failures: list[str] = []
    if method != "GET":
        factory.maybe_ended |= {"owner", "stranger", "admin"}

    def check(caller: CallerKind, result: ExpectedResult, filled: RouteRow) -> None:
        response = send(fixtures, rule, filled, caller)
        label = f"{method} {rule.rule} by {caller.name}"
        if not matches(result, row, response):
            failures.append(f"{label}: {response.status} instead of {result.value} ({result.name})")
        if not caller.has_access and (leaked := find_leaks(owner, filled, response)):
            failures.append(f"{label}: the response contains {leaked}")

    shared = fill_row(row, Placeholders(fixtures, owner))
    before = snapshot(fixtures.app) if refused else {}
    for caller, result in refused:
        check(caller, result, shared)
    if refused and (changed := find_changed_tables(before, snapshot(fixtures.app))):
        failures.append(f"{method} {rule.rule}: a refused request changed {changed}")
    for caller, result in expectations:
        if result is ExpectedResult.DONE:
            check(caller, result, fill_row(row, Placeholders(fixtures, owner)))
    return len(expectations), failures


def send(fixtures: Fixtures, rule: Rule, row: RouteRow, caller: CallerKind) -> WsgiResponse:
    """Send the route's valid request as the caller."""
    client = WsgiClient(fixtures.app, fixtures.monitor)
    client.cookies = dict(caller.cookies)
    request = valid_request(rule, row, caller.csrf_token)
    return client.send(replace(request, headers=dict(caller.headers)))


def find_leaks(owner: Account, row: RouteRow, response: WsgiResponse) -> str:
    """Return a description of the owner's data in the response that the request did not contain."""
    sent = repr((row.path, row.query, row.form, row.json))
    text = response.text + str(response.headers)
    shown = [mark for mark in owner.marks if mark in text and mark not in sent]
    return f"{len(shown)} texts of the owner, such as {shown[0]}" if shown else ""


def snapshot(app: Flask) -> dict[str, str]:
    """Return a checksum of every table, except result a refused request may write."""
    checksums = {}
    with app.app_context(), db.engine.connect() as connection:
        for table in db.metadata.sorted_tables:
            if table.name not in WRITABLE_TABLES:
                columns = [column for column in table.c if column.name not in WRITABLE_COLUMNS]
                rows = sorted(repr(tuple(row)) for row in connection.execute(select(*columns)))
                checksums[table.name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return checksums


def find_changed_tables(before: dict[str, str], after: dict[str, str]) -> str:
    """Return the names of the tables that differ."""
    return ", ".join(name for name in before if before[name] != after[name])


# --- defects ----------------------------------------------------------------------------------------------------------


@contextmanager
def ignore_owner() -> Iterator[None]:
    """Find a batch by its id for every user."""
    original = batches_query.find_batch

    def find_any_batch(owner_key: int, batch_id: str, *more: object) -> object:
        owner = db.session.execute(select(Batch.owner_key).where(Batch.id == batch_id)).scalar()
        return original(owner or owner_key, batch_id, *more)

    with patch.object(batches_query, "find_batch", find_any_batch):
        yield


@contextmanager
def accept_expired_tokens() -> Iterator[None]:
    """Accept expired tokens."""
    original = accounts_query.find_caller
    with patch.object(accounts_query, "find_caller", lambda token_id, secret, now: original(token_id, secret, 0)):
        yield


@contextmanager
def remove_a_row() -> Iterator[None]:
    """Remove a route from the table."""
    with patch.dict(ROUTE_ROWS):
        ROUTE_ROWS.pop("batches.show_batch")
        yield


@contextmanager
def write_before_refusing() -> Iterator[None]:
    """Write to the database before the request is refused."""
    original = accounts_query.find_caller
    table = db.metadata.tables["batch_counts"]

    def patched(token_id: str, secret: str, now: int) -> object:
        caller = original(token_id, secret, now)
        if caller is None:
            count = db.session.execute(select(table.c.number)).scalars().all()
            user = db.session.execute(select(db.metadata.tables["users"].c.key)).scalars().first()
            row = {"owner_key": user, "bits": 1, "number": len(count), "active": 0}
            db.session.execute(insert(table), row)
            db.session.commit()
        return caller

    with patch.object(accounts_query, "find_caller", patched):
        yield


TRIAL = Trial(
    name="callers",
    title="every route with every kind of caller",
    passes_when="each response as expected; no leak; refused requests change nothing; every route has a row",
    unit="cells",
    full=1,
    short=1,
    run=run,
    defects={
        "batches are shown to every user": ignore_owner,
        "expired tokens are accepted": accept_expired_tokens,
        "a route without a row": remove_a_row,
        "a refused request writes": write_before_refusing,
    },
)
