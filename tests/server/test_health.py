"""Health checks: alive, ready, the reason if not, and no session."""

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
from tests.support.statements import record_statements

MONITORING_PATHS = ("/healthz", "/readyz", "/metrics")


@contextmanager
def pool_checkouts(engine: Engine) -> Iterator[list[int]]:
    """Yield a list with one entry for each connection that is taken from the pool."""
    checkouts: list[int] = []

    def record(*_: object) -> None:
        checkouts.append(1)

    event.listen(engine, "checkout", record)
    yield checkouts
    event.remove(engine, "checkout", record)


@pytest.fixture
def set_schema(app: Flask) -> Any:
    """Yield a function that changes the recorded schema; the original one is restored at the end."""

    def change(revision: str | None) -> None:
        with app.app_context(), db.engine.begin() as connection:
            connection.execute(text("DELETE FROM alembic_version"))
            if revision:
                connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})

    with app.app_context(), db.engine.connect() as connection:
        before = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    yield change
    change(before)


def test_a_healthy_portal_is_alive_and_ready(app: Flask, client: FlaskClient) -> None:
    with record_statements(app) as executed:
        alive = client.get("/healthz")
    assert (alive.status_code, alive.json, executed) == (200, {"status": "ok"}, [])
    with record_statements(app) as executed:
        ready = client.get("/readyz")
    assert (ready.status_code, ready.json, len(executed)) == (200, {"status": "ready"}, 1)


@pytest.mark.parametrize("revision", ["0001", None])
def test_an_outdated_schema_is_not_ready(client: FlaskClient, set_schema: Callable, revision: str | None) -> None:
    set_schema(revision)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "db upgrade" in answer.json["reason"]
    assert int(answer.headers["Retry-After"]) > 0


def test_a_schema_of_a_newer_release_is_ready(client: FlaskClient, set_schema: Callable) -> None:
    """During a rollout, the old release runs next to the new one."""
    set_schema("9999")
    assert client.get("/readyz").status_code == 200


def test_without_a_database_the_portal_is_alive_but_not_ready(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        unavailable = create_engine("postgresql+psycopg://user@127.0.0.1:1/none")
        monkeypatch.setitem(db.engines, None, unavailable)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["reason"]) == (503, "the database is unavailable")
    assert client.get("/healthz").status_code == 200
    unavailable.dispose()


def test_a_stopping_process_is_not_ready(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "stop_checks", [])
    stopping.set_stop_check(lambda: False)
    assert client.get("/readyz").status_code == 200
    stopping.set_stop_check(lambda: True)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["reason"]) == (503, "this process is stopping")
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("address", MONITORING_PATHS)
def test_health_checks_have_no_session_and_are_logged_at_debug(
    app: Flask, signed_in: FlaskClient, address: str, request_lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "METRICS_TOKEN", "metrics-token")
    monkeypatch.setitem(app.config, "KNOWN_HOSTS", ("portal.example.com",))  # health checks use the machine's address
    with app.app_context(), pool_checkouts(db.engine) as checkouts:
        answer = signed_in.get(address, headers={"Authorization": "Bearer metrics-token"})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(checkouts) == (0 if address == "/healthz" else 1)
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
