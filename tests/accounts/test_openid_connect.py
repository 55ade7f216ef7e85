"""Signing in by OpenID Connect: off until configured; only what can be trusted lets anybody in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import RSAKey
from werkzeug.test import TestResponse

from portal.config import SettingError, load
from portal.extensions import db
from portal.models import LinkedIdentity, User
from portal.times import now_ms
from tests.accounts.fake_provider import Provider
from tests.conftest import DATABASES, empty
from tests.support.builders import Builder

BACK = "/login/provider/back"


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    """The provider, running."""
    running = Provider()
    yield running
    running.server.shutdown()


@pytest.fixture(scope="module")
def provided_apps(make_app: Callable[..., Flask], provider: Provider) -> dict[str, Flask]:
    """The portal with the provider configured, on each database."""
    settings = {
        "OIDC_ISSUER": provider.issuer,
        "OIDC_CLIENT_ID": "portal",
        "OIDC_CLIENT_SECRET": "between us",
        "OIDC_NAME": "the office",
    }
    return {kind: make_app(kind, **settings) for kind in DATABASES}


@pytest.fixture(params=DATABASES)
def app(request: pytest.FixtureRequest, provided_apps: dict[str, Flask], provider: Provider) -> Flask:
    """The portal with the provider configured, empty; the provider tells the truth."""
    app = provided_apps[request.param]
    empty(app)
    provider.claims, provider.signed_with, provider.fails = {}, provider.key, False
    return app


def come_back(client: FlaskClient, provider: Provider, **instead: str) -> TestResponse:
    """Go to the provider, agree there, and come back."""
    there = client.get("/login/provider?next=/settings/tokens")
    assert there.location.startswith(f"{provider.issuer}/authorize?")
    return client.get(BACK, query_string=provider.agreed(there.location) | instead)


def test_whom_the_provider_vouches_for_is_signed_in(app: Flask, owner: User, provider: Provider) -> None:
    client = app.test_client()
    assert "Sign in with the office" in client.get("/login").text
    answer = come_back(client, provider)
    assert (answer.status_code, answer.location) == (303, "/settings/tokens")
    assert client.get("/batches").status_code == 200
    assert provider.verifiers[-1]
    with app.app_context():
        (linked,) = db.session.query(LinkedIdentity)
        assert (linked.user_key, linked.subject, linked.issuer) == (owner.key, "someone-1", provider.issuer)


def test_who_is_linked_is_known_by_another_address_too(app: Flask, owner: User, provider: Provider) -> None:
    come_back(app.test_client(), provider)
    provider.claims = {"email": "moved@example.com", "email_verified": False}
    assert come_back(app.test_client(), provider).status_code == 303


@pytest.mark.parametrize("claims", [
    {"nonce": "of another"},
    {"aud": "another portal"},
    {"iss": "https://another.example"},
    {"exp": 1},
    {"sub": ""},
    {"email_verified": False},
    {"email_verified": "true"},
    {"email": "nobody@example.com"},
    {"email": ""},
], ids=str)  # fmt: skip
def test_what_cannot_be_trusted_lets_nobody_in(
    app: Flask, owner: User, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    client = app.test_client()
    answer = come_back(client, provider)
    assert answer.status_code == 403
    assert 'role="alert"' in answer.text
    assert client.get("/batches").status_code == 303


def test_another_signature_is_refused(app: Flask, owner: User, provider: Provider) -> None:
    provider.signed_with = RSAKey.generate_key(2048, {"kid": "one"})
    assert come_back(app.test_client(), provider).status_code == 403


def test_a_state_is_good_once_and_in_its_own_browser(app: Flask, owner: User, provider: Provider) -> None:
    client = app.test_client()
    sent = provider.agreed(client.get("/login/provider").location)
    assert app.test_client().get(BACK, query_string=sent).status_code == 403
    assert client.get(BACK, query_string=sent).status_code == 303
    assert client.get(BACK, query_string=sent).status_code == 403


@pytest.mark.parametrize("query", ["", "?error=access_denied&state=x", "?code=a&state=b", "?code=%00"])
def test_whatever_else_comes_back_is_told_in_plain_words(app: Flask, query: str) -> None:
    answer = app.test_client().get(f"{BACK}{query}")
    assert answer.status_code == 403
    assert "cannot be trusted" in answer.text


def test_a_provider_that_fails_is_told(app: Flask, owner: User, provider: Provider) -> None:
    provider.fails = True
    assert come_back(app.test_client(), provider).status_code == 403


def test_a_disabled_account_is_not_let_in(app: Flask, owner: User, build: Builder, provider: Provider) -> None:
    build.change(owner, disabled_at=now_ms())
    answer = come_back(app.test_client(), provider)
    assert answer.status_code == 403
    assert "may not sign in" in answer.text


def test_accounts_are_made_where_that_is_allowed(
    app: Flask, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "OIDC_CREATE", True)
    client = app.test_client()
    assert come_back(client, provider).status_code == 303
    page = client.get("/settings/account").text
    assert "This account has no password" in page
    assert "owner@example.com" in page


def test_a_provider_that_is_away_is_told(make_app: Callable[..., Flask]) -> None:
    settings = {"OIDC_ISSUER": "http://127.0.0.1:9", "OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "b"}
    answer = make_app("sqlite", **settings).test_client().get("/login/provider")
    assert answer.status_code == 503
    assert "cannot be reached" in answer.text


def test_without_a_provider_there_is_none(make_app: Callable[..., Flask]) -> None:
    client = make_app("sqlite").test_client()
    assert "Sign in by" not in client.get("/login").text
    assert client.get("/login/provider").status_code == 404
    assert client.get(BACK).status_code == 404


@pytest.mark.parametrize(("given", "says"), [
    ({"OIDC_ISSUER": "https://id.example"}, "OIDC_CLIENT_ID is required too"),
    ({"OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "b"}, "OIDC_ISSUER is required too"),
    ({"OIDC_ISSUER": "ftp://id.example", "OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "b"}, "must start with https"),
])  # fmt: skip
def test_settings_that_do_not_go_together_are_told(tmp_path: Any, given: dict[str, str], says: str) -> None:
    with pytest.raises(SettingError, match=says):
        load(given, tmp_path)
