"""The admin pages of users: the list, new users, and the actions on one user."""

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
from portal.audit import query as audit_query
from portal.models import Channel, Scope, User
from portal.models.actor import Actor
from tests.conftest import sign_in
from tests.support.builders import PASSWORD, Builder

NEW_PASSWORD = "an altogether new password"


def find_user(app: Flask, email: str) -> User | None:
    with app.app_context():
        return query.find_user_by_email(email)


def emails(html: str) -> list[str]:
    return re.findall(r'<th scope="row" class="col-name"><a [^>]*>([^<]+)</a>', html)


def generated_password(html: str) -> str:
    """Return the generated password that a page shows."""
    return re.search(r'id="password-value" type="text" value="([^"]+)"', html)[1]


def summary(entry: Any) -> tuple[Any, ...]:
    """Return the main fields of an audit log entry."""
    return entry.what, entry.actor, entry.subject, entry.way, entry.address, entry.details


# --- the list ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def accounts(build: Builder, admin: User) -> None:
    """Four accounts besides the admin."""
    build.create_user("owner")
    build.create_user("stranger", disabled_at=1)
    build.create_user("third", email="Zoé@example.com")
    build.create_user("Étienne", email="fourth@example.com", is_admin=True)


@pytest.mark.parametrize(
    ("query_string", "names"),
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
def test_the_list_is_searched_filtered_and_paged(
    as_admin: FlaskClient, accounts: None, query_string: str, names: list[str]
) -> None:
    for headers in ({}, {"HX-Request": "true"}):
        page = as_admin.get(f"/admin/users{query_string}", headers=headers)
        assert page.status_code == 200
        assert emails(page.text) == [f"{name}@example.com" for name in names]


def test_the_list_shows_the_facts_of_each_user(as_admin: FlaskClient, build: Builder, owner: User) -> None:
    build.change(owner, totp_secret="locked")
    build.create_batch(owner)
    build.create_batch(owner)
    build.create_batch(owner, deleted=True)
    page = as_admin.get("/admin/users?search=owner").text
    row = re.sub(r"<[^>]+>", " ", page.partition("<tbody>")[2].partition("</tbody>")[0]).split()
    assert " ".join(row) == "owner@example.com owner user Active Two-factor yes Last sign-in never Batches 2"


def test_an_invalid_value_is_named_and_a_page_past_the_end_redirects_to_the_last(
    as_admin: FlaskClient, accounts: None
) -> None:
    page = as_admin.get("/admin/users?show=unknown&limit=0")
    assert page.status_code == 400
    assert "show must be one of all, active, disabled, admins" in page.text
    assert "limit must be between 1 and 100" in page.text
    assert as_admin.get("/admin/users?page=9&limit=2&search=e").location == "/admin/users?page=3&limit=2&search=e"
    assert as_admin.get("/admin").location == "/admin/users"


# --- new users --------------------------------------------------------------------------------------------------------


def test_a_generated_password_is_shown_once_and_works(
    app: Flask, post: Callable[..., Any], as_admin: FlaskClient, admin: User, entries: Callable[[], list[Any]]
) -> None:
    fields = {"email": "Owner@example.com", "name": "Owner", "zone": "Europe/Lisbon", "region": "PT", "role": "user"}
    answer = post("/admin/users/new", **fields, password="")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    user = find_user(app, "owner@example.com")
    assert (user.email, user.name, user.zone, user.region) == ("Owner@example.com", "Owner", "Europe/Lisbon", "PT")
    assert not user.is_admin
    password = generated_password(answer.text)
    assert password not in as_admin.get(f"/admin/users/{user.id}").text
    sign_in(app, user, password)
    (entry,) = entries()
    assert summary(entry) == ("added", admin.email, user.email, "page", "127.0.0.1", {})


def test_an_admin_is_created_with_a_typed_password(
    app: Flask, post: Callable[..., Any], entries: Callable[[], list[Any]]
) -> None:
    answer = post("/admin/users/new", email="owner@example.com", zone="UTC", role="admin", password=NEW_PASSWORD)
    user = find_user(app, "owner@example.com")
    assert (answer.status_code, answer.location) == (303, f"/admin/users/{user.id}")
    assert user.is_admin
    assert sign_in(app, user, NEW_PASSWORD).get("/admin/users").location == "/settings/password"
    assert entries()[0].details == {"role": "admin"}


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"email": "nonsense"}, "Email must be an email address"),
        ({"email": "OWNER@example.com"}, "Email is taken"),
        ({"zone": "Mars/Olympus"}, "Zone must be an IANA time zone"),
        ({"region": "ZZ"}, "Region must be a two-letter country code"),
        ({"role": "king"}, "Role must be one of"),
        ({"password": "short"}, "Password must be at least 12 characters"),
        ({"name": "n" * 101}, "Name must be at most 100 characters"),
    ],
)
def test_a_problem_is_shown_beside_its_field(
    post: Callable[..., Any], owner: User, entries: Callable[[], list[Any]], changed: dict[str, str], problem: str
) -> None:
    valid = {"email": "new@example.com", "name": "New", "zone": "UTC", "region": "", "role": "user", "password": ""}
    answer = post("/admin/users/new", **valid | changed)
    assert answer.status_code == 400
    assert f'id="{next(iter(changed))}-problem">{problem}' in answer.text
    assert entries() == []


