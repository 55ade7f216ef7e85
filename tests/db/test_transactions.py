"""Transactions, lost connections and an unavailable database, as clients see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text

from portal import create_app
from portal.db import engine
from portal.db.transactions import fetch, write_transaction
from portal.extensions import db
from portal.models import User
from tests.support.builders import Builder
from tests.support.databases import run_on_postgresql

# 2 = FULL: a commit returns after its changes are on disk.
DURABLE = {"journal_mode": "wal", "synchronous": 2}

postgresql_only = pytest.mark.parametrize("app", ["postgresql"], indirect=True)


@pytest.fixture
def cut_connections(app: Flask) -> Iterator[Callable[[], None]]:
    """Return a function that closes every connection on the server, as a restart does.

    The pool is emptied afterwards: another test may write first, and writes are not retried.
    """

    def cut() -> None:
        with app.app_context():
            name = db.engine.url.database
        run_on_postgresql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    yield cut
    with app.app_context():
        db.engine.dispose()


@postgresql_only
@pytest.mark.parametrize("ping_after", [0.0, 1e9], ids=["found by the ping", "found by the first select"])
def test_requests_succeed_after_idle_connections_were_cut(
    app: Flask,
    api: Callable,
    signed_in: FlaskClient,
    build: Builder,
    owner: User,
    ping_after: float,
    cut_connections: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "PING_AFTER_SECONDS", ping_after)
    build.create_batch(owner)
    for request in (api, lambda: signed_in.get("/batches"), lambda: signed_in.get("/settings/account")):
        assert request().status_code == 200
        cut_connections()
        assert request().status_code == 200


@postgresql_only
def test_only_the_first_select_of_a_request_is_retried(
    app: Flask, owner: User, cut_connections: Callable[[], None]
) -> None:
    """A response must not mix rows of two snapshots."""
    with app.app_context():
        fetch(text("SELECT 1"))
        cut_connections()
        with pytest.raises(Exception, match=r"terminat|closed"):
            fetch(text("SELECT 1"))


@postgresql_only
def test_prepared_statements_survive_a_request(app: Flask, api: Callable) -> None:
    for _ in range(8):
        api()
    with app.app_context():
        assert fetch(text("SELECT count(*) FROM pg_prepared_statements")).scalar_one() > 0


def test_sqlite_writes_to_disk_before_it_acknowledges(tmp_path: Path) -> None:
    """With the settings of production; the other tests do not wait for the disk (conftest.py)."""
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path}/portal.db", "INSTANCE_DIR": str(tmp_path)}
    with create_app(environ=environ).app_context():
        with db.engine.connect() as connection:
            found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in DURABLE}
        db.engine.dispose()
    assert found == DURABLE


def test_changes_outside_a_write_transaction_are_not_saved(app: Flask, owner: User) -> None:
    with app.app_context():
        db.session.get(User, owner.key).name = "changed outside of a transaction"
    with app.app_context():
        assert db.session.get(User, owner.key).name == owner.name


def test_a_failed_write_transaction_changes_nothing(app: Flask, owner: User) -> None:
    with app.app_context(), suppress(ZeroDivisionError), write_transaction() as session:
        session.get(User, owner.key).name = "half done"
        session.flush()
        raise ZeroDivisionError
    with app.app_context():
        assert db.session.get(User, owner.key).name == owner.name


def test_an_unavailable_database_is_503_in_the_api_and_on_pages(
    app: Flask, api: Callable, signed_in: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        unavailable = create_engine("postgresql+psycopg://user@127.0.0.1:1/none")
        monkeypatch.setitem(db.engines, None, unavailable)
    answers = [api(), signed_in.get("/batches"), signed_in.get("/batches", headers={"HX-Request": "true"})]
    assert [answer.status_code for answer in answers] == [503] * 3
    assert all(answer.headers["Retry-After"] for answer in answers)
    assert answers[0].json["errorMessage"] == "Database unavailable; retry in a few seconds"
    assert all("Database unavailable" in answer.text for answer in answers[1:])
    assert all("127.0.0.1" not in answer.text for answer in answers)
    unavailable.dispose()
