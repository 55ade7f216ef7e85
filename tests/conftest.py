"""Fixtures: the app on each database in turn, a caller of its API, a signed-in browser, a live server."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser
from sqlalchemy import create_engine, event, text
from werkzeug.serving import ThreadedWSGIServer

from portal import create_app
from portal.accounts import passwords
from portal.db.transactions import write_transaction
from portal.extensions import db
from portal.models import Scope, User
from portal.telemetry.logs import LineFormatter, request_log
from portal.times import now_ms
from tests.support import services
from tests.support.builders import PASSWORD, Builder
from tests.support.services import SERVER, Missing, absent, pytest_configure, pytest_terminal_summary  # noqa: F401, pytest's hooks

DATABASES = ("sqlite", "postgresql")

# How long an example takes says something of the machine, nothing of the portal.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# The same algorithm at its least cost: hundreds of accounts are made here, and none is worth attacking.
passwords.hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="session")
def database_urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Makes, for this worker, an empty database of a kind, and returns its URL; PostgreSQL's are dropped at the end."""
    names: list[str] = []

    def url_of(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'portal.db'}"
        name = f"portal_{os.urandom(6).hex()}"
        on_postgresql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        names.append(name)
        return postgresql_url(name)

    yield url_of
    for name in names:
        on_postgresql(f"DROP DATABASE {name} WITH (FORCE)")


def postgresql_url(database: str) -> str:
    """The URL of a database on the tests' PostgreSQL server."""
    server = os.environ.get(SERVER)
    if not server:
        absent(Missing("PostgreSQL is not here: half of the tests cannot run"))
    return urlsplit(server)._replace(scheme="postgresql+psycopg", path=f"/{database}").geturl()


