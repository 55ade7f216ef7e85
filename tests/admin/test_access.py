"""Only admins can open the admin pages, and even they see no content of other users' batches."""

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
    """Return the method and path of every route below /admin, for that user."""
    return [
        (method, rule.rule.replace("<user_id>", user.id))
        for rule in app.url_map.iter_rules()
        if rule.rule == "/admin" or rule.rule.startswith("/admin/")
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
    ]


def test_every_route_requires_the_admin_role(
    app: Flask, client: FlaskClient, signed_in: FlaskClient, stranger: User, entries: Callable[[], list[Any]]
) -> None:
    routes = admin_routes(app, stranger)
    assert len(routes) >= 13
    owner_form = {"csrf_token": csrf_token(signed_in.get("/settings/account").text), "role": "admin"}
    visitor_form = {"csrf_token": csrf_token(client.get("/login").text)}
    for method, path in routes:
        answer = signed_in.open(path, method=method, data=owner_form if method == "POST" else None)
        assert answer.status_code == 404, (method, path)
        assert stranger.email not in answer.text
        answer = client.open(path, method=method, data=visitor_form if method == "POST" else None)
        assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/login"), (method, path)
    assert entries() == []


def test_a_form_without_its_csrf_token_changes_nothing(
    app: Flask, as_admin: FlaskClient, owner: User, entries: Callable[[], list[Any]]
) -> None:
    for method, path in admin_routes(app, owner):
        if method == "POST":
            assert as_admin.post(path, data={"role": "admin"}).status_code == 400, path
    assert entries() == []


def test_only_admins_see_the_admin_links(as_admin: FlaskClient, signed_in: FlaskClient) -> None:
    for address in ('href="/admin/users"', 'href="/admin/trail"'):
        assert address in as_admin.get("/batches").text
        assert address not in signed_in.get("/batches").text


def test_losing_the_role_closes_the_pages_immediately(as_admin: FlaskClient, build: Builder, admin: User) -> None:
    assert as_admin.get("/admin/users").status_code == 200
    build.change(admin, is_admin=False)
    assert as_admin.get("/admin/users").status_code == 404


def test_admins_see_only_counts_of_other_users_batches(
    as_admin: FlaskClient, call_api: Callable[..., Any], owner: User, build: Builder
) -> None:
    """No page shows a batch's name, a phone number or a field of a row."""
    body = {"batchName": "Marker campaign", "callingNumbers": ["+12025550100"]}
    batch_id = call_api("createBatch", body).json["data"]
    data = [{"phoneNumber": "+12025550199", "city": "Markerville"}]
    assert call_api("addCallsToBatch", {"batchId": batch_id, "call_data": data}).status_code == 200
    assert call_api("export/csv", query_string={"batchId": batch_id}).status_code == 200
    build.create_batch(owner, "Marker deleted", deleted=True)
    user_page = as_admin.get(f"/admin/users/{owner.id}").text
    audit_log = as_admin.get("/admin/trail").text
    file = as_admin.get("/admin/trail/export.csv").text
    assert re.search(r"<dt>Batches</dt><dd>1</dd>", user_page)
    for text in (as_admin.get("/admin/users").text, user_page, audit_log, file):
        assert "arker" not in text
        assert "5550199" not in text
    assert batch_id in audit_log
    assert batch_id in file
    assert as_admin.get(f"/batches/{batch_id}").status_code == 404
