"""Protection of accounts: limited attempts, sessions that end on the server, no common passwords."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.accounts import actions, query
from portal.accounts.query import Credentials, Lifetimes
from portal.extensions import db
from portal.models import AccountEvent, AccountLogEntry, SharedCounter, User, UserSession
from portal.times import DAY_MS, now_ms
from tests.conftest import csrf_token, sign_in
from tests.support.builders import PASSWORD, Builder
from tests.support.pages import send_form

MINUTE_MS = 60_000


def try_password(client: FlaskClient, email: str, password: str = "wrong") -> TestResponse:
    """Send the sign-in form."""
    return send_form(client, "/login", "/login", email=email, password=password)


def account_log() -> Any:
    """Return a query of the account entries of the audit log, oldest first."""
    return db.session.query(AccountLogEntry).order_by(AccountLogEntry.key)


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


def test_signing_out_clears_what_the_browser_stored_but_not_the_device_cookie(signed_in: FlaskClient) -> None:
    answer = send_form(signed_in, "/logout")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert signed_in.get_cookie("known")


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


def test_a_copied_cookie_is_useless_after_signing_out(app: Flask, signed_in: FlaskClient) -> None:
    copied = signed_in.get_cookie("session").value
    send_form(signed_in, "/logout")
    thief = app.test_client()
    thief.set_cookie("session", copied)
    assert thief.get("/batches").status_code == 303


def test_signing_in_replaces_the_session_cookie(app: Flask, owner: User) -> None:
    client = app.test_client()
    client.get("/login")
    before = client.get_cookie("session").value
    assert try_password(client, owner.email, PASSWORD).status_code == 303
    fixed = app.test_client()
    fixed.set_cookie("session", before)
    assert fixed.get("/batches").status_code == 303


def test_only_a_hash_of_the_session_id_is_stored(app: Flask, owner: User) -> None:
    with app.app_context():
        session_id = actions.start_session(Credentials.of(owner), Lifetimes.of(app.config), None, "test")
        (stored,) = db.session.query(UserSession)
        assert session_id not in stored.id_hash
        assert re.fullmatch(r"[0-9a-f]{64}", stored.id_hash)


@pytest.mark.parametrize(("created", "seen", "is_signed_in"), [
    (13 * DAY_MS, 11 * 60 * MINUTE_MS, True),
    (13 * DAY_MS, 13 * 60 * MINUTE_MS, False),
    (15 * DAY_MS, 0, False),
])  # fmt: skip
def test_a_session_expires_by_age_and_by_idle_time(
    app: Flask, signed_in: FlaskClient, build: Builder, created: int, seen: int, is_signed_in: bool
) -> None:
    now = now_ms()
    with app.app_context():
        (session,) = db.session.query(UserSession)
        db.session.expunge(session)
    build.change(session, created_at=now - created, seen_at=now - seen)
    assert (signed_in.get("/batches").status_code == 200) == is_signed_in


def test_use_is_stored_once_a_minute_and_not_for_automatic_refreshes(
    app: Flask, signed_in: FlaskClient, build: Builder
) -> None:
    def seen() -> int:
        with app.app_context():
            (session,) = db.session.query(UserSession)
            return session.seen_at

    with app.app_context():
        (session,) = db.session.query(UserSession)
        db.session.expunge(session)
    old = now_ms() - 10 * MINUTE_MS
    build.change(session, seen_at=old)
    signed_in.get("/batches", headers={"X-Refresh": "1"})
    assert seen() == old
    signed_in.get("/batches")
    touched = seen()
    assert touched > old
    signed_in.get("/batches")
    assert seen() == touched


def test_one_session_can_end_another(app: Flask, signed_in: FlaskClient, owner: User) -> None:
    other = sign_in(app, owner)
    page = signed_in.get("/settings/account").text
    assert "This browser" in page
    (key,) = re.findall(r"/settings/sessions/(\d+)/end", page)
    send_form(signed_in, f"/settings/sessions/{key}/end")
    assert other.get("/batches").status_code == 303
    assert signed_in.get("/batches").status_code == 200


def test_ending_an_unknown_session_changes_nothing(signed_in: FlaskClient) -> None:
    for key in (0, (1 << 63) - 1, 1 << 63, 10**400):
        answer = send_form(signed_in, f"/settings/sessions/{key}/end")
        assert (answer.status_code, answer.location) == (303, "/settings/account")


def test_a_strangers_session_cannot_be_ended(app: Flask, signed_in: FlaskClient, stranger: User) -> None:
    other = sign_in(app, stranger)
    with app.app_context():
        key = max(row.key for row in db.session.query(UserSession))
    send_form(signed_in, f"/settings/sessions/{key}/end")
    assert other.get("/batches").status_code == 200


def test_an_easy_password_is_refused(app: Flask, signed_in: FlaskClient, owner: User) -> None:
    form = {"current": PASSWORD, "password": "Password2026!!"}
    answer = send_form(signed_in, "/settings/password", **form)
    assert answer.status_code == 400
    assert "Password is too easy to guess" in answer.text
    assert "Password2026!!" not in answer.text
    sign_in(app, owner)


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


def test_a_hash_of_another_cost_is_replaced_at_sign_in(app: Flask, owner: User, build: Builder) -> None:
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    build.change(owner, password_hash=old)
    sign_in(app, owner)
    with app.app_context():
        (user,) = db.session.query(User)
        assert user.password_hash != old
    sign_in(app, owner)


def test_sign_ins_and_sign_outs_are_logged(app: Flask, owner: User) -> None:
    client = app.test_client()
    try_password(client, "unknown@example.com")
    try_password(client, owner.email)
    try_password(client, owner.email, PASSWORD)
    send_form(client, "/logout")
    with app.app_context():
        entries = [(row.what, row.subject_key, row.way, row.address) for row in account_log()]
    assert entries[1:] == [
        ("sign-in-refused", None, "page", "127.0.0.1"),
        ("sign-in-refused", owner.key, "page", "127.0.0.1"),
        ("signed-in", owner.key, "page", "127.0.0.1"),
        ("signed-out", owner.key, "page", "127.0.0.1"),
    ]


def test_signing_in_again_ends_the_previous_session(app: Flask, signed_in: FlaskClient, stranger: User) -> None:
    before = signed_in.get_cookie("session").value
    assert send_form(signed_in, "/login", email=stranger.email, password=PASSWORD).status_code == 303
    copied = app.test_client()
    copied.set_cookie("session", before)
    assert copied.get("/batches").status_code == 303
    assert stranger.email in signed_in.get("/settings/account").text


def test_unlimited_attempts_are_not_counted(app: Flask, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "SIGN_IN_TRIES", 0)
    monkeypatch.setitem(app.config, "SIGN_IN_TRIES_PER_ADDRESS", 0)
    assert try_password(app.test_client(), owner.email, PASSWORD).status_code == 303
    with app.app_context():
        assert db.session.query(SharedCounter).all() == []


@pytest.mark.parametrize(("account", "typed", "is_found"), [
    ("owner@example.com", " OWNER@Example.com ", True),
    ("éric@example.com", "E\u0301RIC@example.com", True),
    ("owner@example.com", "ｏwner@example.com", False),
    ("owner@example.com", "ow\u200bner@example.com", False),
    ("first@example.com", "\ufdfa@example.com" * 30_000, False),
])  # fmt: skip
def test_an_account_is_found_by_its_address_alone(
    app: Flask, build: Builder, account: str, typed: str, is_found: bool
) -> None:
    build.create_user("same", email=account)
    with app.app_context():
        assert bool(query.find_user_by_email(typed)) is is_found
