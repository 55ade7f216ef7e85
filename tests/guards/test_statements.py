"""The number of statements per request. More than these would mean that a list executes statements per row."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.models import Scope, User
from tests.support.builders import Builder
from tests.support.caches import clear_query_caches
from tests.support.sessions import sign_in
from tests.support.statements import record_statements

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def many_batches(build: Builder, owner: User) -> None:
    """More than two pages of batches."""
    for number in range(25):
        build.create_batch(owner, f"Round {number}", status="active" if number % 2 else "completed")
    build.create_batch(owner, "Round deleted", deleted=True)


@pytest.fixture
def cold_caches(api: Callable) -> None:
    """Clear the caches, except that of the index of names."""
    api("?search=index")
    clear_query_caches()


@pytest.mark.parametrize(
    ("query", "maximum"),
    [
        ("", 2),
        ("?page=3&limit=10", 2),
        ("?sortBy=batchName&sortOrder=asc", 2),
        ("?status=active", 2),
        ("?status=active,completed", 2),
        ("?search=round", 3),
        ("?search=ro", 3),
        ("?search=nowhere", 3),
        ("?search=act", 4),
        ("?deleted=include", 3),
        ("?deleted=only&search=round", 3),
        ("?createdFrom=2025-05-01", 5),
        ("?createdFrom=2025-05-01&search=round&status=active", 7),
    ],
)
def test_the_list_as_json(app: Flask, api: Callable, cold_caches: None, query: str, maximum: int) -> None:
    api()  # records the token's use
    with record_statements(app) as executed:
        assert api(query).status_code == 200
    assert len(executed) <= maximum, executed
    with record_statements(app) as second_statements:
        api(query)
    assert len(second_statements) <= 2, "counts are cached while nothing changes"


def test_a_304_needs_one_statement(app: Flask, api: Callable) -> None:
    for query in ("", "?search=round&status=active"):
        tag = api(query).headers["ETag"]
        with record_statements(app) as executed:
            assert api(query, headers={"If-None-Match": tag}).status_code == 304
        assert len(executed) == 1


@pytest.mark.usefixtures("one_minute")
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
@pytest.mark.parametrize(("query", "maximum"), [("", 2), ("?page=3", 2), ("?search=round", 4), ("?search=nowhere", 3)])
def test_the_list_as_a_page(
    app: Flask, signed_in: FlaskClient, cold_caches: None, headers: dict, query: str, maximum: int
) -> None:
    signed_in.get("/login")
    with record_statements(app) as executed:
        response = signed_in.get(f"/batches{query}", headers=headers)
    assert response.status_code == 200
    assert len(executed) <= maximum, executed
    tag = signed_in.get(f"/batches{query}", headers=headers).headers["ETag"]
    with record_statements(app) as executed:
        assert signed_in.get(f"/batches{query}", headers={**headers, "If-None-Match": tag}).status_code == 304
    assert len(executed) == 1


def test_requests_without_an_account_need_no_statement(app: Flask, client: FlaskClient, owner: User) -> None:
    with record_statements(app) as executed:
        assert client.get("/batches").status_code == 303
        assert client.get("/login").status_code == 200
        assert client.get("/nowhere").status_code == 404
        for headers in ({}, {"Authorization": "Bearer nonsense"}, {"X-Api-Key": "bp_" + "0" * 24}):
            assert client.get(f"/api/call/batches/{owner.id}", headers=headers).status_code == 401
    assert executed == []


def test_a_refused_request_only_finds_its_user(app: Flask, api: Callable, stranger: User) -> None:
    api()
    with record_statements(app) as executed:
        assert api("?limit=0").status_code == 400
        assert api(user_id="nonsense").status_code == 400
        assert api(user_id=stranger.id).status_code == 403
    assert len(executed) == 3


def test_a_page_of_tokens_needs_a_constant_number(
    app: Flask, signed_in: FlaskClient, build: Builder, owner: User
) -> None:
    def count_statements() -> int:
        with record_statements(app) as executed:
            assert signed_in.get("/settings/tokens").status_code == 200
        return len(executed)

    before = count_statements()
    for _ in range(5):
        build.create_token(owner)
    assert count_statements() == before <= 2


def test_a_batch_with_its_calls(app: Flask, signed_in: FlaskClient, build: Builder, owner: User) -> None:
    batch = build.create_batch(owner, total_calls=40)
    for _ in range(40):
        build.create_call(batch)
    with record_statements(app) as executed:
        assert signed_in.get(f"/batches/{batch.id}").status_code == 200
    assert len(executed) <= 7, executed  # two look ahead before the start: suppressed contacts and time zones
    build.change(batch, calls_called=1, calls_picked=1)
    build.create_call(batch, status="dropped", last_event_at=1)
    with record_statements(app) as executed:
        assert signed_in.get(f"/batches/{batch.id}?search=55501").status_code == 200
    assert len(executed) <= 14, executed  # a search reads matches first; panel and chart read kept counts


def test_admin_pages_need_a_constant_number(app: Flask, build: Builder, owner: User) -> None:
    build.change(owner, is_admin=True)
    browser = sign_in(app, owner)
    others = [build.create_user(f"user{number}") for number in range(5)]
    for other in others:
        token = build.create_token(other, Scope.WRITE)
        body = {"batchName": "Filled", "callingNumbers": ["+12025550100"]}
        headers = {"Authorization": f"Bearer {token}"}
        assert app.test_client().post("/api/call/createBatch", json=body, headers=headers).status_code == 201
    for path, maximum in (
        ("/admin/users", 3),
        ("/admin/users?search=user", 3),
        (f"/admin/users/{others[0].id}", 5),
        ("/admin/trail", 3),
        (f"/admin/trail?user={others[0].id}", 4),
        ("/admin/trail?what=created", 2),
    ):
        with record_statements(app) as executed:
            assert browser.get(path).status_code == 200
        assert len(executed) <= maximum, (path, executed)
