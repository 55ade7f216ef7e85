"""`backup` and `restore`: what was there at one moment is there again, and nothing is written over by mistake."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
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

from portal.backups import commands, postgresql, programs, sqlite
from portal.batches import derived
from portal.extensions import db
from portal.models import Batch, Scope, User
from tests.conftest import DATABASES, sign_in
from tests.support.builders import Builder
from tests.support.missing import ServiceMissing
from tests.support.postgresql import find_postgresql_programs


@pytest.fixture(autouse=True)
def clients_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The programs of the tests' own server, where a machine has no others."""
    try:
        monkeypatch.setenv("PATH", str(find_postgresql_programs()), prepend=":")
    except ServiceMissing:
        return


@pytest.fixture
def run(app: Flask) -> Callable[..., Result]:
    """Runs a command beside the app."""
    return lambda *command: app.test_cli_runner().invoke(args=[str(part) for part in command])


@pytest.fixture
def two_apps(make_app: Callable[..., Flask], app: Flask) -> Flask:
    """Another, empty portal on the same kind of database."""
    with app.app_context():
        kind = db.engine.dialect.name
    return make_app(kind)


def refusal(result: Result) -> str:
    """The plain line with which a command ended."""
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("Error: ")
    return result.stderr.strip()


def names_in(app: Flask) -> list[str]:
    with app.app_context():
        return sorted(db.session.execute(db.select(Batch.name)).scalars())


def filled(build: Builder, owner: User) -> None:
    """Two live batches, and one in the trash."""
    for name in ("Spring", "Été"):
        batch = build.create_batch(owner, name, total_calls=1)
        build.create_call(batch, fields={"city": "Évora"})
    build.create_batch(owner, "Gone", deleted=True)


def test_a_backup_comes_back_elsewhere(
    app: Flask, two_apps: Flask, run: Callable, build: Builder, owner: User, tmp_path: Path
) -> None:
    filled(build, owner)
    sign_in(app, owner)
    file = tmp_path / "portal.backup"
    written = run("backup", file)
    assert written.exit_code == 0, written.output
    assert "SECRET_KEY is not in it" in written.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]

    restored = two_apps.test_cli_runner().invoke(args=["restore", str(file)])
    assert restored.exit_code == 0, restored.output
    assert "Restored: 1 account, 3 batches; everything that is kept agrees with the rows" in restored.stdout
    assert names_in(two_apps) == ["Gone", "Spring", "Été"]
    with two_apps.app_context():
        assert db.session.execute(text("SELECT count(*) FROM sessions")).scalar_one() == 0
        assert derived.engine_module(db.engine.dialect.name).has_name_index(db.session.connection()) == has_index(app)


def has_index(app: Flask) -> bool:
    with app.app_context():
        return derived.engine_module(db.engine.dialect.name).has_name_index(db.session.connection())


def test_a_restore_while_the_portal_runs(
    app: Flask, run: Callable, api: Callable, build: Builder, owner: User, tmp_path: Path
) -> None:
    """What was remembered of a later state is never told of the restored one, nor the other way round."""
    filled(build, owner)
    then = api("?search=spr")
    run("backup", tmp_path / "one")
    build.create_batch(owner, "Spring again")
    later = api("?search=spr")
    assert (then.json["data"]["pagination"]["total"], later.json["data"]["pagination"]["total"]) == (1, 2)

    restored = run("restore", tmp_path / "one", "--replace", "--yes")
    assert restored.exit_code == 0, restored.output
    assert api("?search=spr", headers={"If-None-Match": later.headers["ETag"]}).json == then.json
    # The state is the very one that this tag stood for: nothing has changed since.
    assert api("?search=spr", headers={"If-None-Match": then.headers["ETag"]}).status_code == 304

    build.create_batch(owner, "Spring once more")  # as many batches, and the same keys, as in the state that was lost
    now = api("?search=spr", headers={"If-None-Match": later.headers["ETag"]})
    assert now.status_code == 200
    assert [batch["batchName"] for batch in now.json["data"]["batches"]] == ["Spring once more", "Spring"]


