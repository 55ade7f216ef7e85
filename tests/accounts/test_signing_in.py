"""What keeps strangers out: tries are counted, sessions end on the server, common passwords are refused."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.accounts import actions
from portal.accounts.query import Lifetimes
from portal.extensions import db
from portal.models import AccountEvent, AccountLogEntry, SharedCounter, User, UserSession
from portal.times import DAY_MS, now_ms
from tests.conftest import csrf_token, sign_in
from tests.support.builders import PASSWORD, Builder

MINUTE_MS = 60_000


def try_password(client: FlaskClient, email: str, password: str = "wrong") -> TestResponse:
    """Send the sign-in form."""
    token = csrf_token(client.get("/login").text)
    return client.post("/login", data={"email": email, "password": password, "csrf_token": token})


def events() -> Any:
    """The trail of accounts as it was written."""
    return db.session.query(AccountLogEntry).order_by(AccountLogEntry.key)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Puts the portal's clock forward: `later(minutes)`."""

    def go(minutes: float) -> None:
        real = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: real() + int(minutes * 60 * 1_000_000_000))

    return go


@pytest.mark.parametrize("email", ["owner@example.com", "nobody@example.com"])
def test_after_ten_wrong_passwords_the_right_one_waits_too(
    app: Flask, owner: User, later: Callable[[float], None], email: str
) -> None:
    client = app.test_client()
    for _ in range(10):
        assert try_password(client, email).status_code == 401
    refused = try_password(client, email.upper(), PASSWORD)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 900
    assert "Try again in 15 minutes" in refused.text
    later(15.1)
    assert try_password(client, email, PASSWORD).status_code == (303 if email == owner.email else 401)


def test_a_right_password_begins_the_count_anew(app: Flask, owner: User) -> None:
    client = app.test_client()
    for _ in range(3):
        for _ in range(9):
            assert try_password(client, owner.email).status_code == 401
        assert try_password(client, owner.email, PASSWORD).status_code == 303
        client = app.test_client()


def test_a_stranger_does_not_shut_out_a_browser_that_was_here_before(app: Flask, owner: User) -> None:
    known = sign_in(app, owner)
    token = csrf_token(known.get("/settings/account").text)
    known.post("/logout", data={"csrf_token": token})
    for _ in range(11):
        last = try_password(app.test_client(), owner.email)
    assert last.status_code == 429
    assert try_password(known, owner.email, PASSWORD).status_code == 303


def test_the_mark_of_one_user_opens_nothing_for_another(app: Flask, owner: User, stranger: User) -> None:
    marked = sign_in(app, stranger)
    token = csrf_token(marked.get("/settings/account").text)
    marked.post("/logout", data={"csrf_token": token})
    for _ in range(10):
        try_password(marked, owner.email)
    assert try_password(app.test_client(), owner.email).status_code == 429


def test_one_address_is_counted_over_all_accounts(app: Flask, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "SIGN_IN_TRIES_PER_ADDRESS", 5)
    client = app.test_client()
    assert try_password(client, owner.email, PASSWORD).status_code == 303  # right ones do not count
    client = app.test_client()
    for number in range(5):
        assert try_password(client, f"nobody{number}@example.com").status_code == 401
    assert try_password(client, owner.email, PASSWORD).status_code == 429


def test_what_is_counted_names_nobody(app: Flask, owner: User) -> None:
    try_password(app.test_client(), owner.email)
    with app.app_context():
        buckets = [row.bucket for row in db.session.query(SharedCounter)]
    assert len(buckets) == 2
    assert all(re.fullmatch(r"(account|address):[0-9a-f]{64}", bucket) for bucket in buckets)


def test_a_flood_leaves_no_more_in_the_trail_than_was_let_through(app: Flask, owner: User) -> None:
    for _ in range(20):
        try_password(app.test_client(), owner.email)
    with app.app_context():
        why = [row.details["why"] for row in events().filter_by(what=AccountEvent.SIGN_IN_REFUSED)]
    assert why == ["password"] * 10 + ["too many tries"]


def test_a_copied_cookie_is_dead_after_signing_out(app: Flask, signed_in: FlaskClient) -> None:
    copied = signed_in.get_cookie("session").value
    token = csrf_token(signed_in.get("/settings/account").text)
    signed_in.post("/logout", data={"csrf_token": token})
    thief = app.test_client()
    thief.set_cookie("session", copied)
    assert thief.get("/batches").status_code == 303


def test_a_cookie_from_before_signing_in_is_not_the_one_after(app: Flask, owner: User) -> None:
    client = app.test_client()
    client.get("/login")
    before = client.get_cookie("session").value
    assert try_password(client, owner.email, PASSWORD).status_code == 303
    fixed = app.test_client()
    fixed.set_cookie("session", before)
    assert fixed.get("/batches").status_code == 303


def test_only_a_hash_of_the_session_is_kept(app: Flask, owner: User) -> None:
    with app.app_context():
        session_id = actions.start_session(owner.key, Lifetimes.of(app.config), None, "test")
        (kept,) = db.session.query(UserSession)
        assert session_id not in kept.id_hash
        assert re.fullmatch(r"[0-9a-f]{64}", kept.id_hash)


