"""Every route by every kind of caller: what each is told, that nothing of another's is in it, that nothing changed."""

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
from tests.trials.client import Answer, Client, form_request
from tests.trials.routes import ROWS, For, Row, Things, filled_row, good_request, method_of, rules_of, without_row
from tests.trials.trial import Conditions, Outcome, Trial
from tests.trials.world import Person, World

# What a refused request may still write: that it was there.
NOTED_TABLES = {"counters", "account_events"}
NOTED_COLUMNS = {"last_used_at", "seen_at"}

NEVER_MADE = f"bp_{'0' * 24}_{'A' * 43}"


class Told(Enum):
    """What a caller is told."""

    DONE = "what the right caller is told"
    SIGN_IN = "to sign in"
    BAD_FORM = "400"
    BAD_TOKEN = "401"
    NO_SCOPE = "403"
    NOT_THEIRS = "what is said of a thing of another's"
    NOT_ADMIN = "403 or 404"


@dataclass(frozen=True)
class Caller:
    """A kind of caller: whose session and token are good in it, and what is sent.

    `session`, `token` = whose it is where it is good, "" where there is none that is; `scopes` of a good token.
    """

    name: str
    cookies: Mapping[str, str] = field(default_factory=dict)
    csrf_token: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    session: str = ""
    token: str = ""
    scopes: frozenset[For] = frozenset({For.READ, For.WRITE})
    right: bool = False  # the request is theirs to make


def expected(row: Row, method: str, caller: Caller) -> Told:
    """What the caller of a route is to be told."""
    another = Told.NOT_THEIRS if row.owned and not caller.right else Told.DONE
    if row.whom.api:
        if not caller.token:
            return Told.BAD_TOKEN
        return another if row.whom in caller.scopes or another_first(row, another) else Told.NO_SCOPE
    if row.whom is For.ANYBODY:
        return Told.DONE
    if method != "GET" and not caller.csrf_token:
        return Told.BAD_FORM
    if row.whom is For.VISITOR:
        return Told.DONE
    if not caller.session:
        return Told.SIGN_IN
    if row.whom is For.ADMIN and caller.session != "admin":
        return Told.NOT_ADMIN
    return Told.DONE if row.whom is For.ADMIN else another


def another_first(row: Row, another: Told) -> bool:
    """Whether a wrong user is told before a missing scope is: both are 403."""
    return another is Told.NOT_THEIRS and row.stranger == 403


def fits(told: Told, row: Row, answer: Answer) -> bool:
    """Whether the answer is that."""
    if told is Told.SIGN_IN:
        by_htmx = answer.status == 401 and "/login" in answer.headers.get("HX-Redirect", "")
        return by_htmx or (answer.status == 303 and answer.headers.get("Location", "").startswith("/login"))
    if told is Told.BAD_TOKEN:
        return answer.status == 401 and answer.headers.get("WWW-Authenticate") == "Bearer" and bool(answer.json)
    if told is Told.DONE and "HX-Redirect" in answer.headers:  # htmx is led on by a 200
        return answer.status == 200 and row.good in (302, 303)
    statuses = {
        Told.DONE: {row.good} | ({303} if row.whom is For.ANYBODY else set()),
        Told.BAD_FORM: {400},
        Told.NO_SCOPE: {403},
        Told.NOT_THEIRS: {row.stranger},
        Told.NOT_ADMIN: {403, 404},
    }
    return answer.status in statuses[told]


