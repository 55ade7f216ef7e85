"""Changes of the schema: one process at a time, nobody held up, and what was cut short is done again."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, text

from portal.db import schema_changes
from portal.extensions import db
from tests.conftest import DATABASES
from tests.support.builders import Builder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=DATABASES)
def own_app(request: pytest.FixtureRequest, make_app: Callable[[str], Flask]) -> Flask:
    """An app on a database that may be taken apart."""
    return make_app(request.param)


@pytest.mark.parametrize("kind", DATABASES)
def test_two_nodes_upgrade_at_once(kind: str, database_urls: Callable[[str], str], tmp_path: Path) -> None:
    """One does it; the other waits, and finds nothing left to do."""
    given = {"DATABASE_URL": database_urls(kind), "SECRET_KEY": "only for tests", "INSTANCE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    environ = {"PATH": os.environ["PATH"]} | given
    nodes = [
        subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    said = [node.communicate(timeout=120)[0] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], said


def test_a_table_in_use_holds_up_nobody(make_app: Callable[[str], Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody reads a table for a long time; the migration gives way to others, and comes through in the end."""
    app = make_app("postgresql")
    Builder(app).create_user()
    with app.app_context():
        downgrade(revision="0002b")
        reader = db.engine.connect()
        reader.execute(text("SELECT key FROM users"))
    monkeypatch.setattr(schema_changes, "LOCK_WAIT", "100ms")
    monkeypatch.setattr(schema_changes, "REST_SECONDS", 0.01)
    monkeypatch.setattr(schema_changes, "TRIES", 1000)
    in_use, failures = threading.Event(), []
    monkeypatch.setattr(schema_changes.click, "echo", lambda *_, **__: in_use.set())

    def migrate() -> None:
        try:
            with app.app_context():
                upgrade()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=migrate)
    thread.start()
    try:
        assert in_use.wait(60)
        with app.app_context(), db.engine.connect() as other:
            assert len(other.execute(text("SELECT key FROM users")).all()) == 1
    finally:
        reader.close()
        thread.join(60)
    assert (failures, thread.is_alive()) == ([], False)
    with app.app_context():
        assert "sessions" in inspect(db.engine).get_table_names()


def test_a_table_in_use_through_all_tries_is_told(
    make_app: Callable[[str], Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app("postgresql")
    monkeypatch.setattr(schema_changes, "LOCK_WAIT", "50ms")
    monkeypatch.setattr(schema_changes, "REST_SECONDS", 0)
    monkeypatch.setattr(schema_changes, "TRIES", 2)
    with app.app_context():
        with db.engine.connect() as reader:
            reader.execute(text("SELECT key FROM users"))
            said = app.test_cli_runner().invoke(args=["db", "downgrade", "base"])
        assert said.exit_code == 1
        assert "A table was in use through all tries" in said.stderr
        upgrade()


def test_an_index_beside_the_work(own_app: Flask) -> None:
    """Built once; and again where a run that was cut short has left half of it."""
    with own_app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})

        def build() -> None:
            with context.begin_transaction(_per_migration=True), Operations.context(context):
                schema_changes.create_index("ix_calls_attempts", "calls", ["attempts"])

        build()
        if connection.dialect.name == "postgresql":
            half = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_calls_attempts'::regclass"
            connection.execute(text(half))
            connection.commit()
        build()
        assert "ix_calls_attempts" in [found["name"] for found in inspect(connection).get_indexes("calls")]
        if connection.dialect.name == "postgresql":
            whole = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_calls_attempts'::regclass"
            assert connection.execute(text(whole)).scalar_one() is True
        connection.rollback()
        connection.invalidate()


def test_what_was_left_to_fill_is_filled(own_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fill that was cut short goes on where it ended, and its steps are kept."""
    build = Builder(own_app)
    batch = build.create_batch(build.create_user(), total_calls=5)
    for _ in range(5):
        build.create_call(batch, fields={"city": "Évora"})
    with own_app.app_context():
        downgrade(revision="0001")
        monkeypatch.setattr(schema_changes, "STEP_ROWS", 2)
        whole, steps = schema_changes.commit_progress, []

        def cut_short() -> None:
            whole()
            steps.append(1)
            if len(steps) == 2:
                raise KeyboardInterrupt

        monkeypatch.setattr(schema_changes, "commit_progress", cut_short)
        with pytest.raises(KeyboardInterrupt):
            upgrade()
        assert filled(5) == 4
        upgrade()
        assert filled(5) == 5


def filled(of: int) -> int:
    """How many calls can be found."""
    with db.engine.connect() as connection:
        texts = connection.execute(text("SELECT search_text FROM calls")).scalars().all()
    assert len(texts) == of
    return sum("évora" in found for found in texts)
