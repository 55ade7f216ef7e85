"""The commands `backup` and `restore`: a restore brings back the snapshot, and nothing is overwritten by mistake."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import text

from portal.backups import commands, postgresql, sqlite
from portal.batches import derived
from portal.extensions import db
from portal.models import Batch, Scope, User
from tests.backups.results import error_line
from tests.conftest import DATABASES, sign_in
from tests.support.builders import Builder

pytestmark = pytest.mark.usefixtures("clients_on_path")


@pytest.fixture
def run(app: Flask) -> Callable[..., Result]:
    """Return a function that runs a command."""
    return lambda *command: app.test_cli_runner().invoke(args=[str(argument) for argument in command])


@pytest.fixture
def other_app(make_app: Callable[..., Flask], app: Flask) -> Flask:
    """Return another, empty portal on the same database engine."""
    with app.app_context():
        dialect = db.engine.dialect.name
    return make_app(dialect)


def batch_names(app: Flask) -> list[str]:
    with app.app_context():
        return sorted(db.session.execute(db.select(Batch.name)).scalars())


def create_batches(build: Builder, owner: User) -> None:
    """Create two live batches and a deleted one."""
    for name in ("Spring", "Été"):
        batch = build.create_batch(owner, name, total_calls=1)
        build.create_call(batch, fields={"city": "Évora"})
    build.create_batch(owner, "Gone", deleted=True)


def test_a_backup_is_restored_to_another_database(
    app: Flask, other_app: Flask, run: Callable, build: Builder, owner: User, tmp_path: Path
) -> None:
    create_batches(build, owner)
    sign_in(app, owner)
    file = tmp_path / "portal.backup"
    result = run("backup", file)
    assert result.exit_code == 0, result.output
    assert "does not contain SECRET_KEY" in result.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]

    restored = other_app.test_cli_runner().invoke(args=["restore", str(file)])
    assert restored.exit_code == 0, restored.output
    assert "Restored: 1 account, 3 batches; the derived data agrees with the rows" in restored.stdout
    assert batch_names(other_app) == ["Gone", "Spring", "Été"]
    with other_app.app_context():
        assert db.session.execute(text("SELECT count(*) FROM sessions")).scalar_one() == 0
        assert derived.engine_module(db.engine.dialect.name).has_name_index(db.session.connection()) == has_index(app)


def has_index(app: Flask) -> bool:
    with app.app_context():
        return derived.engine_module(db.engine.dialect.name).has_name_index(db.session.connection())


def test_caches_are_valid_after_a_restore_while_the_portal_runs(
    app: Flask, run: Callable, api: Callable, build: Builder, owner: User, tmp_path: Path
) -> None:
    """An ETag of a later state does not match the restored one, nor the other way round."""
    create_batches(build, owner)
    before = api("?search=spr")
    run("backup", tmp_path / "one")
    build.create_batch(owner, "Spring again")
    later = api("?search=spr")
    assert (before.json["data"]["pagination"]["total"], later.json["data"]["pagination"]["total"]) == (1, 2)

    restored = run("restore", tmp_path / "one", "--replace", "--yes")
    assert restored.exit_code == 0, restored.output
    assert api("?search=spr", headers={"If-None-Match": later.headers["ETag"]}).json == before.json
    # The restored state is the one that this ETag belongs to.
    assert api("?search=spr", headers={"If-None-Match": before.headers["ETag"]}).status_code == 304

    build.create_batch(owner, "Spring once more")  # the same count and keys as in the lost state
    now = api("?search=spr", headers={"If-None-Match": later.headers["ETag"]})
    assert now.status_code == 200
    assert [batch["batchName"] for batch in now.json["data"]["batches"]] == ["Spring once more", "Spring"]


def test_a_restore_signs_users_out_and_keeps_tokens(
    app: Flask, run: Callable, build: Builder, owner: User, tmp_path: Path
) -> None:
    """A session that ended after the backup does not come back with it."""
    browser = sign_in(app, owner)
    token = build.create_token(owner, Scope.READ)
    run("backup", tmp_path / "one")
    assert run("restore", tmp_path / "one", "--replace", "--yes").exit_code == 0
    assert browser.get("/batches").status_code == 303
    headers = {"Authorization": f"Bearer {token}"}
    assert app.test_client().get(f"/api/call/batches/{owner.id}", headers=headers).status_code == 404  # none yet


def test_a_backup_to_a_missing_folder_is_refused(apps: Callable[[str], Flask], tmp_path: Path) -> None:
    result = apps("sqlite").test_cli_runner().invoke(args=["backup", str(tmp_path / "no" / "folder")])
    assert "folder: No such file or directory" in error_line(result)


def test_a_backup_to_standard_output_can_be_restored(
    app: Flask, run: Callable, build: Builder, owner: User, tmp_path: Path
) -> None:
    create_batches(build, owner)
    result = run("backup", "-")
    assert result.exit_code == 0, result.stderr
    (tmp_path / "one").write_bytes(result.stdout_bytes)
    assert run("restore", tmp_path / "one", "--replace", "--yes").exit_code == 0
    assert batch_names(app) == ["Gone", "Spring", "Été"]


def test_a_backup_of_an_older_schema_is_migrated(
    make_app: Callable[..., Flask], app: Flask, other_app: Flask, tmp_path: Path
) -> None:
    """The backup is of the first schema; the database has the newest one."""
    build = Builder(other_app)
    batch = build.create_batch(build.create_user(), "Old", total_calls=1)
    build.create_call(batch, fields={"city": "Évora"})
    with other_app.app_context():
        downgrade(revision="0001")
        db.engine.dispose()
    result = other_app.test_cli_runner().invoke(args=["backup", str(tmp_path / "old")])
    assert result.exit_code == 0, result.output
    Builder(app).create_user("stranger")
    with app.app_context():
        client = db.engine.connect()  # like a portal that is still running
        client.execute(text("SELECT 1"))
        on_postgresql = db.engine.dialect.name == "postgresql"
    if on_postgresql:
        result = app.test_cli_runner().invoke(args=["restore", str(tmp_path / "old"), "--replace", "--yes"])
        assert "stop the portal on every node first" in error_line(result)
    client.close()
    with app.app_context():
        db.engine.dispose()
    restored = app.test_cli_runner().invoke(args=["restore", str(tmp_path / "old"), "--replace", "--yes"])
    assert restored.exit_code == 0, restored.output
    assert batch_names(app) == ["Old"]
    with app.app_context():
        assert "évora" in db.session.execute(text("SELECT search_text FROM calls")).scalar_one()
    with other_app.app_context():
        upgrade()


def test_a_database_of_another_application_is_refused(
    database_urls: Callable[[str], str], app: Flask, make_app: Callable, run: Callable, tmp_path: Path
) -> None:
    from tests.test_cli import create_app_for

    with app.app_context():
        kind = db.engine.dialect.name
    run("backup", tmp_path / "one")
    foreign_app = create_app_for(database_urls(kind), tmp_path)
    with foreign_app.app_context():
        with db.engine.begin() as connection:
            connection.execute(text("CREATE TABLE recipes (name TEXT)"))
        result = foreign_app.test_cli_runner().invoke(args=["restore", str(tmp_path / "one"), "--replace", "--yes"])
        assert "has tables of another application" in error_line(result)
        db.engine.dispose()


@pytest.mark.parametrize("kind", DATABASES)
def test_a_backup_of_the_other_engine_is_refused(kind: str, apps: Callable[[str], Flask], tmp_path: Path) -> None:
    other = next(one for one in DATABASES if one != kind)
    assert apps(kind).test_cli_runner().invoke(args=["backup", str(tmp_path / "one")]).exit_code == 0
    result = apps(other).test_cli_runner().invoke(args=["restore", str(tmp_path / "one"), "--replace", "--yes"])
    assert "is a backup of" in error_line(result)


def test_a_failed_restore_changes_nothing(
    app: Flask, run: Callable, build: Builder, owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("backup", tmp_path / "one")
    build.create_batch(owner, "Still here")

    def fail(*_: Any) -> None:
        raise OSError(5, "Input/output error", "one")

    if app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        monkeypatch.setattr(sqlite, "PAGES_PER_STEP", 1)
        monkeypatch.setattr(commands, "progress_updater", lambda _bar: fail)
    else:
        run_script = postgresql.run_script
        monkeypatch.setattr(postgresql, "run_script", lambda *arguments: (run_script(*arguments), fail()))
    assert "one: Input/output error" in error_line(run("restore", tmp_path / "one", "--replace", "--yes"))
    assert batch_names(app) == ["Still here"]
    monkeypatch.undo()
    assert run("batch", "check").exit_code == 0


def test_readers_see_the_old_or_the_new_rows_during_a_restore(
    app: Flask, run: Callable, build: Builder, owner: User, api: Callable, tmp_path: Path
) -> None:
    for number in range(20):
        build.create_batch(owner, f"Before {number}")
    run("backup", tmp_path / "one")
    for number in range(20):
        build.create_batch(owner, f"After {number}")
    wrong: list[object] = []
    is_done, has_read = threading.Event(), threading.Event()

    def read() -> None:
        while not is_done.is_set():
            answer = api("?limit=100")
            data = answer.json["data"]
            if answer.status_code != 200 or data["pagination"]["total"] != len(data["batches"]):
                wrong.append(answer.text)
            elif len(data["batches"]) not in (20, 40):
                wrong.append(len(data["batches"]))
            has_read.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert has_read.wait(30)
        result = run("restore", tmp_path / "one", "--replace", "--yes")
    finally:
        is_done.set()
        reader.join()
    assert result.exit_code == 0, result.output
    assert wrong == []
    assert len(batch_names(app)) == 20


def test_a_copy_without_its_write_ahead_log_is_refused(tmp_path: Path, apps: Callable[[str], Flask]) -> None:
    file = tmp_path / "portal.db"
    with closing(sqlite3.connect(file)) as live:
        live.execute("PRAGMA journal_mode = WAL")
        live.execute("CREATE TABLE one (two)")
        live.commit()
        result = apps("sqlite").test_cli_runner().invoke(args=["restore", str(file), "--replace", "--yes"])
    assert "is a database in use" in error_line(result)
