"""Limits of sign-in attempts and of attempts at the current password, with the browsers that are known."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.accounts import actions
from portal.extensions import db
from portal.models import AccountEvent, SharedCounter, User
from tests.accounts.attempts import account_log, try_password
from tests.conftest import csrf_token, sign_in
from tests.support.builders import PASSWORD
from tests.support.pages import send_form


@pytest.fixture
def advance_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Set the portal's clock forward: `advance_clock(minutes)`."""

    def go(minutes: float) -> None:
        real = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: real() + int(minutes * 60 * 1_000_000_000))

    return go


@pytest.mark.parametrize("email", ["owner@example.com", "unknown@example.com"])
def test_ten_wrong_passwords_block_the_right_one_for_15_minutes(
    app: Flask, owner: User, advance_clock: Callable[[float], None], email: str
) -> None:
    client = app.test_client()
    for _ in range(10):
        assert try_password(client, email).status_code == 401
    refused = try_password(client, email.upper(), PASSWORD)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 900
    assert "Try again in 15 minutes" in refused.text
    advance_clock(15.1)
    assert try_password(client, email, PASSWORD).status_code == (303 if email == owner.email else 401)


def test_a_right_password_resets_the_counter(app: Flask, owner: User) -> None:
    client = app.test_client()
    for _ in range(3):
        for _ in range(9):
            assert try_password(client, owner.email).status_code == 401
        assert try_password(client, owner.email, PASSWORD).status_code == 303
        client = app.test_client()


def test_attempts_from_elsewhere_do_not_block_a_known_browser(app: Flask, owner: User) -> None:
    known = sign_in(app, owner)
    send_form(known, "/logout")
    for _ in range(11):
        last = try_password(app.test_client(), owner.email)
    assert last.status_code == 429
    assert try_password(known, owner.email, PASSWORD).status_code == 303


def test_a_device_cookie_is_valid_only_for_its_user(app: Flask, owner: User, stranger: User) -> None:
    known = sign_in(app, stranger)
    send_form(known, "/logout")
    for _ in range(10):
        try_password(known, owner.email)
    assert try_password(app.test_client(), owner.email).status_code == 429


def test_a_device_cookie_ends_with_the_password(app: Flask, owner: User) -> None:
    known = sign_in(app, owner)
    with app.app_context():
        actions.change_password(owner.key, "an altogether new password")
    for _ in range(10):
        assert try_password(known, owner.email).status_code == 401
    assert try_password(app.test_client(), owner.email).status_code == 429


def test_the_browser_that_changes_the_password_stays_known(app: Flask, signed_in: FlaskClient, owner: User) -> None:
    form = {"current": PASSWORD, "password": "an altogether new password"}
    send_form(signed_in, "/settings/password", **form)
    send_form(signed_in, "/logout")
    for _ in range(11):
        try_password(app.test_client(), owner.email)
    assert try_password(signed_in, owner.email, "an altogether new password").status_code == 303


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:1:2:3", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_ipv6_attempts_are_counted_by_network(
    app: Flask, owner: User, monkeypatch: pytest.MonkeyPatch, first: str, second: str, is_one: bool
) -> None:
    monkeypatch.setitem(app.config, "SIGN_IN_TRIES_PER_ADDRESS", 2)
    client = app.test_client()
    token = csrf_token(client.get("/login").text)

    def try_from(address: str) -> int:
        form = {"email": "unknown@example.com", "password": "wrong", "csrf_token": token}
        return client.post("/login", data=form, environ_overrides={"REMOTE_ADDR": address}).status_code

    assert [try_from(first), try_from(first), try_from(second)] == [401, 401, 429 if is_one else 401]


def test_wrong_passwords_of_signed_in_users_are_logged(app: Flask, signed_in: FlaskClient) -> None:
    form = {"current": "wrong", "password": "an altogether new password"}
    for _ in range(12):
        send_form(signed_in, "/settings/password", **form)
    with app.app_context():
        reasons = [row.details["why"] for row in account_log().filter_by(what=AccountEvent.CREDENTIALS_REFUSED)]
    assert reasons == ["password"] * 10 + ["too many tries"]


def test_attempts_of_one_address_are_counted_across_accounts(
    app: Flask, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "SIGN_IN_TRIES_PER_ADDRESS", 5)
    client = app.test_client()
    assert try_password(client, owner.email, PASSWORD).status_code == 303  # right ones do not count
    client = app.test_client()
    for number in range(5):
        assert try_password(client, f"unknown{number}@example.com").status_code == 401
    assert try_password(client, owner.email, PASSWORD).status_code == 429


def test_counters_contain_no_names(app: Flask, owner: User) -> None:
    try_password(app.test_client(), owner.email)
    with app.app_context():
        buckets = [row.bucket for row in db.session.query(SharedCounter)]
    assert len(buckets) == 2
    assert all(re.fullmatch(r"(account|address):[0-9a-f]{64}", bucket) for bucket in buckets)


def test_a_flood_logs_only_the_first_blocked_attempt(app: Flask, owner: User) -> None:
    for _ in range(20):
        try_password(app.test_client(), owner.email)
    with app.app_context():
        reasons = [row.details["why"] for row in account_log().filter_by(what=AccountEvent.SIGN_IN_REFUSED)]
    assert reasons == ["password"] * 10 + ["too many tries"]


def test_the_current_password_is_counted_before_the_new_one_is_judged(
    signed_in: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[str] = []
    monkeypatch.setattr("portal.accounts.parameters.is_easy_to_guess", lambda value, _: bool(judged.append(value)))
    form = {"current": "wrong", "password": "x" * 1000}
    for _ in range(11):
        assert send_form(signed_in, "/settings/password", **form).status_code == 400
    assert judged == []


def test_attempts_at_the_current_password_are_limited(app: Flask, signed_in: FlaskClient) -> None:
    form = {"current": "wrong", "password": "an altogether new password"}
    for _ in range(10):
        assert "password is incorrect" in send_form(signed_in, "/settings/password", **form).text
    last = send_form(signed_in, "/settings/password", **form)
    assert "too many attempts; try again in 15 minutes" in last.text


def test_unlimited_attempts_are_not_counted(app: Flask, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "SIGN_IN_TRIES", 0)
    monkeypatch.setitem(app.config, "SIGN_IN_TRIES_PER_ADDRESS", 0)
    assert try_password(app.test_client(), owner.email, PASSWORD).status_code == 303
    with app.app_context():
        assert db.session.query(SharedCounter).all() == []
