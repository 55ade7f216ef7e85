"""Random requests at every route, pages and API: no failure of ours, and nothing comes back unescaped."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from flask import Flask
from markupsafe import Markup

from portal.audit import batch_query as changes_query
from portal.web import rendering
from tests.trials.asker import Asker
from tests.trials.client import Answer, Client, Text
from tests.trials.generator import Asked, Generator
from tests.trials.trial import Conditions, Outcome, Trial
from tests.trials.values import VALUES
from tests.trials.world import World

# What would run, or end an attribute, where it is not escaped.
MARK = "mkq<x'\"&"
UNESCAPED = re.compile(r"mkq<|mkq&lt;x'|mkq&lt;x&#(?:39|x27);\"")

MARKED = (MARK, f"{MARK}>", f"</script>{MARK}", f"{MARK} onfocus=alert(1) ", f"-->{MARK}")

# Long texts take long to handle and are tried at every field by another trial.
SHORT = [value.wire for value in VALUES if len(value.wire) < 1000]
LONG = [value.wire for value in VALUES if len(value.wire) >= 1000]

JSON = "application/json"
# What the API answers with beside JSON, by address.
OTHERS = {"/api/docs": "text/html", "/api/call/export/csv": "text/csv"}

FRESH_AFTER = 100
ENVELOPE = {"message", "status", "code", "errorMessage", "data"}


class RandomThings:
    """Batches, uploads and so on of the owner, any of those that there were lately."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world = world
        self.rng = rng
        self.owner = world.owner
        self.tokens = [world.add_token(self.owner, "spare") for _ in range(3)]

    def freshen(self) -> None:
        """Make a few new ones; the oldest are forgotten, wherever they are by now."""
        owner = self.owner
        for status in ("pending", "active"):
            self.world.add_batch(owner, 2, status=status)
        self.world.add_batch(owner, 1, deleted=True)
        self.world.add_upload(owner)
        self.tokens.append(self.world.add_token(owner, "spare"))
        for kept in (owner.batches, owner.deleted, owner.uploads, self.tokens, owner.calls):
            del kept[:-12]

    def __getitem__(self, name: str) -> str:
        owner = self.owner
        anything = {
            "batch": owner.batches,
            "called": owner.numbers,
            "deleted": owner.deleted,
            "upload": owner.uploads,
            "token_id": self.tokens,
            "session": ["1", "2", "3"],
            "user": [owner.user.id],
            "account": [self.world.people[name].user.id for name in ("stranger", "admin", "disabled")],
            "new_email": [f"new-{self.rng.randrange(10**6)}@example.com"],
            "email": [owner.user.email],
            "password": [owner.password],
            "number": owner.numbers,
        }
        other = name not in ("password", "email", "new_email") and self.rng.random() < 0.1
        return self.rng.choice(self.world.stranger.batches if other else anything[name])


def run(conditions: Conditions) -> Outcome:
    """So many requests: mostly signed in and with a good token, else as anybody."""
    rng = random.Random(conditions.seed)
    with conditions.app() as app:
        world = World(app, conditions.watch)
        world.promote(world.owner)  # so that the pages of admins are more than a 404
        asker, things = Asker(world, world.owner), RandomThings(world, rng)
        visitor = world.client()
        visitor_token = visitor.csrf_token()
        generator = Generator(app, rng, lambda: random_text(rng), things)
        failures: list[str] = []
        statuses: Counter[int] = Counter()
        done = 0
        while done < conditions.most and not conditions.enough(failures):
            if done % FRESH_AFTER == 0:
                things.freshen()
                asker.renew()
            if done % 5000 == 0:
                conditions.tell(f"{done:,} requests, {dict(sorted(statuses.items()))}")
            known = rng.random() < 0.85
            asked = generator.next(asker.csrf_token if known else visitor_token)
            answer = asker.ask(asked.request, asked.row) if known else as_visitor(app, visitor, asked)
            done += 1
            statuses[answer.status] += 1
            if wrong := judged(asked, answer):
                failures.append(f"{asked.request}: {wrong}")
        return Outcome(done, failures, {f"{code}": count for code, count in sorted(statuses.items())})


def random_text(rng: random.Random) -> Text:
    """Often a mark, seldom something long."""
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(MARKED)
    return rng.choice(LONG if kind > 0.99 else SHORT)


def as_visitor(app: Flask, visitor: Client, asked: Asked) -> Answer:
    """As nobody, with a form's CSRF token."""
    client = Client(app, visitor.watch)
    client.cookies = dict(visitor.cookies)
    return client.ask(asked.request)


def judged(asked: Asked, answer: Answer) -> str:
    """What is wrong with an answer; empty where it is as it should be."""
    if answer.status >= 500:
        return f"{answer.status}: {answer.text[:120]}" if answer.kind != "text/html" else f"{answer.status}"
    if answer.kind == "text/html" and (found := UNESCAPED.search(answer.text)):
        return f"unescaped: {answer.text[max(found.start() - 80, 0) : found.end() + 20]!r}"
    if any(MARK in value for _, value in answer.headers):
        return f"a header holds what was sent: {answer.headers}"
    if answer.headers.get("X-Content-Type-Options") != "nosniff":
        return f"{answer.status} without nosniff"
    return api_judged(asked, answer) if asked.request.path.startswith("/api/") else ""


def api_judged(asked: Asked, answer: Answer) -> str:
    """What is wrong with an answer of the API: its type, or the envelope of an error."""
    expected = OTHERS.get(asked.request.path, JSON) if answer.status < 300 else JSON
    if answer.body and answer.kind != expected:
        return f"{answer.status} as {answer.kind}"
    if answer.status >= 400 and answer.body:
        body = answer.json
        if not isinstance(body, dict) or set(body) != ENVELOPE or body["code"] != answer.status:
            return f"{answer.status} without the envelope"
    return ""


# --- broken portals ---------------------------------------------------------------------------------------------------


@contextmanager
def echoing_unescaped() -> Iterator[None]:
    """Error messages and refused values are taken for markup."""
    right = rendering.render_template

    def careless(template: str, **context: object) -> str:
        return right(template, **{name: trusted(value) for name, value in context.items()})

    with patch.object(rendering, "render_template", careless):
        yield


def trusted(value: object) -> object:
    """Texts, and those in lists, as if they were markup."""
    if isinstance(value, str):
        return Markup(value)
    return [trusted(one) for one in value] if isinstance(value, list) else value


@contextmanager
def failing_view() -> Iterator[None]:
    """One page fails."""

    def fails(*_: object) -> None:
        raise RuntimeError("broken")

    with patch.object(changes_query, "fetch_batch_events", fails):
        yield


TRIAL = Trial(
    name="random-requests",
    title="random requests at every route, pages and API",
    passes_when="no 5xx; nothing echoed unescaped; JSON is called JSON, errors are in the envelope",
    unit="requests",
    full=100_000,
    short=600,
    run=run,
    broken={"messages are not escaped": echoing_unescaped, "a page fails": failing_view},
)
