"""Sign-in with OpenID Connect: off unless configured, and refused unless every check passes."""

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
    """A running provider."""
    running = Provider()
    yield running
    running.server.shutdown()


@pytest.fixture(scope="module")
def provided_apps(make_app: Callable[..., Flask], provider: Provider) -> dict[str, Flask]:
    """Apps with the provider configured, one per database."""
    settings = {
        "OIDC_ISSUER": provider.issuer,
        "OIDC_CLIENT_ID": "portal",
        "OIDC_CLIENT_SECRET": "between us",
        "OIDC_NAME": "the office",
    }
    return {kind: make_app(kind, **settings) for kind in DATABASES}


@pytest.fixture(params=DATABASES)
def app(request: pytest.FixtureRequest, provided_apps: dict[str, Flask], provider: Provider) -> Flask:
    """An empty app with the provider configured; the provider sends valid claims."""
    app = provided_apps[request.param]
    empty(app)
    provider.claims, provider.signed_with, provider.fails = {}, provider.key, False
    return app


def sign_in_with(client: FlaskClient, provider: Provider, **changed: str) -> TestResponse:
    """Approve the sign-in at the provider, and follow the redirect back."""
    redirect = client.get("/login/provider?next=/settings/tokens")
    assert redirect.location.startswith(f"{provider.issuer}/authorize?")
    return client.get(BACK, query_string=provider.approve(redirect.location) | changed)


def test_a_verified_user_is_signed_in(app: Flask, owner: User, provider: Provider) -> None:
    client = app.test_client()
    assert "Sign in with the office" in client.get("/login").text
    answer = sign_in_with(client, provider)
    assert (answer.status_code, answer.location) == (303, "/settings/tokens")
    assert client.get("/batches").status_code == 200
    assert provider.verifiers[-1]
    with app.app_context():
        (linked,) = db.session.query(LinkedIdentity)
        assert (linked.user_key, linked.subject, linked.issuer) == (owner.key, "someone-1", provider.issuer)


def test_a_linked_user_is_recognized_with_another_address(app: Flask, owner: User, provider: Provider) -> None:
    sign_in_with(app.test_client(), provider)
    provider.claims = {"email": "moved@example.com", "email_verified": False}
    assert sign_in_with(app.test_client(), provider).status_code == 303


@pytest.mark.parametrize("claims", [
    {"nonce": "of another"},
    {"aud": "another portal"},
    {"iss": "https://another.example"},
    {"exp": 1},
    {"sub": ""},
    {"email_verified": False},
    {"email_verified": "true"},
    {"email": "unknown@example.com"},
    {"email": ""},
], ids=str)  # fmt: skip
def test_invalid_claims_are_refused(app: Flask, owner: User, provider: Provider, claims: dict[str, Any]) -> None:
    provider.claims = claims
    client = app.test_client()
    answer = sign_in_with(client, provider)
    assert answer.status_code == 403
    assert 'role="alert"' in answer.text
    assert client.get("/batches").status_code == 303


def test_a_wrong_signature_is_refused(app: Flask, owner: User, provider: Provider) -> None:
    provider.signed_with = RSAKey.generate_key(2048, {"kid": "one"})
    assert sign_in_with(app.test_client(), provider).status_code == 403


def test_a_state_works_once_and_only_in_its_browser(app: Flask, owner: User, provider: Provider) -> None:
    client = app.test_client()
    callback = provider.approve(client.get("/login/provider").location)
    assert app.test_client().get(BACK, query_string=callback).status_code == 403
    assert client.get(BACK, query_string=callback).status_code == 303
    assert client.get(BACK, query_string=callback).status_code == 403


@pytest.mark.parametrize("query", ["", "?error=access_denied&state=x", "?code=a&state=b", "?code=%00"])
def test_other_responses_get_a_plain_message(app: Flask, query: str) -> None:
    answer = app.test_client().get(f"{BACK}{query}")
    assert answer.status_code == 403
    assert "response of the sign-in provider is invalid" in answer.text


def test_a_failing_provider_is_reported(app: Flask, owner: User, provider: Provider) -> None:
    provider.fails = True
    assert sign_in_with(app.test_client(), provider).status_code == 403


def test_a_disabled_account_is_refused(app: Flask, owner: User, build: Builder, provider: Provider) -> None:
    build.change(owner, disabled_at=now_ms())
    answer = sign_in_with(app.test_client(), provider)
    assert answer.status_code == 403
    assert "account is disabled" in answer.text


def test_accounts_are_created_if_allowed(app: Flask, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "OIDC_CREATE", True)
    client = app.test_client()
    assert sign_in_with(client, provider).status_code == 303
    page = client.get("/settings/account").text
    assert "This account has no password" in page
    assert "owner@example.com" in page


def test_an_unreachable_provider_is_reported(make_app: Callable[..., Flask]) -> None:
    settings = {"OIDC_ISSUER": "http://127.0.0.1:9", "OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "b"}
    answer = make_app("sqlite", **settings).test_client().get("/login/provider")
    assert answer.status_code == 503
    assert "cannot be reached" in answer.text


def test_without_a_provider_its_pages_do_not_exist(make_app: Callable[..., Flask]) -> None:
    client = make_app("sqlite").test_client()
    assert "Sign in by" not in client.get("/login").text
    assert client.get("/login/provider").status_code == 404
    assert client.get(BACK).status_code == 404


@pytest.mark.parametrize(("environ", "message"), [
    ({"OIDC_ISSUER": "https://id.example"}, "OIDC_CLIENT_ID is required too"),
    ({"OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "b"}, "OIDC_ISSUER is required too"),
    ({"OIDC_ISSUER": "ftp://id.example", "OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "b"}, "must start with https"),
])  # fmt: skip
def test_inconsistent_settings_are_refused(tmp_path: Any, environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        load(environ, tmp_path)
