"""Signing in and out: cookies, password hashes, easy passwords, addresses and the audit log."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from portal.accounts import query
from portal.extensions import db
from portal.models import User
from tests.accounts.attempts import account_log, try_password
from tests.conftest import sign_in
from tests.support.builders import PASSWORD, Builder
from tests.support.pages import send_form


def test_signing_out_clears_what_the_browser_stored_but_not_the_device_cookie(signed_in: FlaskClient) -> None:
    answer = send_form(signed_in, "/logout")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert signed_in.get_cookie("known")


def test_signing_in_replaces_the_session_cookie(app: Flask, owner: User) -> None:
    client = app.test_client()
    client.get("/login")
    before = client.get_cookie("session").value
    assert try_password(client, owner.email, PASSWORD).status_code == 303
    fixed = app.test_client()
    fixed.set_cookie("session", before)
    assert fixed.get("/batches").status_code == 303


def test_an_easy_password_is_refused(app: Flask, signed_in: FlaskClient, owner: User) -> None:
    form = {"current": PASSWORD, "password": "Password2026!!"}
    answer = send_form(signed_in, "/settings/password", **form)
    assert answer.status_code == 400
    assert "Password is too easy to guess" in answer.text
    assert "Password2026!!" not in answer.text
    sign_in(app, owner)


def test_a_hash_of_another_cost_is_replaced_at_sign_in(app: Flask, owner: User, build: Builder) -> None:
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
