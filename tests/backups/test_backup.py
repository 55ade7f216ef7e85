"""A backup holds one moment; a restore brings it back, all of it or nothing. While others write: trials/backups.py."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from portal import create_app
from portal.extensions import db
from portal.models import Batch, User
from tests import services
from tests.builders import Builder
from tests.conftest import DATABASES, empty, sign_in


@pytest.fixture(scope="module")
def own_apps(make_app: Callable[..., Flask]) -> dict[str, Flask]:
    """The portal on databases of its own, which may be taken apart."""
    return {kind: make_app(kind) for kind in DATABASES}


@pytest.fixture(params=DATABASES)
def app(request: pytest.FixtureRequest, own_apps: dict[str, Flask], monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The portal on an empty database; PostgreSQL's programs are found."""
    if request.param == "postgresql" and not shutil.which("pg_dump"):
        monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{services.postgresql_programs()}")
    app = own_apps[request.param]
    empty(app)
    return app


@pytest.fixture
def run(app: Flask) -> Callable[..., Result]:
    """Runs a command."""
    return lambda *words: app.test_cli_runner().invoke(args=[str(word) for word in words])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the backup goes."""
    return tmp_path / "portal.backup"


def names(app: Flask) -> list[str]:
    """The batches that are there."""
    with app.app_context():
        return sorted(row.name for row in db.session.query(Batch))


def test_what_came_after_the_backup_is_gone_after_the_restore(
    app: Flask, run: Callable, build: Builder, owner: User, file: Path
) -> None:
    batch = build.create_batch(owner, "Before", total_calls=1)
    build.create_call(batch)
    made = run("backup", file)
    assert made.exit_code == 0, made.output
    assert "SECRET_KEY is not in it" in made.output
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    build.create_batch(owner, "After")
    done = run("restore", file, "--replace", "--yes")
    assert done.exit_code == 0, done.output
    assert "everything that is kept agrees" in done.output
    assert names(app) == ["Before"]


def test_pages_and_pollers_see_what_was_restored_at_once(
    app: Flask, run: Callable, signed_in: FlaskClient, build: Builder, owner: User, file: Path
) -> None:
    build.create_batch(owner, "Before")
    run("backup", file)
    first = signed_in.get("/batches")
    build.create_batch(owner, "After")
    second = signed_in.get("/batches")
    assert "After" in second.text
    run("restore", file, "--replace", "--yes")
    client = sign_in(app, owner)
    again = client.get("/batches", headers={"If-None-Match": second.headers["ETag"]})
    assert again.status_code == 200
    assert "After" not in again.text
    assert "Before" in first.text and "Before" in again.text  # noqa: PT018


def test_an_empty_database_is_restored_without_a_question(
    run: Callable,
    build: Builder,
    owner: User,
    file: Path,
    database_urls: Callable[[str], str],
    app: Flask,
    tmp_path: Path,
) -> None:
    build.create_batch(owner, "Kept")
    run("backup", file)
    with app.app_context():
        url = database_urls(db.engine.dialect.name)
    fresh = create_app({"TESTING": True}, {"DATABASE_URL": url, "SECRET_KEY": "fresh", "INSTANCE_DIR": str(tmp_path)})
    done = fresh.test_cli_runner().invoke(args=["restore", str(file)])
    assert done.exit_code == 0, done.output
    assert names(fresh) == ["Kept"]
    with fresh.app_context():
        db.engine.dispose()


def test_a_file_that_is_there_is_not_written_over(run: Callable, file: Path) -> None:
    file.write_text("something dear")
    refused = run("backup", file)
    assert (refused.exit_code, file.read_text()) == (1, "something dear")
    assert "is there already" in refused.output
    assert run("backup", file, "--replace").exit_code == 0


def test_without_a_word_nothing_is_replaced(app: Flask, run: Callable, build: Builder, owner: User, file: Path) -> None:
    run("backup", file)
    build.create_batch(owner, "Dear")
    for words, says in (((), "is not empty"), (("--replace",), "no terminal to ask at")):
        refused = run("restore", file, *words)
        assert refused.exit_code == 1
        assert says in refused.output
    assert names(app) == ["Dear"]


@pytest.mark.parametrize("content", [b"", b"PGDMP and then nonsense", b"SQLite format 3\x00 and then nonsense"])
def test_what_is_no_backup_is_told_and_nothing_is_lost(
    app: Flask, run: Callable, build: Builder, owner: User, file: Path, content: bytes
) -> None:
    build.create_batch(owner, "Dear")
    file.write_bytes(content)
    refused = run("restore", file, "--replace", "--yes")
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: ")
    assert "Unexpected" not in refused.output
    assert names(app) == ["Dear"]


def test_a_damaged_backup_is_told_and_nothing_is_lost(
    app: Flask, run: Callable, build: Builder, owner: User, file: Path
) -> None:
    for number in range(30):
        build.create_batch(owner, f"Batch {number:02}")
    run("backup", file)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    refused = run("restore", file, "--replace", "--yes")
    assert refused.exit_code == 1, refused.output
    assert len(names(app)) == 30


def test_a_backup_of_a_newer_release_is_told(app: Flask, run: Callable, file: Path) -> None:
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    try:
        made = run("backup", file)
        assert "schema 9999" in made.output
    finally:
        with app.app_context(), db.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0003'")
    refused = run("restore", file, "--replace", "--yes")
    assert refused.exit_code == 1
    assert "newer release" in refused.output


def test_a_backup_can_be_read_by_the_engine_itself(app: Flask, run: Callable, owner: User, file: Path) -> None:
    run("backup", file)
    if file.read_bytes().startswith(b"SQLite"):
        with sqlite3.connect(file) as copy:
            assert copy.execute("SELECT count(*) FROM users").fetchone() == (1,)
        copy.close()
    else:
        assert file.read_bytes().startswith(b"PGDMP")
