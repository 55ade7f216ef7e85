"""The page of tokens: made, shown once, told what is wrong, and revoked; never another's."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.accounts.query import list_tokens
from portal.models import User
from portal.times import DAY_MS, now_ms
from tests.accounts.test_pages import send, words
from tests.support.builders import Builder


def test_a_token_is_shown_once_works_and_is_revoked(app: Flask, signed_in: FlaskClient, owner: User) -> None:
    answer = send(signed_in, "/settings/tokens", "/settings/tokens", name="nightly <sync>", scopes=["read"], days="30")
    assert answer.headers["Cache-Control"] == "no-store"
    token = re.search(r'id="token-value" type="text" value="([^"]+)"', answer.text)[1]
    address = f"/api/call/batches/{owner.id}"
    bearer = {"Authorization": f"Bearer {token}"}
    assert app.test_client().get(address, headers=bearer).status_code == 404  # no batches yet
    page = signed_in.get("/settings/tokens").text
    assert token not in page
    assert "nightly &lt;sync&gt;" in page
    revoke = re.search(r'action="(/settings/tokens/[0-9a-f]{24}/revoke)"', page)[1]
    assert send(signed_in, revoke, "/settings/tokens").status_code == 303
    assert app.test_client().get(address, headers=bearer).status_code == 401
    assert (
        "nightly" not in signed_in.get("/settings/tokens").text.split("</header>")[1].split("The token is revoked")[1]
    )
    assert send(signed_in, revoke, "/settings/tokens").status_code == 303  # once more does no harm


@pytest.mark.parametrize(
    ("fields", "says"),
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
def test_a_token_that_cannot_be_made_is_told_beside_its_field(signed_in: FlaskClient, fields: dict, says: str) -> None:
    answer = send(signed_in, "/settings/tokens", "/settings/tokens", **fields)
    assert answer.status_code == 400
    assert says in words(answer.text)
    assert "token-value" not in answer.text


def test_what_was_wrong_stands_beside_its_field_and_the_rest_is_kept(signed_in: FlaskClient) -> None:
    html = send(signed_in, "/settings/tokens", name="nightly & co", scopes=["write"], days="0").text
    days = re.search(r'<input id="days"[^>]*>', html)[0]
    assert 'value="0"' in days
    assert 'aria-invalid="true"' in days
    assert 'aria-describedby="days-problem' in days
    assert 'id="days-problem"' in html
    assert "name-problem" not in html
    assert 'value="nightly &amp; co"' in html
    assert re.findall(r'name="scopes" value="(\w+)" checked', html) == ["write"]


@pytest.mark.parametrize(("days", "shown"), [("", "never"), ("30", "")])
def test_a_token_lives_as_long_as_was_asked(
    app: Flask, signed_in: FlaskClient, owner: User, days: str, shown: str
) -> None:
    began = now_ms()
    html = send(signed_in, "/settings/tokens", name="sync", scopes=["write", "read"], days=days).text
    with app.app_context():
        (token,) = list_tokens(owner.key)
    assert token.scopes == "read write"
    if days:
        assert began <= token.expires_at - int(days) * DAY_MS <= now_ms()
    else:
        assert token.expires_at is None
    expires = re.search(r"Expires</span>(.*?)</td>", html, re.DOTALL)[1]
    assert (words(expires) == "never") is (shown == "never")


def test_an_expired_token_is_shown_as_such(signed_in: FlaskClient, build: Builder, owner: User) -> None:
    build.create_token(owner, expires_at=now_ms() - DAY_MS)
    assert re.search(r">expired\b", signed_in.get("/settings/tokens").text)


@pytest.mark.parametrize("token_id", ["%00", "a%00b", "nonsense", "0" * 24, "x" * 5000, "%ED%A0%80"])
def test_revoking_what_is_no_token_does_no_harm(
    signed_in: FlaskClient, build: Builder, owner: User, token_id: str
) -> None:
    build.create_token(owner)
    answer = send(signed_in, f"/settings/tokens/{token_id}/revoke")
    assert (answer.status_code, answer.location) == (303, "/settings/tokens")
    html = signed_in.get("/settings/tokens").text
    assert "The token is revoked" not in html
    assert "/revoke" in html


def test_nobody_sees_a_strangers_tokens(signed_in: FlaskClient, build: Builder, stranger: User) -> None:
    token = build.create_token(stranger)
    html = signed_in.get("/settings/tokens").text
    assert token.split("_")[1] not in html
    assert "No tokens yet" in html


def test_a_strangers_token_cannot_be_revoked(
    app: Flask, signed_in: FlaskClient, build: Builder, stranger: User
) -> None:
    token = build.create_token(stranger)
    token_id = token.split("_")[1]
    send(signed_in, f"/settings/tokens/{token_id}/revoke", "/settings/tokens")
    bearer = {"Authorization": f"Bearer {token}"}
    assert app.test_client().get(f"/api/call/batches/{stranger.id}", headers=bearer).status_code == 404
