"""The `flask user` commands."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from portal.accounts import actions, query
from portal.accounts.actions import ADDRESS_TAKEN
from portal.accounts.passwords import verify_password
from portal.models import User
from portal.web.parameters import InvalidParameter
from tests.accounts.commands import last_line, list_batches
from tests.conftest import sign_in
from tests.support.builders import PASSWORD, Builder

NEW_PASSWORD = "an altogether new password"


def find_user(app: Flask, email: str) -> User:
    with app.app_context():
        return query.find_user_by_email(email)


def test_user_add_prints_the_id(app: Flask, run: Callable[..., Any]) -> None:
    result = run(
        "user", "add", "Owner@example.com", "--name", "Owner", "--zone", "Europe/Lisbon", input=f"{PASSWORD}\n"
    )
    user = find_user(app, "owner@example.com")
    assert last_line(result) == user.id
    assert re.fullmatch("[0-9a-f]{24}", user.id)
    assert (user.email, user.name, user.zone) == ("Owner@example.com", "Owner", "Europe/Lisbon")
    sign_in(app, user)


@pytest.mark.parametrize(
    ("standard_input", "password"),
    [
        (f"{PASSWORD}", PASSWORD),
        (f"{PASSWORD}\r\n", PASSWORD),
        (f"{PASSWORD}\nanother line\n", PASSWORD),
        (f"  {PASSWORD} \n", f"  {PASSWORD} "),
        ("contraseña très sûre\n", "contraseña très sûre"),
    ],
)
def test_the_password_is_the_first_line_of_standard_input_of_standard_input(
    app: Flask, run: Callable[..., Any], standard_input: str, password: str
) -> None:
    assert run("user", "add", "owner@example.com", input=standard_input).exit_code == 0
    assert verify_password(password, find_user(app, "owner@example.com").password_hash)


@pytest.mark.parametrize(
    ("arguments", "password", "message"),
    [
        (["no-address"], PASSWORD, "email must be an email address"),
        (["a\tb@example.com"], PASSWORD, "email must not hold a control character"),
        (["\udcff@example.com"], PASSWORD, "email must not hold a lone surrogate"),
        ([f"{'a' * 250}@example.com"], PASSWORD, "email must be at most 254 characters"),
        (["a@example.com", "--zone", "Mars/Olympus"], PASSWORD, "zone must be an IANA time zone"),
        (["a@example.com", "--name", "n" * 101], PASSWORD, "name must be at most 100 characters"),
        (["a@example.com"], "short", "password must be at least 12 characters"),
        (["a@example.com"], "", "password must be at least 12 characters"),
        (["a@example.com"], "p" * 1001, "password must be at most 1000 characters"),
        (["a@example.com"], "twelve\0characters", "password must not contain control characters"),
        (["a@example.com"], b"\xff" * 12, "password is not valid UTF-8"),
    ],
)
def test_user_add_names_the_problem(
    app: Flask, run: Callable[..., Any], arguments: list[str], password: str | bytes, message: str
) -> None:
    result = run("user", "add", *arguments, input=password)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"Error: {message}")
    with app.app_context():
        assert query.list_users() == []


def test_all_problems_are_named_at_once(run: Callable[..., Any]) -> None:
    line = run("user", "add", "no-address", "--zone", "nowhere", input="short").stderr
    assert line.count("\n") == 1
    assert all(f"{field} must" in line for field in ("email", "zone", "password"))


def test_an_email_address_is_unique_in_any_case(run: Callable[..., Any], owner: User) -> None:
    result = run("user", "add", owner.email.upper(), input=PASSWORD)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: email is taken")


def test_concurrent_creation_with_one_address_succeeds_once(app: Flask) -> None:
    def add(_number: int) -> str:
        with app.app_context():
            try:
                return actions.add_user("owner@example.com", "", "UTC", PASSWORD).email
            except InvalidParameter as error:
                return str(error)

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(add, range(4)))
    assert answers == [ADDRESS_TAKEN["email"]] * 3 + ["owner@example.com"]


def test_user_list_shows_all_accounts(run: Callable[..., Any], owner: User, stranger: User) -> None:
    assert run("user", "disable", stranger.email).exit_code == 0
    lines = run("user", "list").stdout.splitlines()
    assert [line.split()[:3] for line in lines] == [
        [owner.id, owner.email, "UTC"],
        [stranger.id, stranger.email, "UTC"],
    ]
    assert [line.split()[4] for line in lines] == ["active", "disabled"]


def test_user_list_without_accounts_gives_a_hint(run: Callable[..., Any]) -> None:
    result = run("user", "list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No accounts yet" in result.stderr


def test_user_password_ends_every_session(app: Flask, run: Callable[..., Any], owner: User) -> None:
    browser = sign_in(app, owner)
    assert browser.get("/batches").status_code == 200
    assert run("user", "password", owner.email, input=f"{NEW_PASSWORD}\n").exit_code == 0
    assert browser.get("/batches").location.startswith("/login")
    sign_in(app, owner, NEW_PASSWORD)
    assert not verify_password(PASSWORD, find_user(app, owner.email).password_hash)


def test_a_short_password_changes_nothing(app: Flask, run: Callable[..., Any], owner: User) -> None:
    result = run("user", "password", owner.email, input="short\n")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: password must be at least 12 characters")
    sign_in(app, owner)


def test_user_disable_ends_sessions_and_stops_tokens(
    app: Flask, run: Callable[..., Any], build: Builder, owner: User
) -> None:
    build.create_batch(owner)
    browser, token = sign_in(app, owner), build.create_token(owner)
    assert list_batches(app, owner.id, token).status_code == 200
    assert run("user", "disable", owner.email).exit_code == 0
    assert browser.get("/batches").location.startswith("/login")
    assert list_batches(app, owner.id, token).status_code == 401
    assert run("user", "disable", owner.email).exit_code == 0
    result = run("token", "add", owner.email, "--name", "late")
    assert result.exit_code == 1
    assert "is disabled" in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["user", "password", "{}"],
        ["user", "disable", "{}"],
        ["token", "add", "{}", "--name", "sync"],
    ],
)
@pytest.mark.parametrize("email", ["unknown@example.com", "", "a\0b", "\udcff"])
def test_an_unknown_account_is_refused(run: Callable[..., Any], owner: User, command: list[str], email: str) -> None:
    result = run(*[part.format(email) for part in command], input=NEW_PASSWORD)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: email: there is no account")


def test_links_are_listed_and_removed(app: Flask, run: Callable[..., Any], owner: User) -> None:
    with app.app_context():
        actions.link_identity(owner.key, "https://id.example", "someone-1", is_proven=False)
    assert run("user", "links", owner.email).stdout.startswith("https://id.example  someone-1  2")
    assert last_line(run("user", "links", owner.email, "--remove")) == f"1 link of {owner.email} removed"
    assert run("user", "links", owner.email).stdout == ""


def test_two_factor_authentication_is_turned_off(app: Flask, run: Callable, owner: User, build: Builder) -> None:
    build.change(owner, totp_secret="encrypted")
    assert run("user", "second-factor", owner.email).exit_code == 2
    assert run("user", "second-factor", owner.email, "--off").exit_code == 0
    assert find_user(app, owner.email).totp_secret is None
