"""A backup is one snapshot, also during writes; a restore brings it back completely or not at all."""

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
from tests.support.databases import SECRET_KEY
from tests.support.postgresql import find_postgresql_programs


@pytest.fixture(scope="module")
def own_apps(make_app: Callable[..., Flask]) -> dict[str, Flask]:
    """Return the portal on databases of this module alone, which tests may damage."""
    return {kind: make_app(kind) for kind in DATABASES}


@pytest.fixture(params=DATABASES)
def app(request: pytest.FixtureRequest, own_apps: dict[str, Flask], monkeypatch: pytest.MonkeyPatch) -> Flask:
    """Return the portal on an empty database, with PostgreSQL's programs in PATH."""
    if request.param == "postgresql" and not shutil.which("pg_dump"):
        monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{find_postgresql_programs()}")
    app = own_apps[request.param]
    empty(app)
    return app


@pytest.fixture
def run(app: Flask) -> Callable[..., Result]:
    """Return a function that runs a command."""
    return lambda *command: app.test_cli_runner().invoke(args=[str(argument) for argument in command])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of the backup."""
    return tmp_path / "portal.backup"


def batch_names(app: Flask) -> list[str]:
    """Return the names of all batches."""
    with app.app_context():
        return sorted(row.name for row in db.session.query(Batch))


@pytest.mark.usefixtures("one_minute")
def test_pages_show_the_restored_data_at_once(
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


def test_a_restore_to_an_empty_database_does_not_ask(
    run: Callable,
    build: Builder,
    owner: User,
    file: Path,
    database_urls: Callable[[str], str],
    app: Flask,
    tmp_path: Path,
) -> None:
    build.create_batch(owner, "Spring")
    run("backup", file)
    with app.app_context():
        url = database_urls(db.engine.dialect.name)
    fresh = create_app(
        {"TESTING": True}, {"DATABASE_URL": url, "SECRET_KEY": SECRET_KEY, "INSTANCE_DIR": str(tmp_path)}
    )
    result = fresh.test_cli_runner().invoke(args=["restore", str(file)])
    assert result.exit_code == 0, result.output
    assert batch_names(fresh) == ["Spring"]
    with fresh.app_context():
        db.engine.dispose()


def test_an_existing_file_is_not_overwritten(run: Callable, file: Path) -> None:
    file.write_text("something else")
    refused = run("backup", file)
    assert (refused.exit_code, file.read_text()) == (1, "something else")
    assert "already exists" in refused.output
    assert run("backup", file, "--replace").exit_code == 0


@pytest.mark.parametrize("content", [b"", b"PGDMP and then nonsense", b"SQLite format 3\x00 and then nonsense"])
def test_a_file_that_is_no_backup_is_refused(
    app: Flask, run: Callable, build: Builder, owner: User, file: Path, content: bytes
) -> None:
    build.create_batch(owner, "Spring")
    file.write_bytes(content)
    refused = run("restore", file, "--replace", "--yes")
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: ")
    assert "Unexpected" not in refused.output
    assert batch_names(app) == ["Spring"]


def test_a_damaged_backup_is_refused(app: Flask, run: Callable, build: Builder, owner: User, file: Path) -> None:
    for number in range(30):
        build.create_batch(owner, f"Batch {number:02}")
    run("backup", file)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    refused = run("restore", file, "--replace", "--yes")
    assert refused.exit_code == 1, refused.output
    assert len(batch_names(app)) == 30


def test_a_backup_during_writes_is_one_snapshot(
    app: Flask, run: Callable, build: Builder, owner: User, file: Path, call_api: Callable
) -> None:
    """Each writer adds calls one by one through the API; the restored calls have no gap, and the counts are right."""
    batches = [build.create_batch(owner, f"Writer {number}") for number in range(2)]
    stop, acknowledged = threading.Event(), [0, 0]

    def write(index: int) -> None:
        while not stop.is_set() and acknowledged[index] < 100:
            call = {"phoneNumber": f"+1{202 + index}555{100 + acknowledged[index]:04}"}
            body = {"batchId": batches[index].id, "call_data": [call]}
            assert call_api("addCallsToBatch", body).status_code == 200
            acknowledged[index] += 1

    threads = [threading.Thread(target=write, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    try:
        while min(acknowledged) < 5:
            assert all(thread.is_alive() for thread in threads)
            threading.Event().wait(0.01)
        before = list(acknowledged)
        result = run("backup", file)
        assert result.exit_code == 0, result.output
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    result = run("restore", file, "--replace", "--yes")
    assert result.exit_code == 0, result.output
    with app.app_context():
        for index, batch in enumerate(batches):
            calls = db.session.query(Call).filter_by(batch_key=batch.key)
            suffixes = sorted(int(call.phone_number[-4:]) for call in calls)
            assert suffixes == [100 + number for number in range(len(suffixes))]
            assert before[index] <= len(suffixes) <= acknowledged[index]


def test_a_backup_has_a_format_of_the_engine(app: Flask, run: Callable, owner: User, file: Path) -> None:
    run("backup", file)
    if file.read_bytes().startswith(b"SQLite"):
        with sqlite3.connect(file) as copy:
            assert copy.execute("SELECT count(*) FROM users").fetchone() == (1,)
        copy.close()
    else:
        assert file.read_bytes().startswith(b"PGDMP")
