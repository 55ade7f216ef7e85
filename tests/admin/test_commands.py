"""The same from the command line, and the demo account's role."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.accounts import query
from portal.audit import query as trail
from portal.batches.actions import delete_batch
from portal.demo.actions import EMAIL, create_demo
from portal.models import Channel, User
from portal.models.actor import Actor
from tests.support.builders import PASSWORD, Builder


@pytest.fixture
def run(app: Flask) -> Callable[..., Any]:
    """Runs a command: `run("list")`."""

    def run(*command: str, **how: Any) -> Any:
        return app.test_cli_runner().invoke(args=["user", *command], **how)

    return run


def is_admin(app: Flask, email: str) -> bool:
    with app.app_context():
        return query.find_user_by_email(email).is_admin


def test_an_admin_is_added_and_listed(app: Flask, run: Callable[..., Any], owner: User) -> None:
    before = run("list")
    assert "user role EMAIL admin" in before.stderr
    assert run("add", "demo@example.com", "--admin", input=PASSWORD).exit_code == 0
    after = run("list")
    assert [line.split()[1:6] for line in after.stdout.splitlines()] == [
        ["demo@example.com", "UTC", *after.stdout.splitlines()[0].split()[3:4], "active", "admin"],
        [owner.email, "UTC", *after.stdout.splitlines()[1].split()[3:4], "active", "user"],
    ]
    assert after.stderr == ""
    with app.app_context():
        (entry,) = trail.recent_account_events(query.find_user_by_email("demo@example.com").key)
    assert (entry.what, entry.doer, entry.way, entry.details) == ("added", None, "command", {"role": "admin"})


def test_the_role_and_the_way_back_in(
    app: Flask, run: Callable[..., Any], admin: User, owner: User, entries: Callable[[], list[Any]]
) -> None:
    assert "is an admin" in run("role", owner.email, "admin").stdout
    assert "is a user" in run("role", owner.email, "user").stdout
    assert "is disabled" in run("disable", owner.email).stdout
    assert "may sign in" in run("enable", owner.email).stdout
    assert run("role", owner.email, "king").exit_code == 2
    assert [entry.what for entry in entries()] == ["enabled", "disabled", "role", "role"]
    assert {(entry.doer, entry.way, entry.address) for entry in entries()} == {(None, "command", "")}
    assert not is_admin(app, owner.email)


@pytest.mark.parametrize("command", [("disable", "{}"), ("role", "{}", "user")])
def test_the_last_admin_goes_by_force_alone(
    app: Flask, run: Callable[..., Any], build: Builder, admin: User, command: tuple[str, ...]
) -> None:
    build.create_user("stranger", is_admin=True, disabled_at=1)
    command = tuple(part.format(admin.email) for part in command)
    refused = run(*command)
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"Error: {admin.email} is the last admin who can sign in")
    assert "--force" in refused.stderr
    assert is_admin(app, admin.email)
    assert run(*command, "--force").exit_code == 0
    assert "user role EMAIL admin" in run("list").stderr


def test_sessions_are_ended(run: Callable[..., Any], signed_in: FlaskClient, owner: User) -> None:
    assert owner.email in run("end-sessions", owner.email).stdout
    assert signed_in.get("/batches").status_code == 303


def test_the_trail_is_read(run: Callable[..., Any], build: Builder, owner: User, stranger: User) -> None:
    batch = build.create_batch(owner, "Marker", status="active")
    waiting = build.create_batch(owner, "Another")
    with build.app.app_context():
        delete_batch(Actor(owner.key, Channel.PAGE), waiting.id)
        delete_batch(Actor(owner.key, Channel.PAGE), batch.id)
    run("disable", stranger.email)
    run("role", stranger.email, "admin")
    lines = [line.split("  ")[1:] for line in run("trail").stdout.splitlines()]
    assert lines[:4] == [
        ["Role changed (to admin)", stranger.email, "the command line"],
        ["Disabled", stranger.email, "the command line"],
        ["Batch deleted (from active to stopped)", batch.id, f"{owner.email}, web app"],
        ["Batch deleted", waiting.id, f"{owner.email}, web app"],
    ]
    assert run("trail", "--limit", "1").stdout.splitlines() == run("trail").stdout.splitlines()[:1]
    assert [line.split("  ")[1] for line in run("trail", "--what", "disabled").stdout.splitlines()] == ["Disabled"]
    assert batch.id in run("trail", "--user", owner.email).stdout
    assert owner.email not in run("trail", "--user", stranger.email).stdout
    assert run("trail", "--to", "2020-01-01").stdout == ""
    assert run("trail", "--from", "2020-01-01").stdout == run("trail").stdout


@pytest.mark.parametrize(
    ("option", "given", "said"),
    [
        ("--user", "nobody@example.com", "user: there is no account nobody@example.com"),
        ("--what", "singing", "what must be one of"),
        ("--from", "yesterday", "from must be"),
        ("--to", "2025-13-01", "to must be"),
    ],
)
def test_a_trail_that_cannot_be_asked_for(run: Callable[..., Any], option: str, given: str, said: str) -> None:
    result = run("trail", option, given)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr


@pytest.mark.parametrize("command", [("enable", "nobody@example.com"), ("role", "nobody@example.com", "admin")])
def test_an_account_that_is_not_there(run: Callable[..., Any], command: tuple[str, ...]) -> None:
    result = run(*command)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: email: there is no account nobody@example.com")


def test_the_demo_account_is_an_admin(app: Flask) -> None:
    with app.app_context():
        made = create_demo(first_time=True)
        user = query.find_user_by_email(EMAIL)
        assert made.is_new
        assert user.is_admin
        assert [row.what for row in trail.recent_account_events(user.key)][-1] == "added"
