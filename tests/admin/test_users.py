"""The users' pages for admins: the list, and new users."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.models import User
from tests.admin.accounts import NEW_PASSWORD, find_user, generated_password, summary
from tests.conftest import sign_in
from tests.support.builders import Builder


def emails(html: str) -> list[str]:
    return re.findall(r'<th scope="row" class="col-name"><a [^>]*>([^<]+)</a>', html)


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
