"""A backup holds one moment, also while others write; a restore brings it back, all of it or nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient

from portal import create_app
from portal.extensions import db
from portal.models import Batch, Call, User
from tests.conftest import DATABASES, empty, sign_in
from tests.support.builders import Builder
from tests.support.postgresql import find_postgresql_programs


@pytest.fixture(scope="module")
def own_apps(make_app: Callable[..., Flask]) -> dict[str, Flask]:
    """The portal on databases of its own, which may be taken apart."""
    return {kind: make_app(kind) for kind in DATABASES}


@pytest.fixture(params=DATABASES)
def app(request: pytest.FixtureRequest, own_apps: dict[str, Flask], monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The portal on an empty database; PostgreSQL's programs are found."""
    if request.param == "postgresql" and not shutil.which("pg_dump"):
        monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{find_postgresql_programs()}")
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


@pytest.mark.usefixtures("one_minute")
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


def test_under_writes_it_is_one_moment(
    app: Flask, run: Callable, build: Builder, owner: User, file: Path, call_api: Callable
) -> None:
    """Each writer adds one call after the other, by the API; what is restored has no gap, and its counts are right."""
    batches = [build.create_batch(owner, f"Writer {number}") for number in range(2)]
    stop, acknowledged = threading.Event(), [0, 0]

    def write(which: int) -> None:
        while not stop.is_set() and acknowledged[which] < 100:
            call = {"phoneNumber": f"+1{202 + which}555{100 + acknowledged[which]:04}"}
            sent = {"batchId": batches[which].id, "call_data": [call]}
            assert call_api("addCallsToBatch", sent).status_code == 200
            acknowledged[which] += 1

    threads = [threading.Thread(target=write, args=(which,)) for which in range(2)]
    for thread in threads:
        thread.start()
    try:
        while min(acknowledged) < 5:
            assert all(thread.is_alive() for thread in threads)
            threading.Event().wait(0.01)
        before = list(acknowledged)
        made = run("backup", file)
        assert made.exit_code == 0, made.output
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    done = run("restore", file, "--replace", "--yes")
    assert done.exit_code == 0, done.output
    with app.app_context():
        for which, batch in enumerate(batches):
            kept = sorted(int(row.phone_number[-4:]) for row in db.session.query(Call).filter_by(batch_key=batch.key))
            assert kept == [100 + number for number in range(len(kept))]
            assert before[which] <= len(kept) <= acknowledged[which]


def test_a_backup_can_be_read_by_the_engine_itself(app: Flask, run: Callable, owner: User, file: Path) -> None:
    run("backup", file)
    if file.read_bytes().startswith(b"SQLite"):
        with sqlite3.connect(file) as copy:
            assert copy.execute("SELECT count(*) FROM users").fetchone() == (1,)
        copy.close()
    else:
        assert file.read_bytes().startswith(b"PGDMP")
