"""Schema changes run in one process at a time, do not block others for long, and continue after an interruption."""

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
from tests.support.databases import SECRET_KEY

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=DATABASES)
def own_app(request: pytest.FixtureRequest, make_app: Callable[[str], Flask]) -> Flask:
    """Return an app on a database that the test may damage."""
    return make_app(request.param)


@pytest.mark.parametrize("kind", DATABASES)
def test_two_nodes_can_upgrade_at_the_same_time(kind: str, database_urls: Callable[[str], str], tmp_path: Path) -> None:
    """One node upgrades; the other waits, and finds nothing to do."""
    settings = {
        "DATABASE_URL": database_urls(kind),
        "SECRET_KEY": SECRET_KEY,
        "INSTANCE_DIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    environ = {"PATH": os.environ["PATH"]} | settings
    nodes = [
        subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    outputs = [node.communicate(timeout=120)[0] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], outputs


def test_a_migration_does_not_block_readers_of_a_table_in_use(
    make_app: Callable[[str], Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long transaction reads a table; the migration retries, does not block other readers, and succeeds."""
    app = make_app("postgresql")
    Builder(app).create_user()
    with app.app_context():
        downgrade(revision="0002b")
        reader = db.engine.connect()
        reader.execute(text("SELECT key FROM users"))
    monkeypatch.setattr(schema_changes, "LOCK_TIMEOUT", "100ms")
    monkeypatch.setattr(schema_changes, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(schema_changes, "MAX_ATTEMPTS", 1000)
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


def test_a_migration_gives_up_if_a_table_stays_in_use(
    make_app: Callable[[str], Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app("postgresql")
    monkeypatch.setattr(schema_changes, "LOCK_TIMEOUT", "50ms")
    monkeypatch.setattr(schema_changes, "RETRY_SECONDS", 0)
    monkeypatch.setattr(schema_changes, "MAX_ATTEMPTS", 2)
    with app.app_context():
        downgrade(revision="0015")  # later downgrades build indexes, which wait for the reader in another way
        with db.engine.connect() as reader:
            reader.execute(text("SELECT key FROM users"))
            result = app.test_cli_runner().invoke(args=["db", "downgrade", "base"])
        assert result.exit_code == 1
        assert "gave up after 2 attempts and changed nothing" in result.stderr
        upgrade()


def test_an_index_is_created_once_and_after_an_interruption(own_app: Flask) -> None:
    """On PostgreSQL, an interrupted run leaves an invalid index, which is built again."""
    with own_app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})

        def build() -> None:
            with context.begin_transaction(_per_migration=True), Operations.context(context):
                schema_changes.create_index("ix_calls_attempts", "calls", ["attempts"])

        build()
        if connection.dialect.name == "postgresql":
            invalidate = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_calls_attempts'::regclass"
            connection.execute(text(invalidate))
            connection.commit()
        build()
        assert "ix_calls_attempts" in [index["name"] for index in inspect(connection).get_indexes("calls")]
        if connection.dialect.name == "postgresql":
            is_valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_calls_attempts'::regclass"
            assert connection.execute(text(is_valid)).scalar_one() is True
        connection.rollback()
        connection.invalidate()


def test_a_data_migration_continues_after_an_interruption(own_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that were committed before the interruption stay filled."""
    build = Builder(own_app)
    batch = build.create_batch(build.create_user(), total_calls=5)
    for _ in range(5):
        build.create_call(batch, fields={"city": "Évora"})
    with own_app.app_context():
        downgrade(revision="0001")
        monkeypatch.setattr(schema_changes, "ROWS_PER_COMMIT", 2)
        commit_progress, commits = schema_changes.commit_progress, []

        def interrupt() -> None:
            commit_progress()
            commits.append(1)
            if len(commits) == 2:
                raise KeyboardInterrupt

        monkeypatch.setattr(schema_changes, "commit_progress", interrupt)
        with pytest.raises(KeyboardInterrupt):
            upgrade()
        assert count_filled(5) == 4
        upgrade()
        assert count_filled(5) == 5


def count_filled(total: int) -> int:
    """Return how many calls have a search text."""
    with db.engine.connect() as connection:
        texts = connection.execute(text("SELECT search_text FROM calls")).scalars().all()
    assert len(texts) == total
    return sum("évora" in search_text for search_text in texts)