def test_who_is_signed_in_signs_in_anew(app: Flask, run: Callable, build: Builder, owner: User, tmp_path: Path) -> None:
    """A sign-in that ended after the backup does not come back with it."""
    browser = sign_in(app, owner)
    token = build.create_token(owner, Scope.READ)
    run("backup", tmp_path / "one")
    assert run("restore", tmp_path / "one", "--replace", "--yes").exit_code == 0
    assert browser.get("/batches").status_code == 303
    headers = {"Authorization": f"Bearer {token}"}
    assert app.test_client().get(f"/api/call/batches/{owner.id}", headers=headers).status_code == 404  # none yet


def test_a_folder_that_is_not_there(apps: Callable[[str], Flask], tmp_path: Path) -> None:
    said = apps("sqlite").test_cli_runner().invoke(args=["backup", str(tmp_path / "no" / "folder")])
    assert "cannot be written: No such file or directory" in refusal(said)


def test_to_standard_output(app: Flask, run: Callable, build: Builder, owner: User, tmp_path: Path) -> None:
    filled(build, owner)
    said = run("backup", "-")
    assert said.exit_code == 0, said.stderr
    (tmp_path / "one").write_bytes(said.stdout_bytes)
    assert run("restore", tmp_path / "one", "--replace", "--yes").exit_code == 0
    assert names_in(app) == ["Gone", "Spring", "Été"]


def test_an_older_one_is_brought_up_to_date(
    make_app: Callable[..., Flask], app: Flask, two_apps: Flask, tmp_path: Path
) -> None:
    """One from before there were sessions, put in the place of a newer database."""
    build = Builder(two_apps)
    batch = build.create_batch(build.create_user(), "Old", total_calls=1)
    build.create_call(batch, fields={"city": "Évora"})
    with two_apps.app_context():
        downgrade(revision="0001")
        db.engine.dispose()
    written = two_apps.test_cli_runner().invoke(args=["backup", str(tmp_path / "old")])
    assert written.exit_code == 0, written.output
    Builder(app).create_user("stranger")
    with app.app_context():
        others = db.engine.connect()  # as a portal that still runs has them
        others.execute(text("SELECT 1"))
        on_postgresql = db.engine.dialect.name == "postgresql"
    if on_postgresql:
        said = refusal(app.test_cli_runner().invoke(args=["restore", str(tmp_path / "old"), "--replace", "--yes"]))
        assert "stop the portal on every node first" in said
    others.close()
    with app.app_context():
        db.engine.dispose()
    restored = app.test_cli_runner().invoke(args=["restore", str(tmp_path / "old"), "--replace", "--yes"])
    assert restored.exit_code == 0, restored.output
    assert names_in(app) == ["Old"]
    with app.app_context():
        assert "évora" in db.session.execute(text("SELECT search_text FROM calls")).scalar_one()
    with two_apps.app_context():
        upgrade()


def test_a_database_of_somebody_else(
    database_urls: Callable[[str], str], app: Flask, make_app: Callable, run: Callable, tmp_path: Path
) -> None:
    from tests.test_cli import app_on

    with app.app_context():
        kind = db.engine.dialect.name
    run("backup", tmp_path / "one")
    theirs = app_on(database_urls(kind), tmp_path)
    with theirs.app_context():
        with db.engine.begin() as connection:
            connection.execute(text("CREATE TABLE recipes (name TEXT)"))
        said = theirs.test_cli_runner().invoke(args=["restore", str(tmp_path / "one"), "--replace", "--yes"])
        assert "holds tables that are not Batch Portal's" in refusal(said)
        db.engine.dispose()


@pytest.mark.parametrize("kind", DATABASES)
def test_one_kind_does_not_become_the_other(kind: str, apps: Callable[[str], Flask], tmp_path: Path) -> None:
    other = next(one for one in DATABASES if one != kind)
    assert apps(kind).test_cli_runner().invoke(args=["backup", str(tmp_path / "one")]).exit_code == 0
    said = apps(other).test_cli_runner().invoke(args=["restore", str(tmp_path / "one"), "--replace", "--yes"])
    assert "was written on" in refusal(said)