class Cast:
    """Everybody who asks."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.clients: dict[str, Client] = {}
        self.tokens: dict[str, str] = {}
        self.doubtful: set[str] = set()  # whose session may have ended
        ended = world.client(world.owner)
        self.ended_token = ended.csrf_token("/settings/account")
        self.ended = dict(ended.cookies)
        assert ended.ask(form_request("/logout", [("csrf_token", self.ended_token)])).status == 303
        visitor = world.client()
        self.visitor_token = visitor.csrf_token()
        self.visitor = dict(visitor.cookies)
        world.build.change(world.people["disabled"].user, disabled_at=None)
        self.enter("disabled")
        world.build.change(world.people["disabled"].user, disabled_at=1)

    def enter(self, name: str) -> None:
        """Sign somebody in anew."""
        self.clients[name] = self.world.client(self.world.people[name])
        self.tokens[name] = self.clients[name].csrf_token("/settings/account")

    def session(self, name: str) -> dict[str, object]:
        """Somebody's good session, signed in anew where it has ended."""
        if name not in self.clients or (name in self.doubtful and self.get_account(name) != 200):
            self.enter(name)
        self.doubtful.discard(name)
        return {"cookies": dict(self.clients[name].cookies), "csrf_token": self.tokens[name], "session": name}

    def get_account(self, name: str) -> int:
        """What somebody's session is told of their account."""
        return self.clients[name].get("/settings/account").status

    def callers(self, row: Row) -> Iterator[Caller]:
        """Everybody, the right ones last."""
        people, owner = self.world.people, self.world.owner.tokens
        visitor = {"cookies": self.visitor, "csrf_token": self.visitor_token}
        shut_out = {"cookies": dict(self.clients["disabled"].cookies), "csrf_token": self.tokens["disabled"]}
        forged = {name: f"{value[:-4]}AAAA" for name, value in self.session("owner")["cookies"].items()}
        disabled = people["disabled"].tokens["good"]
        yield Caller("nobody", **visitor)
        yield Caller("nobody, by htmx", **visitor, headers={"HX-Request": "true"})
        yield Caller("a token that never was", headers=bearer(NEVER_MADE))
        yield Caller("a token that is none", headers=bearer("x' OR 1=1 --"))
        yield Caller("an expired token", headers=bearer(owner["expired"]))
        yield Caller("a revoked token", headers={"X-Api-Key": owner["revoked"]})
        yield Caller("a disabled user's token", headers=bearer(disabled))
        yield Caller("a good token's id with another secret", headers=bearer(f"{owner['good'][:-4]}AAAA"))
        yield Caller("a session that has ended", cookies=self.ended, csrf_token=self.ended_token)
        yield Caller("a disabled user's session", **shut_out)
        yield Caller("a session with a forged signature", cookies=forged)
        yield Caller("another's session", **self.session("stranger"))
        yield Caller("an admin's session", **self.session("admin"), right=row.whom is For.ADMIN)
        another = people["stranger"].tokens["good"]
        yield Caller("another's token", headers=bearer(another), token="stranger")
        if row.whom.api or method_is_safe(row):
            own = {"cookies": self.session("owner")["cookies"], "session": "owner"}
            yield Caller("the owner's cookie and no token", **own, right=True)
        else:
            own = self.session("owner") | {"csrf_token": ""}
            yield Caller("a form of another site, with the owner's cookie", **own, right=True)
        for scope in (For.READ, For.WRITE):
            sent = bearer(owner[scope.name.lower()])
            yield Caller(f"{scope.value} alone", headers=sent, token="owner", scopes=frozenset({scope}), right=True)
        yield Caller("the owner's token", headers={"X-Api-Key": owner["good"]}, token="owner", right=True)
        yield Caller("the owner's session", **self.session("owner"), right=True)


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def method_is_safe(row: Row) -> bool:
    """Whether the route only shows."""
    return row.form is None


def run(conditions: Conditions) -> Outcome:
    """Every cell."""
    with conditions.app() as app:
        world = World(app, conditions.watch)
        cast = Cast(world)
        failures, cells = without_row(app), 0
        for rule in rules_of(app):
            if (row := ROWS.get(rule.endpoint)) and not conditions.enough(failures):
                done, wrong = try_route(cast, rule, row)
                cells += done
                failures += wrong
        return Outcome(cells, failures, {"routes": len(rules_of(app))})