def on_postgresql(statement: str) -> None:
    """Have the server do what stands outside every transaction."""
    engine = create_engine(postgresql_url("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def no_haste_to_disk(connection: Any, _record: object) -> None:
    """Nothing here outlives the run, so nothing need reach the disk (services.py has it so for PostgreSQL)."""
    connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture(scope="session")
def make_app(
    database_urls: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Flask]]:
    """Makes an app on a database of its own, built by the migrations."""
    made: list[Flask] = []

    def make(kind: str, **given: Any) -> Flask:
        environ = {
            "DATABASE_URL": database_urls(kind),
            "SECRET_KEY": "only for tests",
            "INSTANCE_DIR": str(tmp_path_factory.mktemp("instance")),
            "LOG_LEVEL": "WARNING",
            "RATE_PER_TOKEN": "0",
            "RATE_PER_ADDRESS": "0",
        }
        app = create_app({"TESTING": True, "PROPAGATE_EXCEPTIONS": False, **given}, environ)
        with app.app_context():
            if kind == "sqlite":
                event.listen(db.engine, "connect", no_haste_to_disk)
            upgrade()
        made.append(app)
        return app

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture(scope="session")
def apps(make_app: Callable[..., Flask]) -> Callable[[str], Flask]:
    """The app on a kind of database; made once, used by test after test."""
    kept: dict[str, Flask] = {}

    def app_on(kind: str) -> Flask:
        if kind not in kept:
            kept[kind] = make_app(kind)
        return kept[kind]

    return app_on


def empty(app: Flask) -> None:
    """Take every row out of the app's database."""
    with app.app_context(), write_transaction() as session:
        for table in reversed(db.metadata.sorted_tables):
            session.execute(table.delete())


@pytest.fixture(params=DATABASES)
def app(request: pytest.FixtureRequest, apps: Callable[[str], Flask]) -> Flask:
    """The portal on an empty database; every test that uses it runs on both kinds."""
    app = apps(request.param)
    empty(app)
    return app


@pytest.fixture
def build(app: Flask) -> Builder:
    """Builds rows in the app's database."""
    return Builder(app)


@pytest.fixture
def owner(build: Builder) -> User:
    """The one whose batches a test looks at."""
    return build.create_user("owner")


@pytest.fixture
def stranger(build: Builder) -> User:
    """Another user, who has batches too."""
    return build.create_user("stranger")


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client that is not signed in."""
    return app.test_client()


@pytest.fixture
def api(app: Flask, build: Builder, owner: User) -> Callable[..., Any]:
    """Asks for the owner's batches as an integration does: `api("?page=2", headers={...})`."""
    token = build.create_token(owner)

    def ask(query: str = "", *, user_id: str = owner.id, headers: dict[str, str] | None = None) -> Any:
        sent = {"Authorization": f"Bearer {token}"} if headers is None or "If-None-Match" in headers else {}
        return app.test_client().get(f"/api/call/batches/{user_id}{query}", headers=sent | (headers or {}))

    return ask


@pytest.fixture
def call_api(app: Flask, build: Builder, owner: User) -> Callable[..., Any]:
    """Calls any endpoint as the owner's program: `call_api("start-calling", {"batchId": ...})`, or another method."""
    token = build.create_token(owner, Scope.READ, Scope.WRITE)

    def call(path: str, body: Any = None, *, method: str = "", token: str = token, **how: Any) -> Any:
        method = method or ("POST" if body is not None else "GET")
        sent = {"json": body} if body is not None else {}
        headers = {"Authorization": f"Bearer {token}"}
        return app.test_client().open(f"/api/call/{path}", method=method, headers=headers, **sent, **how)

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


def sign_in(app: Flask, user: User, password: str = PASSWORD) -> FlaskClient:
    """A client with a session of the user, got through the sign-in page."""
    client = app.test_client()
    token = csrf_token(client.get("/login").text)
    answer = client.post("/login", data={"email": user.email, "password": password, "csrf_token": token})
    assert answer.status_code == 303, answer.text
    return client


def csrf_token(html: str) -> str:
    """The CSRF token that a page holds."""
    return html.partition('name="csrf_token" value="')[2].partition('"')[0]


@pytest.fixture
def signed_in(app: Flask, owner: User) -> FlaskClient:
    """A client with the owner's session."""
    return sign_in(app, owner)


@pytest.fixture
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of pages stands still: their ETags move with the minute, whose words they hold."""
    now = now_ms()
    monkeypatch.setattr("portal.web.clock.now_ms", lambda: now)


class LiveServer(ThreadedWSGIServer):
    """An app on a port of its own, that knows how many of its connections are still open."""

    def __init__(self, app: Flask) -> None:
        super().__init__("127.0.0.1", 0, app)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.open = 0
        self.changed = threading.Condition()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def process_request(self, request: Any, client_address: Any) -> None:
        """In the one thread that accepts, so that none begins uncounted."""
        self.count(1)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """In a thread of the connection's own, to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.count(-1)

    def count(self, more: int) -> None:
        """So many more are open."""
        with self.changed:
            self.open += more
            self.changed.notify_all()

    def rest(self) -> None:
        """Wait until none is: what a page asked for as its tab was closed must not reach into the next test."""
        with urlopen(f"{self.address}/healthz"):  # accepted after all that came before it
            pass
        with self.changed:
            assert self.changed.wait_for(lambda: self.open == 0, timeout=60), "a request does not end"


@pytest.fixture(scope="session")
def servers() -> Iterator[Callable[[Flask], LiveServer]]:
    """Serves an app until the session ends."""
    running: dict[int, LiveServer] = {}

    def serve(app: Flask) -> LiveServer:
        return running.get(id(app)) or running.setdefault(id(app), LiveServer(app))

    yield serve
    for server in running.values():
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, once for the run."""
    try:
        with services.chromium() as running:
            yield running
    except services.Missing as missing:
        services.absent(missing)


@pytest.fixture
def live_server(app: Flask, servers: Callable[[Flask], LiveServer]) -> Iterator[str]:
    """The address of the app as a browser reaches it, without a slash at the end."""
    server = servers(app)
    yield server.address
    server.rest()


@pytest.fixture(scope="session")
def campaign_file() -> Path:
    """The real campaign history beside the project; its absence is said, not passed over."""
    path = Path(__file__).resolve().parents[2] / "shared" / "data" / "bank-calls.csv"
    if not path.exists():
        pytest.skip(f"the real campaign history is absent ({path.name} in ../shared/data)")
    return path
