"""Sessions: expiry, ends, new ids after a proof of identity, and their number."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from portal.accounts import actions, query
from portal.accounts.actions import sessions, tokens
from portal.accounts.query import Credentials, CredentialsChanged, Lifetimes
from portal.accounts.second_factor import decrypt_secret, encrypt_secret, new_totp_secret
from portal.accounts.tokens import hash_secret
from portal.admin import actions as admin_actions
from portal.db.transactions import write_transaction
from portal.extensions import db
from portal.models import Channel, Scope, User, UserSession
from portal.models.actor import Actor
from portal.server import hourly_tasks
from portal.times import DAY_MS, now_ms
from portal.web.parameters import InvalidParameter
from tests.accounts.stored_sessions import expire_confirmations, find_session
from tests.conftest import sign_in
from tests.support.builders import PASSWORD, Builder
from tests.support.pages import send_form

MINUTE_MS = 60_000

DAY_LONG = Lifetimes(86_400_000, 86_400_000)

ACTIONS: dict[str, Callable[[User, Actor], object]] = {
    "create a token": lambda user, by: actions.add_token(user.key, "late", frozenset({Scope.READ}), by=by),
    "change the account": lambda user, by: actions.change_account(user.key, "Late", "UTC", "", by),
    "change the password": lambda user, by: actions.change_password(
        user.key, "a late new password", by, checked=Credentials.of(user)
    ),
    "remove links": lambda user, by: actions.unlink_identities(user.key, by),
    "confirm the session": lambda user, by: actions.confirm_session(Credentials.of(user), by),
    "turn on the second factor": lambda user, by: actions.turn_on_second_factor(
        user.key, SECRET, pyotp.TOTP(SECRET).now(), "a key", by, Credentials.of(user)
    ),
    "create a user": lambda _user, by: admin_actions.add_user(
        "late@example.com", "", "UTC", "a late new password", "", is_admin=True, by=by
    ),
    "set a role": lambda user, by: admin_actions.set_role(user.key + 1, by, is_admin=True),
}

SECRET = new_totp_secret()


@pytest.mark.parametrize("action", ACTIONS)
def test_a_request_under_way_does_nothing_once_its_session_has_ended(
    app: Flask, owner: User, build: Builder, action: str
) -> None:
    owner = build.change(owner, is_admin=True)
    build.create_user("stranger")
    with app.app_context():
        session_id = actions.start_session(Credentials.of(owner), DAY_LONG, None, "password")
        by = Actor(owner.key, Channel.PAGE, session_hash=hash_secret(session_id))
        if action == "create a token":  # works before the session has ended
            ACTIONS[action](owner, by)
        actions.sign_out_everywhere(owner.key)
        with pytest.raises(CredentialsChanged):
            ACTIONS[action](owner, by)
        db.session.rollback()
        assert query.find_user_by_email("late@example.com") is None
        assert len(query.list_tokens(owner.key)) == (action == "create a token")


def test_a_proof_of_identity_gives_the_session_a_new_id(app: Flask, signed_in: FlaskClient, owner: User) -> None:
    copied = app.test_client()
    copied.set_cookie("session", signed_in.get_cookie("session").value)
    assert copied.get("/batches").status_code == 200
    assert send_form(signed_in, "/settings/confirm", "/settings/confirm", current=PASSWORD).status_code == 303
    assert signed_in.get("/batches").status_code == 200
    assert copied.get("/batches").location.startswith("/login")
    with app.app_context():
        assert len(db.session.execute(select(UserSession)).all()) == 1


@pytest.mark.parametrize("address", ["/settings/sign-out-everywhere", "/settings/sessions/1/end"])
def test_ending_sessions_needs_a_recent_proof_of_identity(app: Flask, signed_in: FlaskClient, address: str) -> None:
    expire_confirmations(app)
    refused = send_form(signed_in, address, "/settings/account")
    assert (refused.status_code, refused.location) == (303, "/settings/confirm?next=/settings/account")
    assert signed_in.get("/batches").status_code == 200


def test_the_least_recently_used_sessions_end_beyond_the_maximum(
    app: Flask, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 3)
    with app.app_context():
        ids = [actions.start_session(Credentials.of(owner), DAY_LONG, None, "password") for _ in range(3)]
        with write_transaction() as session:
            for number, session_id in enumerate(ids):
                used = update(UserSession).where(UserSession.id_hash == hash_secret(session_id))
                session.execute(used.values(seen_at=UserSession.seen_at - (1000 if number == 1 else number)))
        ids.append(actions.start_session(Credentials.of(owner), DAY_LONG, None, "password"))
        left = db.session.execute(select(UserSession.id_hash)).scalars().all()
        assert set(left) == {hash_secret(ids[number]) for number in (0, 2, 3)}


def test_an_account_has_a_maximum_of_tokens(app: Flask, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_TOKENS", 2)
    with app.app_context():
        for _ in range(2):
            token, _text = actions.add_token(owner.key, "sync", frozenset({Scope.READ}))
        with pytest.raises(InvalidParameter, match="revoke one first"):
            actions.add_token(owner.key, "sync", frozenset({Scope.READ}))
        actions.revoke_token(owner.key, token.id)
        actions.add_token(owner.key, "sync", frozenset({Scope.READ}))


def test_an_older_secret_key_still_counts_until_secrets_are_encrypted_again(
    app: Flask, owner: User, build: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = (app.secret_key, "an older key", "an even older key")
    monkeypatch.setitem(app.config, "DECRYPTION_KEYS", keys)
    secret = new_totp_secret()
    build.change(owner, totp_secret=encrypt_secret(secret, keys[2]))
    client = app.test_client()
    assert send_form(client, "/login", "/login", email=owner.email, password=PASSWORD).location.startswith(
        "/login/code"
    )
    assert send_form(client, "/login/code", "/login/code", code=pyotp.TOTP(secret).now()).location == "/batches"
    with app.app_context():
        for task in hourly_tasks.TASKS:
            task()
        stored = query.find_user(owner.key).totp_secret
        assert decrypt_secret(stored, keys[:1]) == secret
        for task in hourly_tasks.TASKS:  # once only: sign-ins under way compare it
            task()
        db.session.rollback()
        assert query.find_user(owner.key).totp_secret == stored


def test_an_unreadable_secret_stays_as_it_is(
    app: Flask, owner: User, build: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "DECRYPTION_KEYS", (app.secret_key, "an older key"))
    build.change(owner, totp_secret="nonsense")
    with app.app_context():
        actions.reencrypt_secrets()
        assert query.find_user(owner.key).totp_secret == "nonsense"


def test_a_changed_account_does_not_confirm_a_session(app: Flask, owner: User) -> None:
    with app.app_context():
        session_id = actions.start_session(Credentials.of(owner), DAY_LONG, None, "password")
        by = Actor(owner.key, Channel.PAGE, session_hash=hash_secret(session_id))
        with pytest.raises(CredentialsChanged):
            actions.confirm_session(replace(Credentials.of(owner), password_hash="another"), by)


def test_a_stolen_session_does_not_lock_the_current_password_for_its_owner(
    app: Flask, signed_in: FlaskClient, owner: User
) -> None:
    copied = app.test_client()
    copied.set_cookie("session", signed_in.get_cookie("session").value)
    for _ in range(app.config["SIGN_IN_TRIES"]):
        send_form(copied, "/settings/confirm", "/settings/confirm", current="wrong")
    page = send_form(copied, "/settings/confirm", "/settings/confirm", current=PASSWORD)
    assert "too many attempts" in page.text.lower()
    assert send_form(signed_in, "/settings/confirm", "/settings/confirm", current=PASSWORD).status_code == 303


def test_a_copied_cookie_is_useless_after_signing_out(app: Flask, signed_in: FlaskClient) -> None:
    copied = signed_in.get_cookie("session").value
    send_form(signed_in, "/logout")
    other = app.test_client()
    other.set_cookie("session", copied)
    assert other.get("/batches").status_code == 303


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
    build.change(find_session(app), created_at=now - created, seen_at=now - seen)
    assert (signed_in.get("/batches").status_code == 200) == is_signed_in


def test_use_is_stored_once_a_minute_and_not_for_automatic_refreshes(
    app: Flask, signed_in: FlaskClient, build: Builder
) -> None:
    old = now_ms() - 10 * MINUTE_MS
    build.change(find_session(app), seen_at=old)
    signed_in.get("/batches", headers={"X-Refresh": "1"})
    assert find_session(app).seen_at == old
    signed_in.get("/batches")
    touched = find_session(app).seen_at
    assert touched > old
    signed_in.get("/batches")
    assert find_session(app).seen_at == touched


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


def test_signing_in_again_ends_the_previous_session(app: Flask, signed_in: FlaskClient, stranger: User) -> None:
    before = signed_in.get_cookie("session").value
    assert send_form(signed_in, "/login", email=stranger.email, password=PASSWORD).status_code == 303
    copied = app.test_client()
    copied.set_cookie("session", before)
    assert copied.get("/batches").status_code == 303
    assert stranger.email in signed_in.get("/settings/account").text
