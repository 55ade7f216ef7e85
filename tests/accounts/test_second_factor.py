"""Two-factor authentication: set-up, sign-in with a code, single use, recovery codes, turning it off."""

from __future__ import annotations

import html
import math
import re

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.accounts import actions
from portal.accounts.actions import WrongCode
from portal.accounts.second_factor import (
    STEP_SECONDS,
    decrypt_secret,
    encrypt_secret,
    matching_step,
    new_recovery_codes,
)
from portal.extensions import db
from portal.ids import READABLE_CHARACTERS
from portal.models import RecoveryCode, User
from portal.times import now_ms
from tests.conftest import sign_in
from tests.support.builders import PASSWORD, Builder
from tests.support.pages import send_form

PAGE = "/settings/second-factor"


def code_of(app: Flask, steps: int = 0) -> str:
    """Return the code that the owner's app shows `steps` time steps from now."""
    with app.app_context():
        (user,) = db.session.query(User).filter(User.totp_secret.is_not(None))
        secret = decrypt_secret(user.totp_secret, [app.secret_key])
    return pyotp.TOTP(secret).at(now_ms() // 1000 + steps * STEP_SECONDS)


@pytest.fixture
def codes(app: Flask, owner: User) -> list[str]:
    """Turn on the owner's second factor, and return the unused recovery codes."""
    secret = pyotp.random_base32()
    with app.app_context():
        return actions.turn_on_second_factor(owner.key, secret, pyotp.TOTP(secret).now(), app.secret_key)


@pytest.fixture
def forget_step(app: Flask, codes: list[str], owner: User, build: Builder) -> None:
    """Make the code of the set-up valid again, so that no test waits for the next."""
    with app.app_context():
        (user,) = db.session.query(User)
        db.session.expunge(user)
    build.change(user, totp_step=None)


@pytest.fixture
def after_password(app: Flask, owner: User, forget_step: None) -> FlaskClient:
    """A browser that has entered the password, and not the code."""
    client = app.test_client()
    answer = send_form(client, "/login?next=/settings/tokens", "/login", email=owner.email, password=PASSWORD)
    assert answer.location == "/login/code?next=/settings/tokens"
    return client


def test_it_is_turned_on_with_a_code_of_the_app(app: Flask, signed_in: FlaskClient, owner: User) -> None:
    assert "Current password" in signed_in.get(PAGE).text
    assert send_form(signed_in, f"{PAGE}/offer", current="wrong").status_code == 400
    assert send_form(signed_in, f"{PAGE}/offer", current=PASSWORD).location == PAGE
    page = signed_in.get(PAGE).text
    assert "<svg" in page
    secret = re.search(r'class="secret-key">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    wrong = send_form(signed_in, f"{PAGE}/on", code="000000" if pyotp.TOTP(secret).now() != "000000" else "111111")
    assert wrong.status_code == 400
    assert secret == re.search(r'class="secret-key">([A-Z2-7 ]+)<', wrong.text)[1].replace(" ", "")
    on = send_form(signed_in, f"{PAGE}/on", code=pyotp.TOTP(secret).now())
    codes = html.unescape(re.search(r'<pre id="recovery-codes"[^>]*>([^<]+)<', on.text)[1]).split()
    assert len(set(codes)) == 10
    assert on.headers["Cache-Control"] == "no-store"
    assert codes[0] not in signed_in.get(PAGE).text
    with app.app_context():
        (user,) = db.session.query(User)
        assert secret not in user.totp_secret


def test_the_password_alone_is_not_enough(after_password: FlaskClient) -> None:
    assert after_password.get("/batches").location.startswith("/login?")
    assert after_password.get("/settings/account").status_code == 303
    assert "authenticator app" in after_password.get("/login/code").text


def test_the_code_leads_to_the_requested_page(app: Flask, after_password: FlaskClient) -> None:
    answer = send_form(after_password, "/login/code?next=/settings/tokens", "/login/code", code=code_of(app))
    assert (answer.status_code, answer.location) == (303, "/settings/tokens")
    assert after_password.get("/settings/tokens").status_code == 200


def test_a_wrong_code_is_refused(app: Flask, after_password: FlaskClient) -> None:
    for code in ("", "abc", "12345", "x" * 5000, code_of(app, steps=-9)):
        answer = send_form(after_password, "/login/code", "/login/code", code=code)
        assert answer.status_code == 401
        assert "Invalid code" in answer.text


def test_attempts_at_codes_are_limited(app: Flask, after_password: FlaskClient) -> None:
    for _ in range(10):
        send_form(after_password, "/login/code", "/login/code", code="000000" if code_of(app) != "000000" else "111111")
    assert send_form(after_password, "/login/code", "/login/code", code=code_of(app)).status_code == 429
    assert after_password.get("/login/code").status_code == 303


def test_failed_codes_do_not_lock_out_a_known_browser(
    app: Flask, after_password: FlaskClient, owner: User, codes: list[str]
) -> None:
    known = app.test_client()
    send_form(known, "/login", "/login", email=owner.email, password=PASSWORD)
    send_form(known, "/login/code", "/login/code", code=codes[0])
    send_form(known, "/logout")
    for _ in range(11):
        last = send_form(after_password, "/login/code", "/login/code", code="000000")
    assert last.status_code == 429
    send_form(known, "/login", "/login", email=owner.email, password=PASSWORD)
    assert send_form(known, "/login/code", "/login/code", code=codes[1]).status_code == 303


def test_a_recovery_code_has_at_least_112_random_bits() -> None:
    code = new_recovery_codes()[0].replace("-", "")
    assert math.log2(len(READABLE_CHARACTERS)) * len(code) >= 112


def test_a_recovery_code_works_once(app: Flask, owner: User, codes: list[str], forget_step: None) -> None:
    for expected in (303, 401):
        client = app.test_client()
        send_form(client, "/login", "/login", email=owner.email, password=PASSWORD)
        typed = codes[0].upper().replace("-", " ")
        assert send_form(client, "/login/code", "/login/code", code=typed).status_code == expected
    with app.app_context():
        assert [row.used_at is None for row in db.session.query(RecoveryCode)].count(True) == 9


def test_a_code_works_once(app: Flask, owner: User, forget_step: None) -> None:
    code = code_of(app)
    with app.app_context():
        actions.use_code(owner.key, code, [app.secret_key])
        with pytest.raises(WrongCode):
            actions.use_code(owner.key, code, [app.secret_key])


def test_the_code_must_follow_the_password_within_minutes(
    after_password: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = now_ms() + 6 * 60_000
    monkeypatch.setattr("portal.accounts.pages.signing_in.now_ms", lambda: late)
    assert after_password.get("/login/code").location.startswith("/login?")


def test_a_new_password_ends_a_pending_sign_in(app: Flask, after_password: FlaskClient, owner: User) -> None:
    with app.app_context():
        actions.change_password(owner.key, "an altogether new password")
    assert after_password.get("/login/code").location.startswith("/login?")


def test_turning_it_off_requires_password_and_code(
    app: Flask, after_password: FlaskClient, codes: list[str], owner: User
) -> None:
    send_form(after_password, "/login/code", "/login/code", code=codes[1])
    assert "9 unused codes left" in after_password.get(PAGE).text
    assert send_form(after_password, f"{PAGE}/off", current="wrong", code=codes[2]).status_code == 400
    assert send_form(after_password, f"{PAGE}/off", current=PASSWORD, code="123").status_code == 400
    assert send_form(after_password, f"{PAGE}/off", current=PASSWORD, code=codes[2]).location == PAGE
    assert sign_in(app, owner).get("/batches").status_code == 200


def test_new_recovery_codes_replace_the_old(app: Flask, after_password: FlaskClient, codes: list[str]) -> None:
    send_form(after_password, "/login/code", "/login/code", code=codes[1])
    answer = send_form(after_password, f"{PAGE}/codes", current=PASSWORD, code=codes[2])
    assert answer.status_code == 200
    assert codes[3] not in answer.text
    assert "10 unused codes left" in after_password.get(PAGE).text


def test_another_secret_key_cannot_decrypt_the_secret() -> None:
    encrypted = encrypt_secret("JBSWY3DPEHPK3PXP", "one key")
    assert decrypt_secret(encrypted, ["one key"]) == "JBSWY3DPEHPK3PXP"
    assert decrypt_secret(encrypted, ["another key"]) is None
    assert decrypt_secret("", ["one key"]) is None


def test_codes_match_one_step_to_either_side_and_only_after_the_last() -> None:
    secret, now = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", 1_746_100_800_000
    step = now // 1000 // STEP_SECONDS
    totp = pyotp.TOTP(secret)
    for offset, matches in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        found = matching_step(secret, totp.at((step + offset) * STEP_SECONDS), None, now)
        assert found == (step + offset if matches else None)
    assert matching_step(secret, totp.at(step * STEP_SECONDS), step, now) is None