def test_a_restore_that_fails_leaves_all_as_it_was(
    app: Flask, run: Callable, build: Builder, owner: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("backup", tmp_path / "one")
    build.create_batch(owner, "Still here")

    def cut_short(*given: Any) -> None:
        raise OSError(5, "Input/output error", "one")

    if app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        monkeypatch.setattr(sqlite, "PAGES", 1)
        monkeypatch.setattr(commands, "progress_updater", lambda _bar: cut_short)
    else:
        whole = postgresql.run_script
        monkeypatch.setattr(postgresql, "run_script", lambda driver, lines: (whole(driver, lines), cut_short()))
    assert "one: Input/output error" in refusal(run("restore", tmp_path / "one", "--replace", "--yes"))
    assert names_in(app) == ["Still here"]
    monkeypatch.undo()
    assert run("batch", "check").exit_code == 0


def test_who_reads_meanwhile_sees_before_or_after(
    app: Flask, run: Callable, build: Builder, owner: User, api: Callable, tmp_path: Path
) -> None:
    for number in range(20):
        build.create_batch(owner, f"Before {number}")
    run("backup", tmp_path / "one")
    for number in range(20):
        build.create_batch(owner, f"After {number}")
    wrong: list[object] = []
    ended, asked = threading.Event(), threading.Event()

    def read() -> None:
        while not ended.is_set():
            answer = api("?limit=100")
            told = answer.json["data"]
            if answer.status_code != 200 or told["pagination"]["total"] != len(told["batches"]):
                wrong.append(answer.text)
            elif len(told["batches"]) not in (20, 40):
                wrong.append(len(told["batches"]))
            asked.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert asked.wait(30)
        said = run("restore", tmp_path / "one", "--replace", "--yes")
    finally:
        ended.set()
        reader.join()
    assert said.exit_code == 0, said.output
    assert wrong == []
    assert len(names_in(app)) == 20


def test_a_copy_of_a_part_is_refused(tmp_path: Path, apps: Callable[[str], Flask]) -> None:
    """A live SQLite file without its log is not all there is."""
    file = tmp_path / "portal.db"
    with closing(sqlite3.connect(file)) as live:
        live.execute("PRAGMA journal_mode = WAL")
        live.execute("CREATE TABLE one (two)")
        live.commit()
        said = apps("sqlite").test_cli_runner().invoke(args=["restore", str(file), "--replace", "--yes"])
    assert "is a database in use" in refusal(said)


def test_no_password_on_a_command_line(apps: Callable[[str], Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    app = apps("postgresql")
    run: list[list[str]] = []
    with app.app_context():
        engine = db.create_engine(
            "postgresql+psycopg://someone:s3cret@db.example:6543/calls?sslmode=verify-full&sslrootcert=/etc/ca.pem"
        )
        told = programs.connection_environment(engine)
    assert (told["PGPASSWORD"], told["PGHOST"], told["PGPORT"]) == ("s3cret", "db.example", "6543")
    assert (told["PGDATABASE"], told["PGUSER"], told["PGSSLMODE"]) == ("calls", "someone", "verify-full")
    whole = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda command, **how: run.append(command) or whole(command, **how))
    app.test_cli_runner().invoke(args=["backup", "-"])
    assert any("pg_dump" in command[0] for command in run)
    password = str(db_password(app))
    assert not [part for command in run for part in command if "@" in part or (password and password in part)]


def db_password(app: Flask) -> str:
    with app.app_context():
        return str(db.engine.url.password or "")


@pytest.mark.parametrize(
    ("found", "said"),
    [({"/one": 13}, "of PostgreSQL 13 here and the server of"), ({}, "is not on this machine")],
    ids=["too old", "absent"],
)
def test_programs_that_do_not_fit(
    apps: Callable[[str], Flask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: dict, said: str
) -> None:
    monkeypatch.setattr(programs, "candidate_paths", lambda _name: iter(found))
    monkeypatch.setattr(programs, "program_version", lambda path: 1 if path == "/one" else 0)
    expected = said.replace("13", "1")
    assert expected in refusal(apps("postgresql").test_cli_runner().invoke(args=["backup", str(tmp_path / "one")]))
    assert list(tmp_path.iterdir()) == []
