"""Failures of commands: one line on standard error and exit code 1, never a stack trace."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from portal import create_app
from portal.accounts import query
from portal.extensions import db
from tests.conftest import DATABASES
from tests.support.databases import SECRET_KEY

ROOT = Path(__file__).resolve().parents[1]

COMMANDS = [
    ["user", "list"],
    ["user", "add", "owner@example.com"],
    ["user", "password", "owner@example.com"],
    ["user", "disable", "owner@example.com"],
    ["token", "add", "owner@example.com", "--name", "sync"],
    ["batch", "import", "history.csv", "--owner", "owner@example.com"],
    ["batch", "purge", "--older-than", "30"],
    ["backup", "-"],
    ["demo"],
    ["demo", "--first-time"],
]


def create_app_for(url: str, folder: Path) -> Flask:
    environ = {
        "DATABASE_URL": url,
        "SECRET_KEY": SECRET_KEY,
        "INSTANCE_DIR": str(folder),
        "LOG_LEVEL": "WARNING",
    }
    return create_app({"TESTING": True}, environ)


def error_of(app: Flask, command: list[str]) -> str:
    """Return the line on standard error of a failing command."""
    result = app.test_cli_runner().invoke(args=command, input="correct horse battery staple\n")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.strip()


@pytest.fixture(scope="module", params=DATABASES)
def bare_app(
    request: pytest.FixtureRequest, database_urls: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """Return an app with a database without tables."""
    app = create_app_for(database_urls(request.param), tmp_path_factory.mktemp("bare"))
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_database_without_tables(bare_app: Flask, command: list[str]) -> None:
    expected = "Error: The database has no tables yet; run: flask --app wsgi db upgrade"
    assert error_of(bare_app, command) == expected


@pytest.mark.parametrize("url", ["postgresql://none@127.0.0.1:1/none", "sqlite:////nowhere/portal.db"])
@pytest.mark.parametrize("command", [*COMMANDS, ["db", "upgrade"]], ids=" ".join)
def test_an_unavailable_database(tmp_path: Path, url: str, command: list[str]) -> None:
    assert error_of(create_app_for(url, tmp_path), command).startswith("Error: Database unavailable: ")


@pytest.mark.parametrize("kind", DATABASES)
def test_a_database_of_another_release(make_app: Callable[[str], Flask], kind: str) -> None:
    app = make_app(kind)
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE users DROP COLUMN zone"))
    assert error_of(app, ["user", "list"]).startswith("Error: The database schema is from another release; run: flask")


def test_an_unexpected_failure(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise KeyError("secret detail")

    monkeypatch.setattr(query, "list_users", fail)
    message = error_of(app, ["user", "list"])
    assert "KeyError" in message
    assert "secret detail" not in message


def test_a_failing_statement_is_not_reported_as_missing_tables(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        db.session.execute(text("SELECT 1 FROM no_such_table"))

    monkeypatch.setattr(query, "list_users", fail)
    message = error_of(app, ["user", "list"])
    assert message.startswith("Error: Unexpected failure: ")
    assert "no_such_table" not in message


@pytest.mark.parametrize(
    "command", [["user"], ["token"], ["batch"], ["user", "add"], ["batch", "import", "x.csv"], ["batch", "purge"]]
)
def test_wrong_usage_is_exit_code_2(app: Flask, command: list[str]) -> None:
    result = app.test_cli_runner().invoke(args=command)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "setting",
    ["DATABASE_URL=mysql://x", "DATABASE_URL=postgresql://a:s3cret@x:y/z", "LOG_LEVEL=LOUD", "INSTANCE_DIR=/dev/null"],
)
def test_an_invalid_setting(tmp_path: Path, setting: str) -> None:
    name, _, value = setting.partition("=")
    environ = {"PATH": os.environ["PATH"], "INSTANCE_DIR": str(tmp_path), name: value}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "user", "list"]
    result = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith(f"Error: {name} ")
    assert result.stderr.count("\n") == 1
    assert "s3cret" not in result.stderr
