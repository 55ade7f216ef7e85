"""Random requests at every route, pages and API: no 5xx, and no text is returned unescaped."""

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
from tests.support.wsgi_client import Text, WsgiClient, WsgiResponse
from tests.trials.fixtures import Fixtures
from tests.trials.malformed_values import VALUES
from tests.trials.request_generator import GeneratedRequest, RequestGenerator
from tests.trials.routes import new_number
from tests.trials.session_client import SessionClient
from tests.trials.trial import Conditions, Outcome, Trial

# A text that would start an element or end an attribute if it were not escaped.
MARK = "mkq<x'\"&"
UNESCAPED = re.compile(r"mkq<|mkq&lt;x'|mkq&lt;x&#(?:39|x27);\"")

MARKED = (MARK, f"{MARK}>", f"</script>{MARK}", f"{MARK} onfocus=alert(1) ", f"-->{MARK}")

# Long texts are slow, and another trial sends them to every field.
SHORT = [value.wire for value in VALUES if len(value.wire) < 1000]
LONG = [value.wire for value in VALUES if len(value.wire) >= 1000]

JSON = "application/json"
# The API's content types other than JSON, by the end of the path.
OTHER_TYPES = {"/docs": "text/html", "/csv": "text/csv"}

REFRESH_INTERVAL = 100
ENVELOPE = {"message", "status", "code", "errorMessage", "data"}


class RandomPlaceholders:
    """Random values for placeholders: the owner's newest batches, uploads and so on."""

    def __init__(self, fixtures: Fixtures, rng: random.Random) -> None:
        self.fixtures = fixtures
        self.rng = rng
        self.owner = fixtures.owner
        self.tokens = [fixtures.add_token(self.owner, "spare") for _ in range(3)]

    def refresh(self) -> None:
        """Create new data and forget the oldest."""
        owner = self.owner
        for status in ("pending", "active"):
            self.fixtures.add_batch(owner, 2, status=status)
        self.fixtures.add_batch(owner, 1, deleted=True)
        self.fixtures.add_upload(owner)
        self.tokens.append(self.fixtures.add_token(owner, "spare"))
        for ids in (owner.batches, owner.deleted, owner.uploads, self.tokens, owner.calls):
            del ids[:-12]

    def __getitem__(self, name: str) -> str:
        owner = self.owner
        anything = {
            "batch": owner.batches,
            "called": owner.numbers,
            "call": owner.calls,
            "deleted": owner.deleted,
            "upload": owner.uploads,
            "trunk": owner.trunks,
            "caller_number": owner.caller_numbers,
            "suppressed": owner.numbers,
            "token_id": self.tokens,
            "session": ["1", "2", "3"],
            "user": [owner.user.id],
            "account": [self.fixtures.accounts[name].user.id for name in ("stranger", "admin", "disabled")],
            "new_number": [new_number()],
            "new_email": [f"new-{self.rng.randrange(10**6)}@example.com"],
            "email": [owner.user.email],
            "password": [owner.password],
            "number": owner.numbers,
        }
        other = name not in ("password", "email", "new_email") and self.rng.random() < 0.1
        return self.rng.choice(self.fixtures.stranger.batches if other else anything[name])


def run(conditions: Conditions) -> Outcome:
    """Send requests, most of them signed in or with a valid token."""
    rng = random.Random(conditions.seed)
    with conditions.app() as app:
        fixtures = Fixtures(app, conditions.monitor)
        fixtures.promote(fixtures.owner)  # so that admin pages do not answer 404
        session_client, placeholders = SessionClient(fixtures, fixtures.owner), RandomPlaceholders(fixtures, rng)
        visitor = fixtures.client()
        visitor_token = visitor.csrf_token()
        generator = RequestGenerator(app, rng, lambda: random_text(rng), placeholders)
        failures: list[str] = []
        statuses: Counter[int] = Counter()
        done = 0
        while done < conditions.max_count and not conditions.should_stop(failures):
            if done % REFRESH_INTERVAL == 0:
                placeholders.refresh()
                session_client.restore()
            if done % 5000 == 0:
                conditions.report_progress(f"{done:,} requests, {dict(sorted(statuses.items()))}")
            known = rng.random() < 0.85
            generated = generator.next(session_client.csrf_token if known else visitor_token)
            response = (
                session_client.send(generated.request, generated.row)
                if known
                else send_as_visitor(app, visitor, generated)
            )
            done += 1
            statuses[response.status] += 1
            if problems := find_problem(generated, response):
                failures.append(f"{generated.request}: {problems}")
        return Outcome(done, failures, {f"{code}": count for code, count in sorted(statuses.items())})


def random_text(rng: random.Random) -> Text:
    """Return a random text: often a mark, rarely a long one."""
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(MARKED)
    return rng.choice(LONG if kind > 0.99 else SHORT)


def send_as_visitor(app: Flask, visitor: WsgiClient, generated: GeneratedRequest) -> WsgiResponse:
    """Send a request without a session, with a form's CSRF token."""
    client = WsgiClient(app, visitor.monitor)
    client.cookies = dict(visitor.cookies)
    return client.send(generated.request)


def find_problem(generated: GeneratedRequest, response: WsgiResponse) -> str:
    """Return the problem of a response; empty if there is none."""
    if response.status >= 500:
        return f"{response.status}: {response.text[:120]}" if response.kind != "text/html" else f"{response.status}"
    if response.kind == "text/html" and (found := UNESCAPED.search(response.text)):
        return f"unescaped: {response.text[max(found.start() - 80, 0) : found.end() + 20]!r}"
    if any(MARK in value for _, value in response.headers):
        return f"a header contains the mark: {response.headers}"
    if response.headers.get("X-Content-Type-Options") != "nosniff":
        return f"{response.status} without nosniff"
    return find_api_problem(generated, response) if generated.request.path.startswith("/api/") else ""


def find_api_problem(generated: GeneratedRequest, response: WsgiResponse) -> str:
    """Return the problem of an API response: its type, or the envelope of an error."""
    ending = "/" + generated.request.path.rpartition("/")[2]
    expected = OTHER_TYPES.get(ending, JSON) if response.status < 300 else JSON
    if response.body and response.kind != expected:
        return f"{response.status} as {response.kind}"
    if response.status >= 400 and response.body:
        body = response.json
        if not isinstance(body, dict) or set(body) != ENVELOPE or body["code"] != response.status:
            return f"{response.status} without the envelope"
    return ""


# --- defects ----------------------------------------------------------------------------------------------------------


@contextmanager
def skip_escaping() -> Iterator[None]:
    """Treat error messages and refused values as markup."""
    original = rendering.render_template

    def patched(template: str, **context: object) -> str:
        return original(template, **{name: as_markup(value) for name, value in context.items()})

    with patch.object(rendering, "render_template", patched):
        yield


def as_markup(value: object) -> object:
    """Return texts, also those in lists, as markup."""
    if isinstance(value, str):
        return Markup(value)
    return [as_markup(one) for one in value] if isinstance(value, list) else value


@contextmanager
def fail_a_page() -> Iterator[None]:
    """Let one page fail."""

    def fails(*_: object) -> None:
        raise RuntimeError("broken")

    with patch.object(changes_query, "fetch_batch_events", fails):
        yield


TRIAL = Trial(
    name="random-requests",
    title="random requests at every route, pages and API",
    passes_when="no 5xx; nothing returned unescaped; JSON has its content type, errors have the envelope",
    unit="requests",
    full=100_000,
    short=600,
    run=run,
    defects={"messages are not escaped": skip_escaping, "a page fails": fail_a_page},
)