@pytest.mark.parametrize(("created", "seen", "in_"), [
    (13 * DAY_MS, 11 * 60 * MINUTE_MS, True),
    (13 * DAY_MS, 13 * 60 * MINUTE_MS, False),
    (15 * DAY_MS, 0, False),
])  # fmt: skip
def test_a_session_ends_by_age_and_by_rest(
    app: Flask, signed_in: FlaskClient, build: Builder, created: int, seen: int, in_: bool
) -> None:
    now = now_ms()
    with app.app_context():
        (session,) = db.session.query(UserSession)
        db.session.expunge(session)
    build.change(session, created_at=now - created, seen_at=now - seen)
    assert (signed_in.get("/batches").status_code == 200) == in_


def test_use_is_written_down_once_a_minute_and_never_for_a_pages_own_asking(
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


def test_one_of_several_sessions_is_ended_from_another(app: Flask, signed_in: FlaskClient, owner: User) -> None:
    other = sign_in(app, owner)
    page = signed_in.get("/settings/account").text
    assert "This browser" in page
    (key,) = re.findall(r"/settings/sessions/(\d+)/end", page)
    signed_in.post(f"/settings/sessions/{key}/end", data={"csrf_token": csrf_token(page)})
    assert other.get("/batches").status_code == 303
    assert signed_in.get("/batches").status_code == 200


def test_a_session_that_cannot_be_is_as_good_as_ended(signed_in: FlaskClient) -> None:
    token = csrf_token(signed_in.get("/settings/account").text)
    for key in (0, (1 << 63) - 1, 1 << 63, 10**400):
        answer = signed_in.post(f"/settings/sessions/{key}/end", data={"csrf_token": token})
        assert (answer.status_code, answer.location) == (303, "/settings/account")


def test_a_strangers_session_cannot_be_ended(app: Flask, signed_in: FlaskClient, stranger: User) -> None:
    theirs = sign_in(app, stranger)
    with app.app_context():
        key = max(row.key for row in db.session.query(UserSession))
    token = csrf_token(signed_in.get("/settings/account").text)
    signed_in.post(f"/settings/sessions/{key}/end", data={"csrf_token": token})
    assert theirs.get("/batches").status_code == 200


@pytest.mark.parametrize(
    "password", ["password1234", "123456789012", "qwertyuiop12", "batch portal 2026", "owner@example.com"]
)
def test_a_common_password_is_refused(app: Flask, signed_in: FlaskClient, owner: User, password: str) -> None:
    token = csrf_token(signed_in.get("/settings/account").text)
    form = {"current": PASSWORD, "password": password, "csrf_token": token}
    answer = signed_in.post("/settings/password", data=form)
    assert answer.status_code == 400
    assert "Password is too easy to guess" in answer.text
    assert password not in answer.text.replace(f'value="{owner.email}"', "").replace(owner.email, "")
    sign_in(app, owner)


def test_who_found_an_open_screen_cannot_try_passwords_for_ever(app: Flask, signed_in: FlaskClient) -> None:
    token = csrf_token(signed_in.get("/settings/account").text)
    form = {"current": "wrong", "password": "an altogether new password", "csrf_token": token}
    for _ in range(10):
        assert "does not fit" in signed_in.post("/settings/password", data=form).text
    assert "tried too often" in signed_in.post("/settings/password", data=form).text


def test_a_hash_of_another_cost_is_made_anew_at_sign_in(app: Flask, owner: User, build: Builder) -> None:
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    build.change(owner, password_hash=old)
    sign_in(app, owner)
    with app.app_context():
        (user,) = db.session.query(User)
        assert user.password_hash != old
    sign_in(app, owner)


def test_the_trail_tells_who_came_and_went(app: Flask, owner: User) -> None:
    client = app.test_client()
    try_password(client, "nobody@example.com")
    try_password(client, owner.email)
    try_password(client, owner.email, PASSWORD)
    token = csrf_token(client.get("/settings/account").text)
    client.post("/logout", data={"csrf_token": token})
    with app.app_context():
        told = [(row.what, row.subject_key, row.way, row.address) for row in events()]
    assert told[1:] == [
        ("sign-in-refused", None, "page", "127.0.0.1"),
        ("sign-in-refused", owner.key, "page", "127.0.0.1"),
        ("signed-in", owner.key, "page", "127.0.0.1"),
        ("signed-out", owner.key, "page", "127.0.0.1"),
    ]


def test_who_signs_in_anew_leaves_no_session_behind(app: Flask, signed_in: FlaskClient, stranger: User) -> None:
    before = signed_in.get_cookie("session").value
    token = csrf_token(signed_in.get("/settings/account").text)
    form = {"email": stranger.email, "password": PASSWORD, "csrf_token": token}
    assert signed_in.post("/login", data=form).status_code == 303
    copied = app.test_client()
    copied.set_cookie("session", before)
    assert copied.get("/batches").status_code == 303
    assert stranger.email in signed_in.get("/settings/account").text


def test_without_a_limit_nothing_is_counted(app: Flask, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "SIGN_IN_TRIES", 0)
    monkeypatch.setitem(app.config, "SIGN_IN_TRIES_PER_ADDRESS", 0)
    assert try_password(app.test_client(), owner.email, PASSWORD).status_code == 303
    with app.app_context():
        assert db.session.query(SharedCounter).all() == []
