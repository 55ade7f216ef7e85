"""The database goes away, comes back, and ends transactions: what callers see of it."""

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

# 2 = FULL: written to the disk before a commit returns.
DURABLE = {"journal_mode": "wal", "synchronous": 2}

on_postgresql_alone = pytest.mark.parametrize("app", ["postgresql"], indirect=True)


@pytest.fixture
def cut_connections(app: Flask) -> Iterator[Callable[[], None]]:
    """Ends every connection to the app's database from the server's side, as a restart does.

    None that was cut is left in the pool for whoever comes next, who may write first and would not try again.
    """

    def cut() -> None:
        with app.app_context():
            name = db.engine.url.database
        run_on_postgresql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    yield cut
    with app.app_context():
        db.engine.dispose()


@on_postgresql_alone
@pytest.mark.parametrize("rested", [0.0, 1e9], ids=["tried before use", "found out by the first select"])
def test_nobody_notices_that_a_connection_was_cut_while_it_rested(
    app: Flask,
    api: Callable,
    signed_in: FlaskClient,
    build: Builder,
    owner: User,
    rested: float,
    cut_connections: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "PING_AFTER_SECONDS", rested)
    build.create_batch(owner)
    for ask in (api, lambda: signed_in.get("/batches"), lambda: signed_in.get("/settings/account")):
        assert ask().status_code == 200
        cut_connections()
        assert ask().status_code == 200


@on_postgresql_alone
def test_a_read_that_has_begun_is_not_begun_again(app: Flask, owner: User, cut_connections: Callable[[], None]) -> None:
    """Half of an answer from before and half from after would be worse than none."""
    with app.app_context():
        fetch(text("SELECT 1"))
        cut_connections()
        with pytest.raises(Exception, match=r"terminat|closed"):
            fetch(text("SELECT 1"))


@on_postgresql_alone
def test_statements_stay_prepared_from_request_to_request(app: Flask, api: Callable) -> None:
    for _ in range(8):
        api()
    with app.app_context():
        assert fetch(text("SELECT count(*) FROM pg_prepared_statements")).scalar_one() > 0


def test_what_was_acknowledged_on_sqlite_is_on_its_disk(tmp_path: Path) -> None:
    """As it runs, not as it is tested (conftest.py)."""
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path}/portal.db", "INSTANCE_DIR": str(tmp_path)}
    with create_app(environ=environ).app_context():
        with db.engine.connect() as connection:
            told = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in DURABLE}
        db.engine.dispose()
    assert told == DURABLE


def test_what_a_reader_left_behind_is_not_written(app: Flask, owner: User) -> None:
    with app.app_context():
        db.session.get(User, owner.key).name = "changed outside of writing()"
    with app.app_context():
        assert db.session.get(User, owner.key).name == owner.name


def test_a_failed_writer_leaves_nothing(app: Flask, owner: User) -> None:
    with app.app_context(), suppress(ZeroDivisionError), write_transaction() as session:
        session.get(User, owner.key).name = "half done"
        session.flush()
        raise ZeroDivisionError
    with app.app_context():
        assert db.session.get(User, owner.key).name == owner.name


def test_a_database_that_is_away_is_503_for_programs_and_people(
    app: Flask, api: Callable, signed_in: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        away = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
        monkeypatch.setitem(db.engines, None, away)
    answers = [api(), signed_in.get("/batches"), signed_in.get("/batches", headers={"HX-Request": "true"})]
    assert [answer.status_code for answer in answers] == [503] * 3
    assert all(answer.headers["Retry-After"] for answer in answers)
    assert answers[0].json["errorMessage"] == "Database unavailable; retry in a few seconds"
    assert all("Database unavailable" in answer.text for answer in answers[1:])
    assert all("127.0.0.1" not in answer.text for answer in answers)
    away.dispose()
