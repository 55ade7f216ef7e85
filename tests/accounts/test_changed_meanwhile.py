"""Sign-ins and credential changes are checked again if the account has changed in the meantime."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

import pyotp
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient

from portal.accounts import actions, query
from portal.accounts.passwords import verify_password
from portal.accounts.query import Credentials
from portal.extensions import db
from portal.models import AccountEvent, AccountLogEntry, User, UserSession
from tests.support.builders import PASSWORD, Builder
from tests.support.pages import send_form

NEW_PASSWORD = "an altogether new password"


@pytest.fixture
def after_check(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], object]], None]:
    """Return a function that plans one change, in another thread, right after a page has found the password correct."""

    def plan(page: str, change: Callable[[], object]) -> None:
        changes = [change]

        def in_context() -> None:
            with app.app_context():
                changes.pop()()

        def verify(password: str, password_hash: str | None) -> bool:
            is_correct = verify_password(password, password_hash)
            if is_correct and changes:
                thread = Thread(target=in_context)
                thread.start()
                thread.join()
            return is_correct

        monkeypatch.setattr(f"portal.accounts.pages.{page}.verify_password", verify)

    return plan


def send_password(app: Flask, user: User) -> Any:
    return send_form(app.test_client(), "/login", "/login", email=user.email, password=PASSWORD)


def sessions_of(app: Flask, user: User) -> int:
    with app.app_context():
        return db.session.query(UserSession).filter_by(user_key=user.key).count()


def turn_on(app: Flask, user: User) -> None:
    secret = pyotp.random_base32()
    actions.turn_on_second_factor(user.key, secret, pyotp.TOTP(secret).now(), app.secret_key)


@pytest.mark.parametrize("change", ["password", "disabled", "second factor"])
def test_a_sign_in_under_way_is_checked_again(app: Flask, owner: User, after_check: Callable, change: str) -> None:
    changes = {
        "password": lambda: actions.change_password(owner.key, NEW_PASSWORD),
        "disabled": lambda: actions.disable_user(owner.key),
        "second factor": lambda: turn_on(app, owner),
    }
    after_check("signing_in", changes[change])
    answer = send_password(app, owner)
    if change == "second factor":
        assert (answer.status_code, answer.location) == (303, "/login/code?next=/batches")
    else:
        assert answer.status_code == 401
        assert "Incorrect email address or password" in answer.text
    assert sessions_of(app, owner) == 0
    with app.app_context():
        assert db.session.query(AccountLogEntry).filter_by(what=AccountEvent.SIGNED_IN).count() == 0


def test_a_rehash_does_not_bring_the_old_password_back(
    app: Flask, owner: User, build: Builder, after_check: Callable
) -> None:
    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    build.change(owner, password_hash=old)
    after_check("signing_in", lambda: actions.change_password(owner.key, NEW_PASSWORD))
    assert send_password(app, owner).status_code == 401
    with app.app_context():
        assert verify_password(NEW_PASSWORD, query.find_user(owner.key).password_hash)


def test_a_rehash_meanwhile_does_not_refuse_the_sign_in(
    app: Flask, owner: User, build: Builder, after_check: Callable
) -> None:
    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    owner = build.change(owner, password_hash=old)
    after_check("signing_in", lambda: actions.upgrade_password_hash(Credentials.of(owner), PASSWORD))
    assert send_password(app, owner).status_code == 303


@pytest.mark.parametrize("change", ["password", "disabled"])
def test_a_password_change_under_way_does_not_overwrite_a_newer_one(
    app: Flask, owner: User, signed_in: FlaskClient, after_check: Callable, change: str
) -> None:
    by_admin = "five paper boats and a drum"
    changes = {
        "password": lambda: actions.change_password(owner.key, by_admin),
        "disabled": lambda: actions.disable_user(owner.key),
    }
    after_check("account", changes[change])
    answer = send_form(signed_in, "/settings/password", "/settings/account", current=PASSWORD, password=NEW_PASSWORD)
    assert answer.location.startswith("/login")
    assert "Your account changed in the meantime" in signed_in.get(answer.location).text
    assert sessions_of(app, owner) == 0
    with app.app_context():
        stored = query.find_user(owner.key).password_hash
        assert verify_password(by_admin if change == "password" else PASSWORD, stored)


def test_a_deleted_account_is_like_a_changed_one(app: Flask, owner: User) -> None:
    with app.app_context(), pytest.raises(query.CredentialsChanged):
        query.lock_user(owner.key + 1, Credentials.of(owner))


def test_a_recovery_code_used_to_sign_in_is_logged_as_the_users(app: Flask, owner: User) -> None:
    with app.app_context():
        secret = pyotp.random_base32()
        codes = actions.turn_on_second_factor(owner.key, secret, pyotp.TOTP(secret).now(), app.secret_key)
    client = app.test_client()
    send_form(client, "/login", "/login", email=owner.email, password=PASSWORD)
    assert send_form(client, "/login/code", "/login/code", code=codes[0]).status_code == 303
    with app.app_context():
        (entry,) = db.session.query(AccountLogEntry).filter_by(what=AccountEvent.RECOVERY_CODE_USED)
        assert (entry.actor_key, entry.way, entry.address) == (owner.key, "page", "127.0.0.1")
