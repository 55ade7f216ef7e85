"""Links between accounts and identities: one per account and provider, proved, listed and removable."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from pyotp import TOTP

from portal.accounts import actions
from portal.accounts.passwords import NO_PASSWORD
from portal.accounts.second_factor import encrypt_secret, new_totp_secret
from portal.extensions import db
from portal.models import LinkedIdentity, User
from tests.accounts.fake_provider import Provider, sign_in_with
from tests.conftest import sign_in
from tests.support.builders import PASSWORD, Builder
from tests.support.pages import send_form


@pytest.fixture
def app(provided_app: Flask) -> Flask:
    """An empty app with the provider configured; the provider sends valid claims."""
    return provided_app


def links_of(app: Flask) -> list[str]:
    """Return the subjects of all links."""
    with app.app_context():
        return sorted(linked.subject for linked in db.session.query(LinkedIdentity))


def test_a_second_subject_does_not_get_into_a_linked_account(app: Flask, owner: User, provider: Provider) -> None:
    sign_in_with(app.test_client(), provider)
    provider.claims = {"sub": "someone-2"}
    client = app.test_client()
    answer = sign_in_with(client, provider)
    assert answer.status_code == 403
    assert "linked to another user" in answer.text
    assert client.get("/batches").status_code == 303
    assert links_of(app) == ["someone-1"]


@pytest.mark.parametrize(("account", "claimed"), [
    ("kelvin@example.com", "\u212aelvin@example.com"),
    ("sales@example.com", "\u017fales@example.com"),
    ("strasse@example.com", "stra\u00dfe@example.com"),
    ("\u00e9ric@example.com", "e\u0301ric@example.com"),
    ("\u00e9ric@example.com", "\u00c9ric@example.com"),
    ("first@example.com", "\ufb01rst@example.com"),
    ("kelvin@example.com", "kelvin@example.com "),
])  # fmt: skip
def test_similar_addresses_are_other_addresses(
    app: Flask, build: Builder, provider: Provider, account: str, claimed: str
) -> None:
    build.create_user("similar", email=account)
    provider.claims = {"email": claimed}
    assert sign_in_with(app.test_client(), provider).status_code == 403
    assert links_of(app) == []


def test_ascii_case_makes_no_difference(app: Flask, owner: User, provider: Provider) -> None:
    provider.claims = {"email": "OWNER@Example.com"}
    assert sign_in_with(app.test_client(), provider).status_code == 303


@pytest.mark.parametrize("kind", ["admin", "two-factor", "unlinked"])
def test_the_first_link_of_a_guarded_account_asks_for_its_credentials(
    app: Flask, owner: User, build: Builder, provider: Provider, kind: str
) -> None:
    secret = new_totp_secret()
    columns = {
        "admin": {"is_admin": True},
        "two-factor": {"totp_secret": encrypt_secret(secret, app.secret_key)},
        "unlinked": {"unlinked_at": 1},
    }
    build.change(owner, **columns[kind])
    code = {"code": TOTP(secret).now()} if kind == "two-factor" else {}
    client = app.test_client()
    answer = sign_in_with(client, provider)
    assert (answer.status_code, answer.location) == (303, "/login/provider/link")
    assert client.get("/batches").status_code == 303
    assert links_of(app) == []
    form = "/login/provider/link"
    assert send_form(client, form, form, password="wrong", **code).status_code == 401
    if code:
        assert "Invalid code" in send_form(client, form, form, password=PASSWORD, code="000000").text
    assert links_of(app) == []
    done = send_form(client, form, form, password=PASSWORD, **code)
    assert (done.status_code, done.location) == (303, "/settings/tokens")
    assert links_of(app) == ["someone-1"]
    assert sign_in_with(app.test_client(), provider).location == "/settings/tokens"  # asked once


def test_a_link_is_listed_and_removed_by_its_user(app: Flask, owner: User, provider: Provider) -> None:
    client, other = app.test_client(), app.test_client()
    sign_in_with(client, provider)
    sign_in_with(other, provider)
    page = client.get("/settings/account").text
    assert "someone-1" in page
    remove = re.search(r"/settings/links/\d+/remove", page)[0]
    assert send_form(client, remove, "/settings/account").status_code == 303
    assert links_of(app) == []
    assert client.get("/batches").status_code == 200
    assert other.get("/batches").status_code == 303
    assert sign_in_with(app.test_client(), provider).location == "/login/provider/link"


def test_the_only_way_to_sign_in_is_not_removed(app: Flask, owner: User, build: Builder, provider: Provider) -> None:
    build.change(owner, password_hash=NO_PASSWORD)
    client = app.test_client()
    sign_in_with(client, provider)
    remove = re.search(r"/settings/links/\d+/remove", client.get("/settings/account").text)[0]
    send_form(client, remove, "/settings/account")
    assert "set a password first" in client.get("/settings/account").text
    assert links_of(app) == ["someone-1"]


def test_an_admin_and_a_password_that_an_admin_sets_remove_links(
    app: Flask, owner: User, build: Builder, provider: Provider
) -> None:
    admin = sign_in(app, build.create_user("demo", is_admin=True))
    sign_in_with(app.test_client(), provider)
    page = f"/admin/users/{owner.id}"
    assert "someone-1" in admin.get(page).text
    send_form(admin, f"{page}/unlink", page)
    assert links_of(app) == []
    with app.app_context():
        actions.link_identity(owner.key, provider.issuer, "someone-1", is_proven=True)
    send_form(admin, f"{page}/password", page, password="")
    assert links_of(app) == []
