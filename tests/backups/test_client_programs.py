"""PostgreSQL's client programs: their versions, and passwords on their command lines."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from portal.backups import programs
from portal.extensions import db
from tests.backups.results import error_line

pytestmark = pytest.mark.usefixtures("clients_on_path")


def test_no_password_is_on_a_command_line(apps: Callable[[str], Flask], monkeypatch: pytest.MonkeyPatch) -> None:
    app = apps("postgresql")
    commands_run: list[list[str]] = []
    with app.app_context():
        engine = db.create_engine(
            "postgresql+psycopg://someone:s3cret@db.example:6543/calls?sslmode=verify-full&sslrootcert=/etc/ca.pem"
        )
        environ = programs.connection_environment(engine)
    assert (environ["PGPASSWORD"], environ["PGHOST"], environ["PGPORT"]) == ("s3cret", "db.example", "6543")
    assert (environ["PGDATABASE"], environ["PGUSER"], environ["PGSSLMODE"]) == ("calls", "someone", "verify-full")
    subprocess_run = subprocess.run

    def record(command: list[str], **options: Any) -> Any:
        commands_run.append(command)
        return subprocess_run(command, **options)

    monkeypatch.setattr(subprocess, "run", record)
    app.test_cli_runner().invoke(args=["backup", "-"])
    assert any("pg_dump" in command[0] for command in commands_run)
    password = str(db_password(app))
    assert not [
        argument
        for command in commands_run
        for argument in command
        if "@" in argument or (password and password in argument)
    ]


def db_password(app: Flask) -> str:
    with app.app_context():
        return str(db.engine.url.password or "")


@pytest.mark.parametrize(
    ("paths", "message"),
    [(["/one"], "has version 1, but the server has version"), ([], "is not installed")],
    ids=["too old", "missing"],
)
def test_missing_or_old_client_programs_are_reported(
    apps: Callable[[str], Flask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paths: list[str], message: str
) -> None:
    monkeypatch.setattr(programs, "candidate_paths", lambda _name: iter(paths))
    monkeypatch.setattr(programs, "program_version", lambda path: 1 if path == "/one" else 0)
    assert message in error_line(apps("postgresql").test_cli_runner().invoke(args=["backup", str(tmp_path / "one")]))
    assert list(tmp_path.iterdir()) == []
