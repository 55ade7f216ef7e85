"""The pages of one user, for admins: disable, revoke tokens, set roles and passwords, end sessions."""

from __future__ import annotations

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
from tests.admin.accounts import NEW_PASSWORD, find_user, generated_password, summary
from tests.conftest import sign_in
from tests.support.builders import PASSWORD, Builder


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
