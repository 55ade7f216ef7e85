"""Signing in and out, and the account, as pages; and that none of it counts under /api/."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.accounts.actions import sign_out_everywhere
from portal.accounts.query import find_user_by_email
from portal.models import User
from portal.times import now_ms
from tests.conftest import csrf_token, sign_in
from tests.support.builders import PASSWORD, Builder

HTMX = {"HX-Request": "true"}
NEW_PASSWORD = "an altogether new password"


def send(
    client: FlaskClient, address: str, page: str = "/settings/account", follow: bool = False, **fields: object
) -> TestResponse:
    """Send a form of a page, with the CSRF token that the page holds; `follow` opens where the answer leads."""
    token = csrf_token(client.get(page).text)
    return client.post(address, data={**fields, "csrf_token": token}, follow_redirects=follow)


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


@pytest.mark.parametrize(
    ("asked", "led"),
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
def test_after_signing_in_one_goes_on_and_never_off_the_site(
    client: FlaskClient, owner: User, asked: str, led: str
) -> None:
    token = csrf_token(client.get("/login").text)
    answer = client.post(
        "/login",
        query_string={"next": asked},
        data={"email": owner.email.upper(), "password": PASSWORD, "csrf_token": token},
    )
    assert (answer.status_code, answer.location) == (303, led)


def test_who_is_signed_in_already_goes_on_at_once(signed_in: FlaskClient) -> None:
    assert signed_in.get("/login?next=/settings/tokens").location == "/settings/tokens"
    assert signed_in.get("/login?next=//evil.example").location == "/batches"
    assert signed_in.get("/login?next=/settings/tokens&next=/settings/account").location == "/batches"
    assert signed_in.get("/login?next=/settings/tokens", headers=HTMX).headers["HX-Redirect"] == "/settings/tokens"


def test_the_way_on_outlives_a_wrong_password(client: FlaskClient, owner: User) -> None:
    address = "/login?next=/batches?search%3Dmay"
    wrong = send(client, address, address, email=owner.email, password="wrong")
    action = re.search(r'action="([^"]+)"', wrong.text)[1]
    right = send(client, action, address, email=owner.email, password=PASSWORD)
    assert right.location == "/batches?search=may"


def test_every_way_of_not_fitting_reads_alike(client: FlaskClient, build: Builder, owner: User) -> None:
    disabled = build.create_user("stranger", disabled_at=now_ms())
    tries = [
        (owner.email, "wrong"),
        ("nobody@example.com", PASSWORD),
        (disabled.email, PASSWORD),
        ("", ""),
        ("a\x00b", "c\x00d"),
    ]
    answers = [send(client, "/login", "/login", email=email, password=password) for email, password in tries]
    assert {answer.status_code for answer in answers} == {401}
    said = {re.sub(r'value="[^"]*"', "", answer.text.split("<form")[0]) for answer in answers}
    assert len(said) == 1
    assert "Incorrect email address or password" in said.pop()


def test_the_password_is_never_sent_back(client: FlaskClient, owner: User) -> None:
    answer = send(client, "/login", "/login", email=owner.email, password="wrong horse battery staple")
    assert owner.email in answer.text
    assert "wrong horse" not in answer.text


def test_a_new_session_begins_at_sign_in(client: FlaskClient, owner: User) -> None:
    before = csrf_token(client.get("/login").text)
    send(client, "/login", "/login", email=owner.email, password=PASSWORD)
    assert csrf_token(client.get("/settings/account").text) != before
    cookie = client.get_cookie("session")
    assert cookie.http_only
    assert cookie.same_site == "Lax"


def test_signing_out_ends_the_session(signed_in: FlaskClient) -> None:
    assert send(signed_in, "/logout").location == "/login"
    assert signed_in.get("/batches").status_code == 303


def test_signing_out_by_htmx_leads_the_whole_browser_away(signed_in: FlaskClient) -> None:
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
    assert send(signed_in, "/settings/sign-out-everywhere").location == "/login"
    for client in (signed_in, other):
        assert client.get("/batches").status_code == 303


def test_a_new_password_ends_every_other_session(app: Flask, signed_in: FlaskClient, owner: User) -> None:
    other = sign_in(app, owner)
    answer = send(signed_in, "/settings/password", current=PASSWORD, password=NEW_PASSWORD)
    assert answer.location == "/settings/account"
    assert "The password is changed" in signed_in.get("/settings/account").text
    assert other.get("/batches").status_code == 303
    assert signed_in.get("/batches").status_code == 200
    sign_in(app, owner, NEW_PASSWORD)
    old = send(app.test_client(), "/login", "/login", email=owner.email, password=PASSWORD)
    assert old.status_code == 401


def test_a_stranger_is_not_signed_out_with_the_owner(app: Flask, signed_in: FlaskClient, stranger: User) -> None:
    other = sign_in(app, stranger)
    send(signed_in, "/settings/password", current=PASSWORD, password=NEW_PASSWORD)
    send(signed_in, "/settings/sign-out-everywhere")
    assert other.get("/batches").status_code == 200


@pytest.mark.parametrize(
    ("current", "password", "says"),
    [
        ("wrong", NEW_PASSWORD, "Current password does not fit"),
        (PASSWORD, "short", "at least 12 characters"),
        (PASSWORD, "", "at least 12 characters"),
        (PASSWORD, "x" * 1001, "at most 1000 characters"),
        (PASSWORD, "with a \x00 in the midst", "must not hold control characters"),
    ],
)
def test_a_password_that_is_not_taken_is_told_beside_its_field(
    app: Flask, signed_in: FlaskClient, owner: User, current: str, password: str, says: str
) -> None:
    answer = send(signed_in, "/settings/password", current=current, password=password)
    assert answer.status_code == 400
    assert says in words(answer.text)
    sign_in(app, owner)


def test_a_disabled_account_is_out_at_once(signed_in: FlaskClient, build: Builder, owner: User) -> None:
    build.change(owner, disabled_at=now_ms())
    assert signed_in.get("/batches").status_code == 303


@pytest.mark.parametrize(
    "address", ["/login", "/logout", "/settings/tokens", "/settings/account", "/settings/password"]
)
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["form", "htmx"])
def test_a_forged_form_does_nothing_and_says_so(signed_in: FlaskClient, address: str, headers: dict) -> None:
    for token in ({}, {"csrf_token": "forged"}):
        answer = signed_in.post(address, data={"name": "forged", "zone": "UTC", **token}, headers=headers)
        assert answer.status_code == 400
        assert "reload the page and try again" in words(answer.text)
    assert signed_in.get("/batches").status_code == 200
    assert "forged" not in signed_in.get("/settings/account").text


def test_name_and_zone_are_changed(app: Flask, signed_in: FlaskClient, owner: User) -> None:
    assert send(signed_in, "/settings/account", name="Owner & Co", zone="Europe/Lisbon").status_code == 303
    page = signed_in.get("/settings/account")
    assert "Saved." in page.text
    assert "Owner &amp; Co" in page.text
    assert "ETag" not in page.headers
    with app.app_context():
        assert find_user_by_email(owner.email).zone == "Europe/Lisbon"


@pytest.mark.parametrize(
    ("name", "zone", "says"),
    [
        ("", "UTC", "must not be empty"),
        (" ", "UTC", "must not be empty"),
        ("x" * 101, "UTC", "at most 100 characters"),
        ("a\x00b", "UTC", "must not hold a control character"),
        ("x", "", "IANA time zone"),
        ("x", "Mars/Base", "IANA time zone"),
        ("x", "europe/lisbon", "IANA time zone"),
        ("x", "../../etc/passwd", "IANA time zone"),
        ("x", "Europe/Lisbon\x00", "must not hold a control character"),
    ],
)
def test_what_cannot_be_saved_is_told_and_nothing_is_half_saved(
    app: Flask, signed_in: FlaskClient, owner: User, name: str, zone: str, says: str
) -> None:
    answer = send(signed_in, "/settings/account", name=name, zone=zone)
    assert (answer.status_code, says in words(answer.text)) == (400, True)
    with app.app_context():
        kept = find_user_by_email(owner.email)
        assert (kept.name, kept.zone) == (owner.name, owner.zone)


def test_a_message_is_read_once_and_never_kept(signed_in: FlaskClient, owner: User) -> None:
    send(signed_in, "/settings/account", name="Owner", zone="UTC")
    said = signed_in.get("/batches")
    assert "Saved." in said.text
    assert "ETag" not in said.headers
    again = signed_in.get("/batches")
    assert "Saved." not in again.text
    assert "ETag" in again.headers


def test_a_session_counts_for_nothing_under_the_api(signed_in: FlaskClient, owner: User, api: Callable) -> None:
    answer = signed_in.get(f"/api/call/batches/{owner.id}")
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")


def test_a_token_opens_no_page(client: FlaskClient, build: Builder, owner: User) -> None:
    bearer = {"Authorization": f"Bearer {build.create_token(owner)}"}
    for address in ("/batches", "/settings/tokens", "/settings/account"):
        assert client.get(address, headers=bearer).status_code == 303
