"""What watchers are told: alive, ready or not and why, and nothing of anybody's session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, create_engine, event, text

from portal.extensions import db
from portal.server import stopping
from tests.guards.test_statements import statements

WATCHED = ("/healthz", "/readyz", "/metrics")


@contextmanager
def connections(engine: Engine) -> Iterator[list[int]]:
    """One entry for each connection that is taken from the pool meanwhile."""
    opened: list[int] = []

    def note(*_: object) -> None:
        opened.append(1)

    event.listen(engine, "checkout", note)
    yield opened
    event.remove(engine, "checkout", note)


@pytest.fixture
def schema(app: Flask) -> Any:
    """Makes the database say that its schema is another; puts back what it was."""

    def be(revision: str | None) -> None:
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(text("DELETE FROM alembic_version"))
            if revision:
                connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})

    with app.app_context(), db.engine.connect() as connection:
        before = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    yield be
    be(before)


def test_a_portal_that_is_well(app: Flask, client: FlaskClient) -> None:
    with statements(app) as asked:
        alive = client.get("/healthz")
    assert (alive.status_code, alive.json, asked) == (200, {"status": "ok"}, [])
    with statements(app) as asked:
        ready = client.get("/readyz")
    assert (ready.status_code, ready.json, len(asked)) == (200, {"status": "ready"}, 1)


@pytest.mark.parametrize("revision", ["0001", None])
def test_a_schema_that_is_old_is_not_ready(client: FlaskClient, schema: Callable, revision: str | None) -> None:
    schema(revision)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "db upgrade" in answer.json["reason"]
    assert int(answer.headers["Retry-After"]) > 0


def test_a_schema_of_a_newer_release_is_ready(client: FlaskClient, schema: Callable) -> None:
    """While a new release is rolled out, the old one goes on beside it."""
    schema("9999")
    assert client.get("/readyz").status_code == 200


def test_a_database_that_is_away_is_not_ready_and_yet_alive(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        away = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
        monkeypatch.setitem(db.engines, None, away)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["reason"]) == (503, "the database cannot be reached")
    assert client.get("/healthz").status_code == 200
    away.dispose()


def test_a_process_that_is_told_to_stop_is_not_ready(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "asked", [])
    stopping.set_stop_check(lambda: False)
    assert client.get("/readyz").status_code == 200
    stopping.set_stop_check(lambda: True)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["reason"]) == (503, "this process is stopping")
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("address", WATCHED)
def test_watchers_leave_no_trace_and_have_no_session(
    app: Flask, signed_in: FlaskClient, address: str, request_lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "METRICS_TOKEN", "watcher")
    monkeypatch.setitem(app.config, "KNOWN_HOSTS", ("portal.example.com",))  # they come by the machine's own address
    with app.app_context(), connections(db.engine) as opened:
        answer = signed_in.get(address, headers={"Authorization": "Bearer watcher"})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(opened) == (1 if address == "/readyz" else 0)
    assert ['"level": "debug"' in line for line in request_lines] == [True]


def test_a_database_without_tables_is_not_ready(app: Flask, client: FlaskClient) -> None:
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE alembic_version RENAME TO other"))
    try:
        response = client.get("/readyz")
    finally:
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(text("ALTER TABLE other RENAME TO alembic_version"))
    assert (response.status_code, "db upgrade" in response.json["reason"]) == (503, True)
