"""The `flask token` commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.accounts import query
from portal.models import User
from portal.times import DAY_MS, now_ms
from tests.accounts.commands import last_line, list_batches
from tests.support.builders import Builder


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ([], "read"),
        (["read"], "read"),
        (["write"], "write"),
        (["write", "read", "write"], "read write"),
    ],
)
def test_token_add_prints_a_token_that_works(
    app: Flask, run: Callable[..., Any], build: Builder, owner: User, scopes: list[str], expected: str
) -> None:
    build.create_batch(owner)
    options = [part for scope in scopes for part in ("--scope", scope)]
    token = last_line(run("token", "add", owner.email, "--name", "nightly sync", *options))
    assert list_batches(app, owner.id, token).status_code == (200 if "read" in expected else 403)
    with app.app_context():
        (listed,) = query.list_tokens(owner.key)
        assert (listed.name, listed.scopes) == ("nightly sync", expected)
        assert listed.expires_at == listed.created_at + 365 * DAY_MS  # TOKEN_MAX_DAYS
        assert token.split("_", 2)[2] not in listed.secret_hash


def test_tokens_are_listed_and_revoked(
    app: Flask, run: Callable[..., Any], build: Builder, owner: User, stranger: User
) -> None:
    build.create_batch(owner)
    tokens = [build.create_token(account) for account in (owner, owner, stranger)]
    ids = [token.split("_")[1] for token in tokens]
    listed = run("token", "list").stdout.splitlines()
    assert [line.split()[:2] for line in listed] == [
        [ids[1], owner.email],
        [ids[0], owner.email],
        [ids[2], stranger.email],
    ]
    assert [line.split()[0] for line in run("token", "list", owner.email).stdout.splitlines()] == [ids[1], ids[0]]
    assert last_line(run("token", "revoke", ids[0])) == f"Token {ids[0]} revoked"
    assert last_line(run("token", "revoke", ids[0])) == f"Token {ids[0]} was already revoked"
    assert list_batches(app, owner.id, tokens[0]).status_code == 401
    assert list_batches(app, owner.id, tokens[1]).status_code == 200
    assert last_line(run("token", "revoke", "--user", owner.email)) == f"1 token of {owner.email} revoked"
    assert last_line(run("token", "revoke", tokens[2])) == f"Token {ids[2]} revoked"  # the whole text
    assert "No tokens" in run("token", "list").stderr


@pytest.mark.parametrize(("arguments", "code", "message"), [
    ((), 2, "Give the ids of tokens, or --user EMAIL"),
    (("0" * 24, "--user", "owner@example.com"), 2, "Give the ids of tokens, or --user EMAIL"),
    (("0" * 24,), 1, "there is no token 000"),
    (("bp_nonsense",), 1, "id must be 24 hexadecimal characters"),
    (("--user", "unknown@example.com"), 1, "there is no account"),
])  # fmt: skip
def test_invalid_tokens_to_revoke_are_named(
    run: Callable[..., Any], owner: User, arguments: tuple[str, ...], code: int, message: str
) -> None:
    result = run("token", "revoke", *arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert "nonsense" not in result.stderr


def test_a_life_beyond_the_limit_is_refused(run: Callable[..., Any], owner: User) -> None:
    result = run("token", "add", owner.email, "--name", "x", "--days", "366")
    assert (result.exit_code, result.stderr) == (1, "Error: days must be between 1 and 365\n")


def test_token_add_with_days(app: Flask, run: Callable[..., Any], owner: User) -> None:
    before = now_ms()
    assert last_line(run("token", "add", owner.email, "--name", "week", "--days", "7")).startswith("bp_")
    with app.app_context():
        (listed,) = query.list_tokens(owner.key)
        assert before + 7 * DAY_MS <= listed.expires_at <= now_ms() + 7 * DAY_MS


@pytest.mark.parametrize(
    ("options", "code", "field"),
    [
        (["--name", ""], 1, "name"),
        (["--name", "a\x07b"], 1, "name"),
        (["--name", "n" * 101], 1, "name"),
        (["--name", "x", "--days", "0"], 1, "days"),
        (["--name", "x", "--days", "-1"], 1, "days"),
        (["--name", "x", "--days", "3651"], 1, "days"),
        (["--name", "x", "--days", "٣"], 1, "days"),
        (["--name", "x", "--days", "1.5"], 1, "days"),
        (["--name", "x", "--days", ""], 1, "days"),
        (["--name", "x", "--scope", "admin"], 2, "--scope"),
        ([], 2, "--name"),
    ],
)
def test_token_add_names_the_problem(
    app: Flask, run: Callable[..., Any], owner: User, options: list[str], code: int, field: str
) -> None:
    result = run("token", "add", owner.email, *options)
    assert (result.exit_code, result.stdout) == (code, "")
    assert field in result.stderr.splitlines()[-1]
    with app.app_context():
        assert query.list_tokens(owner.key) == []
