"""Steps before all other pages: a new password after a temporary one, and required two-factor authentication."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.accounts import actions, query
from portal.accounts.passwords import TEMPORARY_MS
from portal.accounts.query import Credentials, Lifetimes
from portal.models import User
from portal.times import now_ms
from tests.accounts.stored_sessions import find_session
from tests.conftest import sign_in
from tests.support.builders import PASSWORD, Builder
from tests.support.pages import HTMX, send_form

NEW_PASSWORD = "an altogether new password"
PASSWORD_PAGE, FACTOR_PAGE = "/settings/password", "/settings/second-factor"


@pytest.fixture
def temporary(app: Flask, owner: User, build: Builder) -> User:
    """The owner, with a temporary password."""
    return build.change(owner, temporary_until=now_ms() + TEMPORARY_MS)


def test_a_temporary_password_must_be_changed_first(app: Flask, temporary: User) -> None:
    client = sign_in(app, temporary)
    for address in ("/batches", "/", "/settings/account", "/settings/tokens", "/batches/new", "/nonsense", FACTOR_PAGE):
        assert client.get(address).location == PASSWORD_PAGE
    assert client.get("/batches", headers=HTMX).headers["HX-Redirect"] == PASSWORD_PAGE
    for address in ("/settings/tokens", "/settings/account"):
        assert send_form(client, address, PASSWORD_PAGE, name="Sneaky").location == PASSWORD_PAGE
    page = client.get(PASSWORD_PAGE)
    assert (page.status_code, "Temporary password" in page.text) == (200, True)
    wrong = send_form(client, PASSWORD_PAGE, PASSWORD_PAGE, current="wrong", password=NEW_PASSWORD)
    assert (wrong.status_code, "Temporary password" in wrong.text) == (400, True)
    same = send_form(client, PASSWORD_PAGE, PASSWORD_PAGE, current=PASSWORD, password=PASSWORD)
    assert "must be different from the temporary one" in same.text
    done = send_form(client, PASSWORD_PAGE, PASSWORD_PAGE, current=PASSWORD, password=NEW_PASSWORD)
    assert (done.status_code, done.location) == (303, "/batches")
    assert client.get("/batches").status_code == 200
    assert client.get(PASSWORD_PAGE).location == "/settings/account"
    assert sign_in(app, temporary, NEW_PASSWORD).get("/batches").status_code == 200


def test_a_user_with_a_temporary_password_can_sign_out(app: Flask, temporary: User) -> None:
    client = sign_in(app, temporary)
    assert send_form(client, "/logout", PASSWORD_PAGE).location == "/login"


def test_a_temporary_password_ends(app: Flask, temporary: User, build: Builder) -> None:
    build.change(temporary, temporary_until=now_ms() - 1)
    form = {"email": temporary.email, "password": PASSWORD}
    assert send_form(app.test_client(), "/login", "/login", **form).status_code == 401


def test_passwords_set_by_admins_are_temporary(app: Flask, owner: User, build: Builder) -> None:
    build.change(owner, is_admin=True)
    admin = sign_in(app, owner)
    for password in ("", NEW_PASSWORD):
        email = f"new-{len(password)}@example.com"
        form = {"email": email, "zone": "UTC", "role": "user", "password": password}
        page = send_form(admin, "/admin/users/new", "/admin/users/new", **form)
        with app.app_context():
            user = query.find_user_by_email(email)
        address = f"/admin/users/{user.id}"
        assert "Temporary password" in admin.get(address).text
        shown = password or re.search(r'id="password-value"[^>]*value="([^"]+)"', page.text)[1]
        assert sign_in(app, user, shown).get("/batches").location == PASSWORD_PAGE
    send_form(admin, f"{address}/password", address, password=PASSWORD)
    assert sign_in(app, user).get("/batches").location == PASSWORD_PAGE


@pytest.mark.parametrize(("options", "is_temporary"), [([], False), (["--temporary"], True), (["--generate"], True)])
def test_commands_set_temporary_passwords_on_request(app: Flask, options: list[str], is_temporary: bool) -> None:
    run = app.test_cli_runner().invoke
    for command in (["user", "add"], ["user", "password"]):
        result = run(args=[*command, "owner@example.com", *options], input=f"{PASSWORD}\n")
        assert result.exit_code == 0, result.output
        with app.app_context():
            user = query.find_user_by_email("owner@example.com")
            assert (user.temporary_until is not None) == is_temporary
        shown = re.search(r"^Password  (\S+)$", result.output, re.MULTILINE)
        assert bool(shown) == ("--generate" in options)
        sign_in(app, user, shown[1] if shown else PASSWORD)


@pytest.mark.parametrize(
    ("policy", "is_admin", "is_redirected"),
    [("off", True, False), ("admins", True, True), ("admins", False, False), ("all", False, True)],
)
def test_two_factor_authentication_can_be_required(
    app: Flask,
    owner: User,
    build: Builder,
    monkeypatch: pytest.MonkeyPatch,
    policy: str,
    is_admin: bool,
    is_redirected: bool,
) -> None:
    monkeypatch.setitem(app.config, "REQUIRE_TWO_FACTOR", policy)
    build.change(owner, is_admin=is_admin)
    client = sign_in(app, owner)
    for address in ("/batches", "/settings/tokens", "/settings/account"):
        answer = client.get(address)
        assert (answer.location == FACTOR_PAGE) if is_redirected else (answer.status_code == 200)
    assert ("requires two-factor authentication" in client.get(FACTOR_PAGE).text) == is_redirected


def test_required_two_factor_authentication_is_set_up_and_stays(
    app: Flask, owner: User, build: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "REQUIRE_TWO_FACTOR", "all")
    client = sign_in(app, owner)
    send_form(client, f"{FACTOR_PAGE}/offer", FACTOR_PAGE, current=PASSWORD)
    page = client.get(FACTOR_PAGE).text
    secret = re.search(r'class="secret-key">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    codes = send_form(client, f"{FACTOR_PAGE}/on", FACTOR_PAGE, code=pyotp.TOTP(secret).now())
    assert 'href="/batches">Continue' in codes.text
    assert client.get("/batches").status_code == 200
    recovery = re.search(r"\b(?:[a-z2-9]{4}-){5}[a-z2-9]{4}\b", codes.text)[0]
    off = send_form(client, f"{FACTOR_PAGE}/off", FACTOR_PAGE, current=PASSWORD, code=recovery)
    assert (off.status_code, "Turn off</button>" in off.text) == (200, False)
    with app.app_context():
        assert query.find_user(owner.key).totp_secret
        actions.turn_off_second_factor(owner.key)  # by an admin
    assert client.get("/batches").location == FACTOR_PAGE


def test_a_session_of_a_provider_needs_neither(
    app: Flask, temporary: User, signed_in: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "REQUIRE_TWO_FACTOR", "all")
    assert signed_in.get("/batches").location == PASSWORD_PAGE
    Builder(app).change(find_session(app), by_provider=True)
    assert signed_in.get("/batches").status_code == 200


def test_tokens_keep_working(
    app: Flask, temporary: User, api: Callable, monkeypatch: pytest.MonkeyPatch, build: Builder
) -> None:
    monkeypatch.setitem(app.config, "REQUIRE_TWO_FACTOR", "all")
    build.create_batch(temporary)
    assert api().status_code == 200


def test_a_session_can_start_only_for_an_active_account(app: Flask, owner: User, build: Builder) -> None:
    checked = Credentials.of(owner)
    build.change(owner, disabled_at=now_ms())
    with app.app_context(), pytest.raises(query.CredentialsChanged):
        actions.start_session(checked, Lifetimes.of(app.config), None, "password")
