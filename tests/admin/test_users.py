"""The pages on which admins add, disable and enable users, and give them roles and passwords."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.accounts import query
from portal.accounts.passwords import verify_password
from portal.admin import actions
from portal.admin.actions import AdminActionRefused
from portal.audit import query as trail
from portal.models import Channel, Scope, User
from portal.models.actor import Actor
from tests.conftest import sign_in
from tests.support.builders import PASSWORD, Builder

NEW_PASSWORD = "an altogether new password"


def found(app: Flask, email: str) -> User | None:
    with app.app_context():
        return query.find_user_by_email(email)


def emails(html: str) -> list[str]:
    return re.findall(r'<th scope="row" class="col-name"><a [^>]*>([^<]+)</a>', html)


def made_password(html: str) -> str:
    """The password that a page shows, this once."""
    return re.search(r'id="password-value" type="text" value="([^"]+)"', html)[1]


def told(entry: Any) -> tuple[Any, ...]:
    """Who did what to whom, and how."""
    return entry.what, entry.doer, entry.subject, entry.way, entry.address, entry.details


# --- the list ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def people(build: Builder, admin: User) -> None:
    """Four accounts beside the admin."""
    build.create_user("owner")
    build.create_user("stranger", disabled_at=1)
    build.create_user("third", email="Zoé@example.com")
    build.create_user("Étienne", email="fourth@example.com", is_admin=True)


@pytest.mark.parametrize(
    ("asked", "listed"),
    [
        ("", ["demo", "fourth", "owner", "stranger", "Zoé"]),
        ("?search=OWNER", ["owner"]),
        ("?search=étienne", ["fourth"]),
        ("?search=ZOÉ", ["Zoé"]),
        ("?search=%25", []),
        ("?show=disabled", ["stranger"]),
        ("?show=admins", ["demo", "fourth"]),
        ("?show=active&search=example", ["demo", "fourth", "owner", "Zoé"]),
        ("?page=2&limit=2", ["owner", "stranger"]),
    ],
)
def test_the_list(as_admin: FlaskClient, people: None, asked: str, listed: list[str]) -> None:
    for headers in ({}, {"HX-Request": "true"}):
        page = as_admin.get(f"/admin/users{asked}", headers=headers)
        assert page.status_code == 200
        assert emails(page.text) == [f"{name}@example.com" for name in listed]


def test_the_list_says_what_is_known_of_each(as_admin: FlaskClient, build: Builder, owner: User) -> None:
    build.change(owner, totp_secret="locked")
    build.create_batch(owner)
    build.create_batch(owner)
    build.create_batch(owner, deleted=True)
    page = as_admin.get("/admin/users?search=owner").text
    row = re.sub(r"<[^>]+>", " ", page.partition("<tbody>")[2].partition("</tbody>")[0]).split()
    assert " ".join(row) == "owner@example.com owner user Active Two-factor yes Last sign-in never Batches 2"


def test_a_wrong_value_is_named_and_a_page_too_far_leads_to_the_last(as_admin: FlaskClient, people: None) -> None:
    page = as_admin.get("/admin/users?show=nobody&limit=0")
    assert page.status_code == 400
    assert "show must be one of all, active, disabled, admins" in page.text
    assert "limit must be between 1 and 100" in page.text
    assert as_admin.get("/admin/users?page=9&limit=2&search=e").location == "/admin/users?page=3&limit=2&search=e"
    assert as_admin.get("/admin").location == "/admin/users"


# --- a new one --------------------------------------------------------------------------------------------------------


def test_a_made_up_password_is_shown_once_and_lets_in(
    app: Flask, post: Callable[..., Any], as_admin: FlaskClient, admin: User, entries: Callable[[], list[Any]]
) -> None:
    fields = {"email": "Owner@example.com", "name": "Owner", "zone": "Europe/Lisbon", "region": "PT", "role": "user"}
    answer = post("/admin/users/new", **fields, password="")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    user = found(app, "owner@example.com")
    assert (user.email, user.name, user.zone, user.region) == ("Owner@example.com", "Owner", "Europe/Lisbon", "PT")
    assert not user.is_admin
    password = made_password(answer.text)
    assert password not in as_admin.get(f"/admin/users/{user.id}").text
    sign_in(app, user, password)
    (entry,) = entries()
    assert told(entry) == ("added", admin.email, user.email, "page", "127.0.0.1", {})


def test_an_admin_with_a_typed_password(app: Flask, post: Callable[..., Any], entries: Callable[[], list[Any]]) -> None:
    answer = post("/admin/users/new", email="owner@example.com", zone="UTC", role="admin", password=NEW_PASSWORD)
    user = found(app, "owner@example.com")
    assert (answer.status_code, answer.location) == (303, f"/admin/users/{user.id}")
    assert user.is_admin
    assert sign_in(app, user, NEW_PASSWORD).get("/admin/users").status_code == 200
    assert entries()[0].details == {"role": "admin"}


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"email": "nonsense"}, "Email must be an e-mail address"),
        ({"email": "OWNER@example.com"}, "Email is taken"),
        ({"zone": "Mars/Olympus"}, "Zone must be an IANA time zone"),
        ({"region": "ZZ"}, "Region must be a country&#39;s two letters"),
        ({"role": "king"}, "Role must be one of"),
        ({"password": "short"}, "Password must be at least 12 characters"),
        ({"name": "n" * 101}, "Name must be at most 100 characters"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    post: Callable[..., Any], owner: User, entries: Callable[[], list[Any]], wrong: dict[str, str], problem: str
) -> None:
    right = {"email": "new@example.com", "name": "New", "zone": "UTC", "region": "", "role": "user", "password": ""}
    answer = post("/admin/users/new", **right | wrong)
    assert answer.status_code == 400
    assert f'id="{next(iter(wrong))}-problem">{problem}' in answer.text
    assert entries() == []


# --- one of them ------------------------------------------------------------------------------------------------------


def test_disabled_and_enabled_again(
    app: Flask,
    post: Callable[..., Any],
    build: Builder,
    owner: User,
    admin: User,
    entries: Callable[[], list[Any]],
) -> None:
    browser, token = sign_in(app, owner), build.create_token(owner)
    build.create_batch(owner)

    def api_says() -> int:
        path = f"/api/call/batches/{owner.id}"
        return app.test_client().get(path, headers={"Authorization": f"Bearer {token}"}).status_code

    for _ in range(2):
        answer = post(f"/admin/users/{owner.id}/disable")
        assert (answer.status_code, answer.location) == (303, f"/admin/users/{owner.id}")
    assert browser.get("/batches").location.startswith("/login")
    assert api_says() == 401
    for _ in range(2):
        assert post(f"/admin/users/{owner.id}/enable").status_code == 303
    assert browser.get("/batches").location.startswith("/login")
    assert api_says() == 200
    sign_in(app, owner)
    assert [told(entry) for entry in entries()] == [
        ("enabled", admin.email, owner.email, "page", "127.0.0.1", {}),
        ("disabled", admin.email, owner.email, "page", "127.0.0.1", {}),
    ]


def test_the_role_is_given_and_taken(
    app: Flask, post: Callable[..., Any], owner: User, entries: Callable[[], list[Any]]
) -> None:
    browser = sign_in(app, owner)
    for role, status in (("admin", 200), ("admin", 200), ("user", 404)):
        assert post(f"/admin/users/{owner.id}/role", role=role).status_code == 303
        assert browser.get("/admin/users").status_code == status
    assert [entry.details for entry in entries()] == [{"to": "user"}, {"to": "admin"}]
    assert post(f"/admin/users/{owner.id}/role", role="king").status_code == 400


@pytest.mark.parametrize("typed", ["", NEW_PASSWORD])
def test_a_new_password(
    app: Flask, post: Callable[..., Any], owner: User, entries: Callable[[], list[Any]], typed: str
) -> None:
    browser = sign_in(app, owner)
    answer = post(f"/admin/users/{owner.id}/password", password=typed)
    assert browser.get("/batches").location.startswith("/login")
    sign_in(app, owner, typed or made_password(answer.text))
    assert not verify_password(PASSWORD, found(app, owner.email).password_hash)
    assert [entry.what for entry in entries()] == ["password"]


def test_a_password_that_is_too_short_changes_nothing(
    app: Flask, post: Callable[..., Any], owner: User, entries: Callable[[], list[Any]]
) -> None:
    answer = post(f"/admin/users/{owner.id}/password", password="short")
    assert answer.status_code == 400
    assert 'id="password-problem">Password must be at least 12 characters' in answer.text
    sign_in(app, owner)
    assert entries() == []


def test_a_lost_second_factor_is_turned_off(
    app: Flask,
    post: Callable[..., Any],
    as_admin: FlaskClient,
    build: Builder,
    owner: User,
    entries: Callable[[], list[Any]],
) -> None:
    assert "second-factor-off" not in as_admin.get(f"/admin/users/{owner.id}").text
    build.change(owner, totp_secret="locked", totp_step=7)
    assert "second-factor-off" in as_admin.get(f"/admin/users/{owner.id}").text
    for _ in range(2):
        assert post(f"/admin/users/{owner.id}/second-factor-off").status_code == 303
    user = found(app, owner.email)
    assert (user.totp_secret, user.totp_step) == (None, None)
    assert [entry.what for entry in entries()] == ["second-factor-off"]


def test_every_session_ends(app: Flask, post: Callable[..., Any], owner: User, admin: User) -> None:
    browsers = [sign_in(app, owner) for _ in range(2)]
    assert post(f"/admin/users/{owner.id}/end-sessions").status_code == 303
    assert all(browser.get("/batches").location.startswith("/login") for browser in browsers)
    with app.app_context():
        last = trail.recent_account_events(owner.key)[0]
    assert (last.what, last.doer) == ("signed-out-everywhere", admin.email)


@pytest.mark.parametrize("doing", ["disable", "role", "password", "second-factor-off", "end-sessions"])
def test_nobody_does_it_to_themselves(
    app: Flask,
    post: Callable[..., Any],
    as_admin: FlaskClient,
    admin: User,
    entries: Callable[[], list[Any]],
    doing: str,
) -> None:
    page = as_admin.get(f"/admin/users/{admin.id}").text
    assert f"/admin/users/{admin.id}/{doing}" not in page
    answer = post(f"/admin/users/{admin.id}/{doing}", role="user", password=NEW_PASSWORD)
    assert answer.status_code == 303
    assert actions.OWN_ACCOUNT in as_admin.get(answer.location).text
    assert sign_in(app, admin).get("/admin/users").status_code == 200
    assert entries() == []


def test_an_account_that_is_not_there(as_admin: FlaskClient, post: Callable[..., Any]) -> None:
    for user_id in ("0" * 24, "nonsense"):
        assert as_admin.get(f"/admin/users/{user_id}").status_code == 404
        assert post(f"/admin/users/{user_id}/disable").status_code == 404


@pytest.mark.parametrize("doing", ["disable", "role"])
def test_of_two_admins_who_shut_each_other_out_at_once_one_stays(
    app: Flask, build: Builder, admin: User, entries: Callable[[], list[Any]], doing: str
) -> None:
    other = build.create_user("owner", is_admin=True)

    def shut_out(by: User, whom: User) -> str:
        with app.app_context():
            try:
                if doing == "disable":
                    actions.disable_user(whom.key, Actor(by.key, Channel.PAGE))
                else:
                    actions.set_role(whom.key, is_admin=False, by=Actor(by.key, Channel.PAGE))
            except AdminActionRefused as refusal:
                return str(refusal)
        return "done"

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(shut_out, (admin, other), (other, admin)))
    assert answers == [actions.NOT_AN_ADMIN, "done"]
    assert len(entries()) == 1
    left = [user for user in (found(app, admin.email), found(app, other.email)) if user.is_admin and user.is_active]
    assert len(left) == 1


def test_a_scope_of_a_token_is_no_role(app: Flask, build: Builder, admin: User) -> None:
    """The API has no door to these pages: a token of an admin is a token of their batches."""
    token = build.create_token(admin, Scope.READ, Scope.WRITE)
    answer = app.test_client().get("/admin/users", headers={"Authorization": f"Bearer {token}"})
    assert answer.location.startswith("/login")
