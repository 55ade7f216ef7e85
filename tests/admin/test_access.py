"""The admins' pages are there for admins alone, and tell even them nothing of other people's batches."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from portal.models import User
from tests.conftest import csrf_token
from tests.support.builders import Builder


def admin_routes(app: Flask, user: User) -> list[tuple[str, str]]:
    """Method and path of every route below /admin, about that user."""
    return [
        (method, rule.rule.replace("<user_id>", user.id))
        for rule in app.url_map.iter_rules()
        if rule.rule == "/admin" or rule.rule.startswith("/admin/")
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
    ]


def test_every_route_is_for_admins_alone(
    app: Flask, client: FlaskClient, signed_in: FlaskClient, stranger: User, entries: Callable[[], list[Any]]
) -> None:
    routes = admin_routes(app, stranger)
    assert len(routes) >= 13
    own = {"csrf_token": csrf_token(signed_in.get("/settings/account").text), "role": "admin"}
    nobodys = {"csrf_token": csrf_token(client.get("/login").text)}
    for method, path in routes:
        answer = signed_in.open(path, method=method, data=own if method == "POST" else None)
        assert answer.status_code == 404, (method, path)
        assert stranger.email not in answer.text
        answer = client.open(path, method=method, data=nobodys if method == "POST" else None)
        assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/login"), (method, path)
    assert entries() == []


def test_a_form_without_its_token_changes_nothing(
    app: Flask, as_admin: FlaskClient, owner: User, entries: Callable[[], list[Any]]
) -> None:
    for method, path in admin_routes(app, owner):
        if method == "POST":
            assert as_admin.post(path, data={"role": "admin"}).status_code == 400, path
    assert entries() == []


def test_the_menu_leads_there_for_admins_alone(as_admin: FlaskClient, signed_in: FlaskClient) -> None:
    for address in ('href="/admin/users"', 'href="/admin/trail"'):
        assert address in as_admin.get("/batches").text
        assert address not in signed_in.get("/batches").text


def test_who_loses_the_role_loses_the_pages_at_once(as_admin: FlaskClient, build: Builder, admin: User) -> None:
    assert as_admin.get("/admin/users").status_code == 200
    build.change(admin, is_admin=False)
    assert as_admin.get("/admin/users").status_code == 404


def test_of_other_peoples_batches_there_are_counts_alone(
    as_admin: FlaskClient, call_api: Callable[..., Any], owner: User, build: Builder
) -> None:
    """A batch renamed, filled and exported: neither its name, nor a number, nor a row's field shows anywhere."""
    made = {"batchName": "Marker campaign", "callingNumbers": ["+12025550100"]}
    batch_id = call_api("createBatch", made).json["data"]
    data = [{"phoneNumber": "+12025550199", "city": "Markerville"}]
    assert call_api("addCallsToBatch", {"batchId": batch_id, "call_data": data}).status_code == 200
    assert call_api("export/csv", query_string={"batchId": batch_id}).status_code == 200
    build.create_batch(owner, "Marker deleted", deleted=True)
    user_page = as_admin.get(f"/admin/users/{owner.id}").text
    trail = as_admin.get("/admin/trail").text
    file = as_admin.get("/admin/trail/export.csv").text
    assert re.search(r"<dt>Batches</dt><dd>1</dd>", user_page)
    for text in (as_admin.get("/admin/users").text, user_page, trail, file):
        assert "arker" not in text
        assert "5550199" not in text
    assert batch_id in trail
    assert batch_id in file
    assert as_admin.get(f"/batches/{batch_id}").status_code == 404