def try_route(cast: Cast, rule: Rule, row: Row) -> tuple[int, list[str]]:
    """Every caller of one route: how many, and what was wrong."""
    world, method = cast.world, method_of(rule)
    owner = world.people["admin" if row.whom is For.ADMIN else "owner"]
    told = [(caller, expected(row, method, caller)) for caller in cast.callers(row)]
    refused = [(caller, what) for caller, what in told if what is not Told.DONE]
    failures: list[str] = []
    if method != "GET":
        cast.doubtful |= {"owner", "stranger", "admin"}

    def judge(caller: Caller, what: Told, mine: Row) -> None:
        answer = ask(world, rule, mine, caller)
        where = f"{method} {rule.rule} by {caller.name}"
        if not fits(what, row, answer):
            failures.append(f"{where}: {answer.status} instead of {what.value} ({what.name})")
        if not caller.right and (leaked := leaks(owner, mine, answer)):
            failures.append(f"{where}: the answer shows {leaked}")

    shared = filled_row(row, Things(world, owner))
    before = snapshot(world.app) if refused else {}
    for caller, what in refused:
        judge(caller, what, shared)
    if refused and (changed := differing(before, snapshot(world.app))):
        failures.append(f"{method} {rule.rule}: somebody was refused, and yet it changed {changed}")
    for caller, what in told:
        if what is Told.DONE:
            judge(caller, what, filled_row(row, Things(world, owner)))
    return len(told), failures


def ask(world: World, rule: Rule, row: Row, caller: Caller) -> Answer:
    """The route's right request, as the caller makes it."""
    client = Client(world.app, world.watch)
    client.cookies = dict(caller.cookies)
    request = good_request(rule, row, caller.csrf_token)
    return client.ask(replace(request, headers=dict(caller.headers)))


def leaks(owner: Person, row: Row, answer: Answer) -> str:
    """What of the owner's stands in the answer without having been sent; the kind of it, in words."""
    sent = repr((row.path, row.query, row.form, row.json))
    text = answer.text + str(answer.headers)
    shown = [mark for mark in owner.marks if mark in text and mark not in sent]
    return f"{len(shown)} things of the owner's, such as {shown[0]}" if shown else ""


def snapshot(app: Flask) -> dict[str, str]:
    """A checksum of every table, but for what a refused request may write."""
    found = {}
    with app.app_context(), db.engine.connect() as connection:
        for table in db.metadata.sorted_tables:
            if table.name not in NOTED_TABLES:
                columns = [column for column in table.c if column.name not in NOTED_COLUMNS]
                rows = sorted(repr(tuple(row)) for row in connection.execute(select(*columns)))
                found[table.name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


def differing(before: dict[str, str], after: dict[str, str]) -> str:
    """The tables that differ."""
    return ", ".join(name for name in before if before[name] != after[name])


# --- broken portals ---------------------------------------------------------------------------------------------------


@contextmanager
def without_owner_filter() -> Iterator[None]:
    """Whoever asks for a batch by its id is given it, whoever's it is."""
    right = batches_query.find_batch

    def anybodys(owner_key: int, batch_id: str, *more: object) -> object:
        owner = db.session.execute(select(Batch.owner_key).where(Batch.id == batch_id)).scalar()
        return right(owner or owner_key, batch_id, *more)

    with patch.object(batches_query, "find_batch", anybodys):
        yield


@contextmanager
def with_expired_tokens() -> Iterator[None]:
    """A token that has expired is still good."""
    right = accounts_query.find_caller
    with patch.object(accounts_query, "find_caller", lambda token_id, secret, now: right(token_id, secret, 0)):
        yield


@contextmanager
def without_a_row() -> Iterator[None]:
    """A route that nobody thought of."""
    with patch.dict(ROWS):
        ROWS.pop("batches.show_batch")
        yield


@contextmanager
def writing_before_refusing() -> Iterator[None]:
    """The portal writes something down for a caller whom it then refuses."""
    right = accounts_query.find_caller
    table = db.metadata.tables["batch_counts"]

    def careless(token_id: str, secret: str, now: int) -> object:
        found = right(token_id, secret, now)
        if found is None:
            count = db.session.execute(select(table.c.number)).scalars().all()
            user = db.session.execute(select(db.metadata.tables["users"].c.key)).scalars().first()
            row = {"owner_key": user, "bits": 1, "number": len(count), "active": 0}
            db.session.execute(insert(table), row)
            db.session.commit()
        return found

    with patch.object(accounts_query, "find_caller", careless):
        yield


TRIAL = Trial(
    name="callers",
    title="every route by every kind of caller",
    passes_when="each is told what the table says; no leak; the refused change nothing; every route has a row",
    unit="cells",
    full=1,
    short=1,
    run=run,
    broken={
        "batches are shown to anybody": without_owner_filter,
        "expired tokens are good": with_expired_tokens,
        "a route without a row": without_a_row,
        "a refused request writes": writing_before_refusing,
    },
)
