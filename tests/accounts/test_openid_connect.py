"""Sign-in with OpenID Connect: off unless configured, and refused unless every check passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from joserfc.jwk import OctKey, RSAKey

from portal.accounts.openid_connect import VISIT_MS
from portal.accounts.passwords import NO_PASSWORD
from portal.extensions import db
from portal.models import LinkedIdentity, User
from portal.times import now_ms
from tests.accounts.fake_provider import BACK, CLIENT_SECRET, Provider, sign_in_with
from tests.accounts.stored_sessions import expire_confirmations
from tests.conftest import sign_in
from tests.support.builders import Builder
from tests.support.pages import send_form


@pytest.fixture
def app(provided_app: Flask) -> Flask:
    """An empty app with the provider configured; the provider sends valid claims."""
    return provided_app


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
    {"aud": "another portal", "azp": "portal"},
    {"iss": ""},
    {"iss": "https://another.example"},
    {"exp": 1},
    {"sub": ""},
    {"sub": 7},
    {"sub": "x" * 256},
    {"sub": "a\x00b"},
    {"email": "owner@example.com\x00"},
    {"email": " owner@example.com"},
    {"email": ["owner@example.com"]},
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


def test_accounts_are_created_in_allowed_domains(
    app: Flask, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "OIDC_CREATE", True)
    monkeypatch.setitem(app.config, "OIDC_DOMAINS", ("example.com", "kelvin.example"))
    for host in (
        "other.example",
        "sub.example.com",
        "example.com.other.example",
        "example.com@other.example",
        "\u212aelvin.example",
    ):
        provider.claims = {"email": f"owner@{host}"}
        assert "your domain" in sign_in_with(app.test_client(), provider).text
    provider.claims = {"email": "owner@EXAMPLE.com", "name": "x" * 300}
    client = app.test_client()
    assert sign_in_with(client, provider).status_code == 303
    page = client.get("/settings/account").text
    assert "This account has no password" in page
    assert "owner@EXAMPLE.com" in page


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


# --- visits and logout ------------------------------------------------------------------------------------------------


def test_abandoned_visits_do_not_grow_the_cookie_and_expire(
    app: Flask, owner: User, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = app.test_client()
    sizes = set()
    for _ in range(5):
        response = provider.approve(client.get("/login/provider").location)
        sizes.add(len(client.get_cookie("session").value) // 20)
    assert len(sizes) <= 2
    client.get("/login/provider?next=/" + "x" * 5000)
    assert len(client.get_cookie("session").value) < 1000
    assert client.get(BACK, query_string=response).status_code == 403  # of an earlier visit
    response = provider.approve(client.get("/login/provider").location)
    later = now_ms() + VISIT_MS
    monkeypatch.setattr("portal.accounts.openid_connect.now_ms", lambda: later)
    assert client.get(BACK, query_string=response).status_code == 403


def test_a_forged_response_leaves_the_visit_pending(app: Flask, owner: User, provider: Provider) -> None:
    client = app.test_client()
    response = provider.approve(client.get("/login/provider").location)
    assert client.get(BACK, query_string=response | {"state": "forged"}).status_code == 403
    assert client.get(BACK, query_string=response).status_code == 303


@pytest.mark.parametrize("changes", [
    {"issuer": "https://other.example"},
    {"issuer": None},
    {"token_endpoint": "http://evil.example/token"},
    {"jwks_uri": "http://127.0.0.1.evil.example/keys"},
    {"authorization_endpoint": "javascript:alert(1)"},
    {"end_session_endpoint": "http://evil.example/"},
    {"id_token_signing_alg_values_supported": ["none", "HS256"]},
], ids=str)  # fmt: skip
def test_unsafe_metadata_are_refused(app: Flask, provider: Provider, changes: dict[str, Any]) -> None:
    provider.metadata = changes
    assert app.test_client().get("/login/provider").status_code == 503


def test_an_issuer_ending_in_a_slash_works_and_is_compared_exactly(
    app: Flask, owner: User, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = app.extensions["provider"]
    monkeypatch.setattr(client, "issuer", f"{provider.issuer}/")
    monkeypatch.setitem(app.config, "OIDC_ISSUER", f"{provider.issuer}/")
    assert app.test_client().get("/login/provider").status_code == 503
    monkeypatch.setattr(provider, "issuer", f"{provider.issuer}/")
    browser = app.test_client()
    assert browser.get("/login/provider").status_code == 303
    answer = browser.get(BACK, query_string=provider.approve(browser.get("/login/provider").location))
    assert answer.status_code == 303


def test_a_token_signed_with_the_client_secret_is_refused(app: Flask, owner: User, provider: Provider) -> None:
    provider.algorithm, provider.signed_with = "HS256", OctKey.import_key(CLIENT_SECRET)
    assert sign_in_with(app.test_client(), provider).status_code == 403


def test_a_response_of_another_issuer_is_refused(app: Flask, owner: User, provider: Provider) -> None:
    assert sign_in_with(app.test_client(), provider, iss="https://other.example").status_code == 403
    assert sign_in_with(app.test_client(), provider, iss=provider.issuer).status_code == 303


def test_an_untrusted_host_starts_no_visit(app: Flask) -> None:
    answer = app.test_client().get("/login/provider", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "evil.example" not in answer.headers.get("Location", "")


def test_signing_out_leads_to_the_provider(app: Flask, owner: User, provider: Provider) -> None:
    client = app.test_client()
    sign_in_with(client, provider)
    answer = send_form(client, "/logout", "/settings/account")
    _, _, address = answer.headers["Refresh"].partition("url=")
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{provider.issuer}/logout"
    sent = parse_qs(parts.query)
    assert (sent["client_id"], sent["post_logout_redirect_uri"]) == (["portal"], ["http://localhost/login"])
    assert sent["id_token_hint"][0].count(".") == 2
    assert client.get("/batches").status_code == 303
    assert send_form(sign_in(app, owner), "/logout", "/settings/account").location == "/login"  # not by the provider


def test_identity_is_confirmed_at_the_provider(app: Flask, owner: User, build: Builder, provider: Provider) -> None:
    build.change(owner, password_hash=NO_PASSWORD)
    client = app.test_client()
    sign_in_with(client, provider)
    expire_confirmations(app)
    assert "/login/provider/confirm" in client.get("/settings/confirm?next=/settings/tokens").text

    def visit(**claims: Any) -> str:
        provider.claims = claims
        redirect = client.get("/login/provider/confirm?next=/settings/tokens")
        response = provider.approve(redirect.location)
        assert (provider.request["prompt"], provider.request["max_age"]) == ("login", "0")
        return client.get(BACK, query_string=response).location

    again = "/settings/confirm?next=/settings/tokens"
    assert visit() == again  # without auth_time
    assert visit(auth_time=now_ms() // 1000 - 3600) == again
    assert visit(auth_time=now_ms() // 1000, sub="someone-2") == again
    assert "New token" in client.get("/settings/tokens").text
    assert "Confirm your identity" in client.get("/settings/tokens").text
    assert visit(auth_time=now_ms() // 1000) == "/settings/tokens"
    assert "Confirm your identity" not in client.get("/settings/tokens").text


@pytest.mark.parametrize(("site", "leads_to_provider"), [("cross-site", False), ("same-origin", True), ("none", True)])
def test_another_site_cannot_start_a_sign_in(
    app: Flask, provider: Provider, site: str, leads_to_provider: bool
) -> None:
    answer = app.test_client().get("/login/provider?next=/trash", headers={"Sec-Fetch-Site": site})
    assert answer.location.startswith(provider.issuer if leads_to_provider else "/login?next=")
