"""Sign-in, sign-out and the account page; sessions do not count under /api/."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.accounts.actions import sign_out_everywhere
from portal.accounts.query import find_user_by_email
from portal.models import User
from portal.times import now_ms
from tests.conftest import csrf_token, sign_in
from tests.support.builders import PASSWORD, Builder
from tests.support.pages import HTMX, extract_text, send_form

NEW_PASSWORD = "an altogether new password"


@pytest.mark.parametrize(
    ("next_address", "target"),
    [
        ("/batches?search=may&page=2", "/batches?search=may&page=2"),
        ("/settings/tokens", "/settings/tokens"),
        ("//evil.example", "/batches"),
        ("/\\evil.example", "/batches"),
        ("\\\\evil.example", "/batches"),
        ("https://evil.example", "/batches"),
        ("javascript:alert(1)", "/batches"),
        ("/\t/evil.example", "/batches"),
        ("/\n/evil.example", "/batches"),
        ("/\x00", "/batches"),
        ("/\r\nSet-Cookie: a=b", "/batches"),
        ("http:evil.example", "/batches"),
        ("batches", "/batches"),
        ("", "/batches"),
    ],
)
def test_signing_in_leads_to_the_next_page_and_never_to_another_site(
    client: FlaskClient, owner: User, next_address: str, target: str
) -> None:
    token = csrf_token(client.get("/login").text)
    answer = client.post(
        "/login",
        query_string={"next": next_address},
        data={"email": owner.email.upper(), "password": PASSWORD, "csrf_token": token},
    )
    assert (answer.status_code, answer.location) == (303, target)


def test_a_signed_in_user_skips_the_sign_in_page(signed_in: FlaskClient) -> None:
    assert signed_in.get("/login?next=/settings/tokens").location == "/settings/tokens"
    assert signed_in.get("/login?next=//evil.example").location == "/batches"
    assert signed_in.get("/login?next=/settings/tokens&next=/settings/account").location == "/batches"
    assert signed_in.get("/login?next=/settings/tokens", headers=HTMX).headers["HX-Redirect"] == "/settings/tokens"


def test_the_next_page_survives_a_wrong_password(client: FlaskClient, owner: User) -> None:
    address = "/login?next=/batches?search%3Dmay"
    wrong = send_form(client, address, address, email=owner.email, password="wrong")
    action = re.search(r'action="([^"]+)"', wrong.text)[1]
    right = send_form(client, action, address, email=owner.email, password=PASSWORD)
    assert right.location == "/batches?search=may"


def test_all_wrong_credentials_get_the_same_page(client: FlaskClient, build: Builder, owner: User) -> None:
    disabled = build.create_user("stranger", disabled_at=now_ms())
    attempts = [
        (owner.email, "wrong"),
        ("unknown@example.com", PASSWORD),
        (disabled.email, PASSWORD),
        ("", ""),
        ("a\x00b", "c\x00d"),
    ]
    answers = [send_form(client, "/login", "/login", email=email, password=password) for email, password in attempts]
    assert {answer.status_code for answer in answers} == {401}
    pages = {re.sub(r'value="[^"]*"', "", answer.text.split("<form")[0]) for answer in answers}
    assert len(pages) == 1
    assert "Incorrect email address or password" in pages.pop()


def test_the_password_is_never_sent_back(client: FlaskClient, owner: User) -> None:
    answer = send_form(client, "/login", "/login", email=owner.email, password="wrong horse battery staple")
    assert owner.email in answer.text
    assert "wrong horse" not in answer.text


def test_signing_in_starts_a_new_session(client: FlaskClient, owner: User) -> None:
    before = csrf_token(client.get("/login").text)
    send_form(client, "/login", "/login", email=owner.email, password=PASSWORD)
    assert csrf_token(client.get("/settings/account").text) != before
    cookie = client.get_cookie("session")
    assert cookie.http_only
    assert cookie.same_site == "Lax"


def test_signing_out_ends_the_session(signed_in: FlaskClient) -> None:
    assert send_form(signed_in, "/logout").location == "/login"
    assert signed_in.get("/batches").status_code == 303


def test_signing_out_by_htmx_redirects_the_whole_window(signed_in: FlaskClient) -> None:
    token = csrf_token(signed_in.get("/settings/account").text)
    answer = signed_in.post("/logout", headers={**HTMX, "X-CSRFToken": token})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, "/login")
    assert signed_in.get("/batches").status_code == 303


def test_a_form_sent_after_the_session_ended_does_nothing(app: Flask, signed_in: FlaskClient, owner: User) -> None:
    token = csrf_token(signed_in.get("/settings/account").text)
    with app.app_context():
        sign_out_everywhere(owner.key)
    form = {"name": "changed", "zone": "UTC", "csrf_token": token}
    assert signed_in.post("/settings/account", data=form).location.startswith("/login")
    sent = {**HTMX, "HX-Current-URL": "http://localhost/settings/account"}
    answer = signed_in.post("/settings/account", data=form, headers=sent)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/login?next=/settings/account")
    assert "changed" not in sign_in(signed_in.application, owner).get("/settings/account").text


def test_signing_out_everywhere_ends_every_session(app: Flask, signed_in: FlaskClient, owner: User) -> None:
    other = sign_in(app, owner)
    assert send_form(signed_in, "/settings/sign-out-everywhere").location == "/login"
    for client in (signed_in, other):
        assert client.get("/batches").status_code == 303


def test_a_new_password_ends_every_other_session(app: Flask, signed_in: FlaskClient, owner: User) -> None:
    other = sign_in(app, owner)
    answer = send_form(signed_in, "/settings/password", current=PASSWORD, password=NEW_PASSWORD)
    assert answer.location == "/settings/account"
    assert "Password changed" in signed_in.get("/settings/account").text
    assert other.get("/batches").status_code == 303
    assert signed_in.get("/batches").status_code == 200
    sign_in(app, owner, NEW_PASSWORD)
    old = send_form(app.test_client(), "/login", "/login", email=owner.email, password=PASSWORD)
    assert old.status_code == 401


def test_a_stranger_is_not_signed_out_with_the_owner(app: Flask, signed_in: FlaskClient, stranger: User) -> None:
    other = sign_in(app, stranger)
    send_form(signed_in, "/settings/password", current=PASSWORD, password=NEW_PASSWORD)
    send_form(signed_in, "/settings/sign-out-everywhere")
    assert other.get("/batches").status_code == 200


@pytest.mark.parametrize(
    ("current", "password", "message"),
    [
        ("wrong", NEW_PASSWORD, "Current password is incorrect"),
        (PASSWORD, "short", "at least 12 characters"),
        (PASSWORD, "", "at least 12 characters"),
        (PASSWORD, "x" * 1001, "at most 1000 characters"),
        (PASSWORD, "with a \x00 in the midst", "must not contain control characters"),
    ],
)
def test_an_invalid_password_is_reported_beside_its_field(
    app: Flask, signed_in: FlaskClient, owner: User, current: str, password: str, message: str
) -> None:
    answer = send_form(signed_in, "/settings/password", current=current, password=password)
    assert answer.status_code == 400
    assert message in extract_text(answer.text)
    sign_in(app, owner)


def test_disabling_an_account_ends_its_sessions(signed_in: FlaskClient, build: Builder, owner: User) -> None:
    build.change(owner, disabled_at=now_ms())
    assert signed_in.get("/batches").status_code == 303


@pytest.mark.parametrize(
    "address", ["/login", "/logout", "/settings/tokens", "/settings/account", "/settings/password"]
)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["form", "htmx"])
def test_a_form_with_a_wrong_csrf_token_changes_nothing(signed_in: FlaskClient, address: str, headers: dict) -> None:
    for token in ({}, {"csrf_token": "forged"}):
        answer = signed_in.post(address, data={"name": "forged", "zone": "UTC", **token}, headers=headers)
        assert answer.status_code == 400
        assert "Reload the page and try again" in extract_text(answer.text)
    assert signed_in.get("/batches").status_code == 200
    assert "forged" not in signed_in.get("/settings/account").text


def test_name_and_zone_are_changed(app: Flask, signed_in: FlaskClient, owner: User) -> None:
    assert send_form(signed_in, "/settings/account", name="Owner & Co", zone="Europe/Lisbon").status_code == 303
    page = signed_in.get("/settings/account")
    assert "Saved." in page.text
    assert "Owner &amp; Co" in page.text
    assert "ETag" not in page.headers
    with app.app_context():
        assert find_user_by_email(owner.email).zone == "Europe/Lisbon"


@pytest.mark.parametrize(
    ("name", "zone", "message"),
    [
        ("", "UTC", "must not be empty"),
        (" ", "UTC", "must not be empty"),
        ("x" * 101, "UTC", "at most 100 characters"),
        ("a\x00b", "UTC", "must not hold a control character"),
        ("x", "", "IANA time zone"),
        ("x", "Mars/Base", "IANA time zone"),
        ("x", "../../etc/passwd", "IANA time zone"),
        ("x", "Europe/Lisbon\x00", "must not hold a control character"),
    ],
)
def test_an_invalid_value_is_named_and_nothing_is_saved(
    app: Flask, signed_in: FlaskClient, owner: User, name: str, zone: str, message: str
) -> None:
    answer = send_form(signed_in, "/settings/account", name=name, zone=zone)
    assert (answer.status_code, message in extract_text(answer.text)) == (400, True)
    with app.app_context():
        user = find_user_by_email(owner.email)
        assert (user.name, user.zone) == (owner.name, owner.zone)


def test_a_flash_message_is_shown_once_and_never_cached(signed_in: FlaskClient, owner: User) -> None:
    send_form(signed_in, "/settings/account", name="Owner", zone="UTC")
    page = signed_in.get("/batches")
    assert "Saved." in page.text
    assert "ETag" not in page.headers
    again = signed_in.get("/batches")
    assert "Saved." not in again.text
    assert "ETag" in again.headers


def test_a_session_does_not_authenticate_api_requests(signed_in: FlaskClient, owner: User, api: Callable) -> None:
    answer = signed_in.get(f"/api/call/batches/{owner.id}")
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")


def test_a_token_does_not_open_pages(client: FlaskClient, build: Builder, owner: User) -> None:
    bearer = {"Authorization": f"Bearer {build.create_token(owner)}"}
    for address in ("/batches", "/settings/tokens", "/settings/account"):
        assert client.get(address, headers=bearer).status_code == 303