# --- one user ---------------------------------------------------------------------------------------------------------


def test_an_account_is_disabled_and_enabled_again(
    app: Flask,
    post: Callable[..., Any],
    build: Builder,
    owner: User,
    admin: User,
    entries: Callable[[], list[Any]],
) -> None:
    browser, token = sign_in(app, owner), build.create_token(owner)
    build.create_batch(owner)

    def api_status() -> int:
        path = f"/api/call/batches/{owner.id}"
        return app.test_client().get(path, headers={"Authorization": f"Bearer {token}"}).status_code

    for _ in range(2):
        answer = post(f"/admin/users/{owner.id}/disable")
        assert (answer.status_code, answer.location) == (303, f"/admin/users/{owner.id}")
    assert browser.get("/batches").location.startswith("/login")
    assert api_status() == 401
    for _ in range(2):
        assert post(f"/admin/users/{owner.id}/enable").status_code == 303
    assert browser.get("/batches").location.startswith("/login")
    assert api_status() == 401  # its tokens stay revoked
    sign_in(app, owner)
    assert [summary(entry) for entry in entries()] == [
        ("enabled", admin.email, owner.email, "page", "127.0.0.1", {}),
        ("disabled", admin.email, owner.email, "page", "127.0.0.1", {}),
    ]


def test_tokens_of_accounts_that_an_older_release_disabled_do_not_come_back(
    app: Flask, post: Callable[..., Any], build: Builder, owner: User
) -> None:
    build.create_token(owner)
    build.change(owner, disabled_at=1)
    post(f"/admin/users/{owner.id}/enable")
    with app.app_context():
        assert query.list_tokens(owner.key) == []


def test_tokens_are_listed_and_revoked(
    app: Flask,
    post: Callable[..., Any],
    as_admin: FlaskClient,
    build: Builder,
    owner: User,
    admin: User,
    stranger: User,
) -> None:
    first, second, other = (build.create_token(account).split("_")[1] for account in (owner, owner, stranger))
    page = f"/admin/users/{owner.id}"
    html = as_admin.get(page).text
    assert f"{page}/tokens/{first}/revoke" in html
    assert other not in html
    for token_id in (first, first, other, "nonsense"):
        assert post(f"{page}/tokens/{token_id}/revoke").location == page
    with app.app_context():
        assert [token.id for token in query.list_tokens(owner.key)] == [second]
        assert [token.id for token in query.list_tokens(stranger.key)] == [other]
    for _ in range(2):
        assert post(f"{page}/revoke-tokens").location == page
    with app.app_context():
        assert query.list_tokens(owner.key) == []
        newest = [(entry.what, entry.actor, entry.details) for entry in audit_query.recent_account_events(owner.key)]
    assert newest[:2] == [
        ("tokens-revoked", admin.email, {"tokens": 1}),
        ("token-revoked", admin.email, {"name": "test"}),
    ]


def test_the_role_is_given_and_removed(
    app: Flask, post: Callable[..., Any], owner: User, entries: Callable[[], list[Any]]
) -> None:
    browser = sign_in(app, owner)
    for role, status in (("admin", 200), ("admin", 200), ("user", 404)):
        assert post(f"/admin/users/{owner.id}/role", role=role).status_code == 303
        assert browser.get("/admin/users").status_code == status
    assert [entry.details for entry in entries()] == [{"to": "user"}, {"to": "admin"}]
    assert post(f"/admin/users/{owner.id}/role", role="king").status_code == 400


