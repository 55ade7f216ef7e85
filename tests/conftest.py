"""Fixtures: the app on each database in turn, a client of its API, a signed-in browser, a live server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser

from portal.accounts import passwords
from portal.models import Scope, User
from portal.telemetry.logs import LineFormatter, request_log
from portal.times import now_ms
from tests.support import services
from tests.support.builders import Builder
from tests.support.databases import DATABASES, FAST_HASHER, empty, portal_on, temporary_database
from tests.support.live_server import LiveServer
from tests.support.missing import ServiceMissing, skip_or_fail
from tests.support.services import pytest_configure, pytest_terminal_summary  # noqa: F401, pytest's hooks
from tests.support.sessions import csrf_token, sign_in  # noqa: F401, for other tests

# The duration of an example depends on the machine, not on the portal.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

passwords.hasher = FAST_HASHER


@pytest.fixture(scope="session")
def database_urls() -> Iterator[Callable[[str], str]]:
    """Create an empty database of a kind and return its URL; all are removed at the end of the session."""
    with ExitStack() as stack:
        yield lambda kind: stack.enter_context(temporary_database(kind))


@pytest.fixture(scope="session")
def make_app(database_urls: Callable[[str], str]) -> Iterator[Callable[..., Flask]]:
    """Create an app on its own database, built by the migrations; keyword arguments are settings."""
    with ExitStack() as stack:
        yield lambda kind, **settings: stack.enter_context(portal_on(database_urls(kind), durable=False, **settings))


@pytest.fixture(scope="session")
def apps(make_app: Callable[..., Flask]) -> Callable[[str], Flask]:
    """Return the app on a kind of database; all tests share it."""
    return cache(make_app)


@pytest.fixture(params=DATABASES)
def app(request: pytest.FixtureRequest, apps: Callable[[str], Flask]) -> Flask:
    """The portal on an empty database. Every test that uses it runs on both kinds."""
    app = apps(request.param)
    empty(app)
    return app


@pytest.fixture
def build(app: Flask) -> Builder:
    """Creates rows in the app's database."""
    return Builder(app)


@pytest.fixture
def owner(build: Builder) -> User:
    """The user whose batches the test is about."""
    return build.create_user("owner")


@pytest.fixture
def stranger(build: Builder) -> User:
    """Another user, who can have batches too."""
    return build.create_user("stranger")


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client that is not signed in."""
    return app.test_client()


@pytest.fixture
def api(app: Flask, build: Builder, owner: User) -> Callable[..., Any]:
    """Request the owner's batches as an integration does: `api("?page=2", headers={...})`."""
    token = build.create_token(owner)

    def request_batches(query: str = "", *, user_id: str = owner.id, headers: dict[str, str] | None = None) -> Any:
        sent = {"Authorization": f"Bearer {token}"} if headers is None or "If-None-Match" in headers else {}
        return app.test_client().get(f"/api/call/batches/{user_id}{query}", headers=sent | (headers or {}))

    return request_batches


@pytest.fixture
def call_api(app: Flask, build: Builder, owner: User) -> Callable[..., Any]:
    """Call any endpoint with the owner's token: `call_api("start-calling", {"batchId": ...})`, or another method."""
    token = build.create_token(owner, Scope.READ, Scope.WRITE)

    def call(path: str, body: Any = None, *, method: str = "", token: str = token, **options: Any) -> Any:
        method = method or ("POST" if body is not None else "GET")
        sent = {"json": body} if body is not None else {}
        headers = {"Authorization": f"Bearer {token}"}
        return app.test_client().open(f"/api/call/{path}", method=method, headers=headers, **sent, **options)

    return call


class LineHandler(logging.Handler):
    """Collect formatted lines."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(LineFormatter("json"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def request_lines() -> Iterator[list[str]]:
    """Return the lines that the request log writes from now on, at level DEBUG."""
    handler = LineHandler()
    request_log.addHandler(handler)
    request_log.setLevel(logging.DEBUG)
    yield handler.lines
    request_log.removeHandler(handler)
    request_log.setLevel(logging.NOTSET)


@pytest.fixture
def signed_in(app: Flask, owner: User) -> FlaskClient:
    """A client with the owner's session."""
    return sign_in(app, owner)


@pytest.fixture
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock of pages: they show relative times, so their ETags change every minute."""
    now = now_ms()
    monkeypatch.setattr("portal.web.clock.now_ms", lambda: now)


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[Flask], LiveServer]]:
    """Serve an app until the session ends."""
    running: dict[int, LiveServer] = {}
    yield lambda app: running.get(id(app)) or running.setdefault(id(app), LiveServer(app))
    for server in running.values():
        server.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started once for the session."""
    try:
        with services.chromium() as running:
            yield running
    except ServiceMissing as missing:
        skip_or_fail(missing)


@pytest.fixture
def live_server(app: Flask, servers: Callable[[Flask], LiveServer]) -> Iterator[str]:
    """The address of the app for a browser, without a trailing slash."""
    server = servers(app)
    yield server.address
    server.wait_until_idle()


@pytest.fixture(scope="session")
def campaign_file() -> Path:
    """The real campaign history next to the project; tests that need it are skipped without it."""
    path = Path(__file__).resolve().parents[2] / "shared" / "data" / "bank-calls.csv"
    if not path.exists():
        pytest.skip(f"the real campaign history is absent ({path.name} in ../shared/data)")
    return path
