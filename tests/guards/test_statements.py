"""The number of SQL statements per request, which must not grow with the number of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from portal.extensions import db
from portal.models import Scope, User
from tests.conftest import sign_in
from tests.support.builders import Builder
from tests.support.caches import REMEMBERED

HTMX = {"HX-Request": "true"}


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """Collect the executed statements, without transaction statements."""
    executed: list[str] = []

    def collect(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.split()[0] not in ("BEGIN", "COMMIT", "ROLLBACK"):
            executed.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", collect)
    try:
        yield executed
    finally:
        event.remove(engine, "before_cursor_execute", collect)


@pytest.fixture(autouse=True)
def many_batches(build: Builder, owner: User) -> None:
    """Create more than two pages of batches."""
    for number in range(25):
        build.create_batch(owner, f"Round {number}", status="active" if number % 2 else "completed")


@pytest.fixture
def clear_caches(api: Callable) -> None:
    """Clear cached counts, but not whether a name index exists."""
    api("?search=index")
    for cached in REMEMBERED:
        cached.cache_clear()


@pytest.mark.parametrize(
    ("query", "most"),
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
        ("?createdFrom=2025-05-01", 5),
        ("?createdFrom=2025-05-01&search=round&status=active", 7),
    ],
)
def test_the_list_api(app: Flask, api: Callable, clear_caches: None, query: str, most: int) -> None:
    api()  # records the use of the token
    with statements(app) as executed:
        assert api(query).status_code == 200
    assert len(executed) <= most, executed
    with statements(app) as executed_again:
        api(query)
    assert len(executed_again) <= 2, "counts are cached while the list does not change"


def test_an_unchanged_list_costs_one_statement(app: Flask, api: Callable) -> None:
    for query in ("", "?search=round&status=active"):
        tag = api(query).headers["ETag"]
        with statements(app) as executed:
            assert api(query, headers={"If-None-Match": tag}).status_code == 304
        assert len(executed) == 1


@pytest.mark.usefixtures("one_minute")
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
@pytest.mark.parametrize(("query", "most"), [("", 2), ("?page=3", 2), ("?search=round", 4), ("?search=nowhere", 3)])
def test_the_list_page(
    app: Flask, signed_in: FlaskClient, clear_caches: None, headers: dict, query: str, most: int
) -> None:
    signed_in.get("/login")
    with statements(app) as executed:
        answer = signed_in.get(f"/batches{query}", headers=headers)
    assert answer.status_code == 200
    assert len(executed) <= most, executed
    tag = signed_in.get(f"/batches{query}", headers=headers).headers["ETag"]
    with statements(app) as executed:
        assert signed_in.get(f"/batches{query}", headers={**headers, "If-None-Match": tag}).status_code == 304
    assert len(executed) == 1


def test_anonymous_requests_cost_no_statements(app: Flask, client: FlaskClient, owner: User) -> None:
    with statements(app) as executed:
        assert client.get("/batches").status_code == 303
        assert client.get("/login").status_code == 200
        assert client.get("/nowhere").status_code == 404
        for headers in ({}, {"Authorization": "Bearer nonsense"}, {"X-Api-Key": "bp_" + "0" * 24}):
            assert client.get(f"/api/call/batches/{owner.id}", headers=headers).status_code == 401
    assert executed == []


def test_refused_requests_cost_only_the_authentication(app: Flask, api: Callable, stranger: User) -> None:
    api()
    with statements(app) as executed:
        assert api("?limit=0").status_code == 400
        assert api(user_id="nonsense").status_code == 400
        assert api(user_id=stranger.id).status_code == 403
    assert len(executed) == 3


def test_the_tokens_page_costs_the_same_for_any_number_of_tokens(
    app: Flask, signed_in: FlaskClient, build: Builder, owner: User
) -> None:
    def cost() -> int:
        with statements(app) as executed:
            assert signed_in.get("/settings/tokens").status_code == 200
        return len(executed)

    few = cost()
    for _ in range(5):
        build.create_token(owner)
    assert cost() == few <= 2


def test_the_batch_page(app: Flask, signed_in: FlaskClient, build: Builder, owner: User) -> None:
    batch = build.create_batch(owner, total_calls=40)
    for _ in range(40):
        build.create_call(batch)
    with statements(app) as executed:
        assert signed_in.get(f"/batches/{batch.id}").status_code == 200
    assert len(executed) <= 5, executed
    build.change(batch, calls_called=1, calls_picked=1)
    build.create_call(batch, status="dropped", last_event_at=1)
    with statements(app) as executed:
        assert signed_in.get(f"/batches/{batch.id}?search=55501").status_code == 200
    assert len(executed) <= 8, executed


def test_the_admin_pages_cost_the_same_for_any_number_of_users(app: Flask, build: Builder, owner: User) -> None:
    build.change(owner, is_admin=True)
    browser = sign_in(app, owner)
    others = [build.create_user(f"user{number}") for number in range(5)]
    for other in others:
        token = build.create_token(other, Scope.WRITE)
        given = {"batchName": "Filled", "callingNumbers": ["+12025550100"]}
        headers = {"Authorization": f"Bearer {token}"}
        assert app.test_client().post("/api/call/createBatch", json=given, headers=headers).status_code == 201
    for path, most in (
        ("/admin/users", 3),
        ("/admin/users?search=user", 3),
        (f"/admin/users/{others[0].id}", 4),
        ("/admin/trail", 3),
        (f"/admin/trail?user={others[0].id}", 4),
        ("/admin/trail?what=created", 2),
    ):
        with statements(app) as executed:
            assert browser.get(path).status_code == 200
        assert len(executed) <= most, (path, executed)