@pytest.mark.parametrize("typed", ["", NEW_PASSWORD])
def test_a_new_password_ends_the_sessions(
    app: Flask, post: Callable[..., Any], owner: User, entries: Callable[[], list[Any]], typed: str
) -> None:
    browser = sign_in(app, owner)
    answer = post(f"/admin/users/{owner.id}/password", password=typed)
    assert browser.get("/batches").location.startswith("/login")
    sign_in(app, owner, typed or generated_password(answer.text))
    assert not verify_password(PASSWORD, find_user(app, owner.email).password_hash)
    assert [entry.what for entry in entries()] == ["password"]


def test_a_short_password_changes_nothing(
    app: Flask, post: Callable[..., Any], owner: User, entries: Callable[[], list[Any]]
) -> None:
    answer = post(f"/admin/users/{owner.id}/password", password="short")
    assert answer.status_code == 400
    assert 'id="password-problem">Password must be at least 12 characters' in answer.text
    sign_in(app, owner)
    assert entries() == []


def test_two_factor_authentication_is_turned_off(
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
    user = find_user(app, owner.email)
    assert (user.totp_secret, user.totp_step) == (None, None)
    assert [entry.what for entry in entries()] == ["second-factor-off"]


def test_all_sessions_end(app: Flask, post: Callable[..., Any], owner: User, admin: User) -> None:
    browsers = [sign_in(app, owner) for _ in range(2)]
    assert post(f"/admin/users/{owner.id}/end-sessions").status_code == 303
    assert all(browser.get("/batches").location.startswith("/login") for browser in browsers)
    with app.app_context():
        last = audit_query.recent_account_events(owner.key)[0]
    assert (last.what, last.actor) == ("signed-out-everywhere", admin.email)


@pytest.mark.parametrize("action", ["disable", "role", "password", "second-factor-off", "end-sessions"])
def test_admins_cannot_change_their_own_account(
    app: Flask,
    post: Callable[..., Any],
    as_admin: FlaskClient,
    admin: User,
    entries: Callable[[], list[Any]],
    action: str,
) -> None:
    page = as_admin.get(f"/admin/users/{admin.id}").text
    assert f"/admin/users/{admin.id}/{action}" not in page
    answer = post(f"/admin/users/{admin.id}/{action}", role="user", password=NEW_PASSWORD)
    assert answer.status_code == 303
    assert actions.OWN_ACCOUNT in as_admin.get(answer.location).text
    assert sign_in(app, admin).get("/admin/users").status_code == 200
    assert entries() == []


def test_an_unknown_account_gets_404(as_admin: FlaskClient, post: Callable[..., Any]) -> None:
    for user_id in ("0" * 24, "nonsense"):
        assert as_admin.get(f"/admin/users/{user_id}").status_code == 404
        assert post(f"/admin/users/{user_id}/disable").status_code == 404


@pytest.mark.parametrize("action", ["disable", "role"])
def test_of_two_admins_who_remove_each_other_at_once_one_remains(
    app: Flask, build: Builder, admin: User, entries: Callable[[], list[Any]], action: str
) -> None:
    other = build.create_user("owner", is_admin=True)

    def remove(by: User, user: User) -> str:
        with app.app_context():
            try:
                if action == "disable":
                    actions.disable_user(user.key, Actor(by.key, Channel.PAGE))
                else:
                    actions.set_role(user.key, is_admin=False, by=Actor(by.key, Channel.PAGE))
            except AdminActionRefused as refusal:
                return str(refusal)
        return "done"

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(remove, (admin, other), (other, admin)))
    assert answers == [actions.NOT_AN_ADMIN, "done"]
    assert len(entries()) == 1
    left = [
        user for user in (find_user(app, admin.email), find_user(app, other.email)) if user.is_admin and user.is_active
    ]
    assert len(left) == 1


def test_a_token_does_not_open_admin_pages(app: Flask, build: Builder, admin: User) -> None:
    """An admin's token reads and writes only their own batches."""
    token = build.create_token(admin, Scope.READ, Scope.WRITE)
    answer = app.test_client().get("/admin/users", headers={"Authorization": f"Bearer {token}"})
    assert answer.location.startswith("/login")
