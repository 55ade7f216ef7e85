"""The page of tokens: create, show once, report problems, revoke; only one's own."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.accounts.actions import add_token
from portal.accounts.query import CredentialsChanged, list_tokens
from portal.models import Scope, User
from portal.times import DAY_MS, now_ms
from tests.accounts.stored_sessions import expire_confirmations
from tests.support.builders import PASSWORD, Builder
from tests.support.pages import extract_text, send_form


def test_a_token_is_shown_once_works_and_is_revoked(app: Flask, signed_in: FlaskClient, owner: User) -> None:
    answer = send_form(
        signed_in, "/settings/tokens", "/settings/tokens", name="nightly <sync>", scopes=["read"], days="30"
    )
    assert answer.headers["Cache-Control"] == "no-store"
    token = re.search(r'id="token-value" type="text" value="([^"]+)"', answer.text)[1]
    address = f"/api/call/batches/{owner.id}"
    bearer = {"Authorization": f"Bearer {token}"}
    assert app.test_client().get(address, headers=bearer).status_code == 404  # no batches yet
    page = signed_in.get("/settings/tokens").text
    assert token not in page
    assert "nightly &lt;sync&gt;" in page
    revoke = re.search(r'action="(/settings/tokens/[0-9a-f]{24}/revoke)"', page)[1]
    assert send_form(signed_in, revoke, "/settings/tokens").status_code == 303
    assert app.test_client().get(address, headers=bearer).status_code == 401
    assert "nightly" not in signed_in.get("/settings/tokens").text.split("</header>")[1].split("Token revoked")[1]
    assert send_form(signed_in, revoke, "/settings/tokens").status_code == 303  # revoking again changes nothing


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "", "scopes": ["read"]}, "Name is required"),
        ({"name": "x" * 101, "scopes": ["read"]}, "at most 100 characters"),
        ({"name": "x", "scopes": []}, "Select at least one scope."),
        ({"name": "x", "scopes": ["admin"]}, "Select at least one scope."),
        ({"name": "a\x00b", "scopes": ["read"]}, "must not hold a control character"),
        ({"name": "x", "scopes": ["read", "admin"]}, "Select at least one scope."),
        ({"name": "x", "scopes": ["read"], "days": "0"}, "between 1 and 3650"),
        ({"name": "x", "scopes": ["read"], "days": "3651"}, "between 1 and 3650"),
        ({"name": "x", "scopes": ["read"], "days": "1.5"}, "between 1 and 3650"),
        ({"name": "x", "scopes": ["read"], "days": "9" * 400}, "between 1 and 3650"),
        ({"name": "x", "scopes": ["read"], "days": "٣"}, "between 1 and 3650"),
    ],
)
def test_an_invalid_token_form_names_the_problem(signed_in: FlaskClient, fields: dict, message: str) -> None:
    answer = send_form(signed_in, "/settings/tokens", "/settings/tokens", **fields)
    assert answer.status_code == 400
    assert message in extract_text(answer.text)
    assert "token-value" not in answer.text


def test_a_problem_is_shown_beside_its_field_and_the_input_stays(signed_in: FlaskClient) -> None:
    html = send_form(signed_in, "/settings/tokens", name="nightly & co", scopes=["write"], days="0").text
    days = re.search(r'<input id="days"[^>]*>', html)[0]
    assert 'value="0"' in days
    assert 'aria-invalid="true"' in days
    assert 'aria-describedby="days-problem' in days
    assert 'id="days-problem"' in html
    assert "name-problem" not in html
    assert 'value="nightly &amp; co"' in html
    assert re.findall(r'name="scopes" value="(\w+)" checked', html) == ["write"]


@pytest.mark.parametrize(
    ("days", "maximum", "expected"), [("", 365, 365), ("30", 365, 30), ("", 0, None), ("3650", 0, 3650)]
)
def test_a_token_expires_as_requested_or_as_late_as_allowed(
    app: Flask,
    signed_in: FlaskClient,
    owner: User,
    monkeypatch: pytest.MonkeyPatch,
    days: str,
    maximum: int,
    expected: int | None,
) -> None:
    monkeypatch.setitem(app.config, "TOKEN_MAX_DAYS", maximum)
    start = now_ms()
    html = send_form(signed_in, "/settings/tokens", name="sync", scopes=["write", "read"], days=days).text
    with app.app_context():
        (token,) = list_tokens(owner.key)
    assert token.scopes == "read write"
    if expected:
        assert start <= token.expires_at - expected * DAY_MS <= now_ms()
    else:
        assert token.expires_at is None
    expires = re.search(r"Expires</span>(.*?)</td>", html, re.DOTALL)[1]
    assert (extract_text(expires) == "never") is (expected is None)


def test_a_longer_life_than_allowed_is_refused(signed_in: FlaskClient) -> None:
    answer = send_form(signed_in, "/settings/tokens", "/settings/tokens", name="sync", scopes=["read"], days="366")
    assert answer.status_code == 400
    assert "Days must be between 1 and 365." in extract_text(answer.text)


def test_a_token_needs_a_recent_proof_of_identity(app: Flask, signed_in: FlaskClient, owner: User) -> None:
    expire_confirmations(app)
    assert "Confirm your identity" in signed_in.get("/settings/tokens").text
    refused = send_form(signed_in, "/settings/tokens", name="sync", scopes=["read"])
    assert (refused.status_code, refused.location) == (303, "/settings/confirm?next=/settings/tokens")
    with app.app_context():
        assert list_tokens(owner.key) == []
    assert "current password is incorrect" in send_form(signed_in, refused.location, current="wrong").text.lower()
    confirmed = send_form(signed_in, refused.location, current=PASSWORD)
    assert (confirmed.status_code, confirmed.location) == (303, "/settings/tokens")
    assert "token-value" in send_form(signed_in, "/settings/tokens", name="sync", scopes=["read"]).text


def test_a_disabled_account_gets_no_token(app: Flask, build: Builder, owner: User) -> None:
    build.change(owner, disabled_at=1)
    with app.app_context(), pytest.raises(CredentialsChanged):
        add_token(owner.key, "late", frozenset({Scope.READ}))


def test_an_expired_token_is_marked(signed_in: FlaskClient, build: Builder, owner: User) -> None:
    build.create_token(owner, expires_at=now_ms() - DAY_MS)
    assert re.search(r">expired\b", signed_in.get("/settings/tokens").text)


@pytest.mark.parametrize("token_id", ["%00", "a%00b", "nonsense", "0" * 24, "x" * 5000, "%ED%A0%80"])
def test_revoking_an_unknown_token_changes_nothing(
    signed_in: FlaskClient, build: Builder, owner: User, token_id: str
) -> None:
    build.create_token(owner)
    answer = send_form(signed_in, f"/settings/tokens/{token_id}/revoke")
    assert (answer.status_code, answer.location) == (303, "/settings/tokens")
    html = signed_in.get("/settings/tokens").text
    assert "Token revoked" not in html
    assert "/revoke" in html


def test_a_strangers_tokens_are_not_listed(signed_in: FlaskClient, build: Builder, stranger: User) -> None:
    token = build.create_token(stranger)
    html = signed_in.get("/settings/tokens").text
    assert token.split("_")[1] not in html
    assert "No tokens yet" in html


def test_a_strangers_token_cannot_be_revoked(
    app: Flask, signed_in: FlaskClient, build: Builder, stranger: User
) -> None:
    token = build.create_token(stranger)
    token_id = token.split("_")[1]
    send_form(signed_in, f"/settings/tokens/{token_id}/revoke", "/settings/tokens")
    bearer = {"Authorization": f"Bearer {token}"}
    assert app.test_client().get(f"/api/call/batches/{stranger.id}", headers=bearer).status_code == 404
