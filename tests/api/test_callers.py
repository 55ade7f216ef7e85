"""Authentication, in the contract's order (section 2), and the error body (section 3)."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from portal.accounts.query import list_tokens
from portal.extensions import db
from portal.models import Scope, User
from portal.times import now_ms
from tests.conftest import sign_in
from tests.support.builders import Builder


def list_address(user: User) -> str:
    return f"/api/call/batches/{user.id}"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def assert_refused(answer: TestResponse, code: int, message: str, sentence: str) -> None:
    assert answer.status_code == code
    assert list(answer.json) == ["message", "status", "code", "errorMessage", "data"]
    assert answer.json["message"] == message
    assert answer.json["status"] is False
    assert answer.json["code"] == code
    assert sentence in answer.json["errorMessage"]
    assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic b3duZXI6b3duZXI="},
        bearer("nonsense"),
        bearer("bp_64e5f12345abcdef98765432_" + "A" * 43),
        bearer("bp_" + "0" * 24 + "_" + "é" * 43),
        {"X-Api-Key": "nonsense"},
    ],
)
def test_an_invalid_token_is_401(client: FlaskClient, build: Builder, owner: User, headers: dict[str, str]) -> None:
    build.create_batch(owner)
    answer = client.get(list_address(owner), headers=headers)
    assert_refused(answer, 401, "Unauthorized", "token")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("state", ["revoked", "expired", "disabled", "wrong secret"])
def test_an_expired_or_revoked_token_is_also_401(client: FlaskClient, build: Builder, owner: User, state: str) -> None:
    changes = {"revoked": {"revoked_at": now_ms()}, "expired": {"expires_at": now_ms() - 1}}.get(state, {})
    token = build.create_token(owner, **changes)
    if state == "disabled":
        build.change(owner, disabled_at=now_ms())
    if state == "wrong secret":
        token = token[:-1] + ("A" if token[-1] != "A" else "B")
    answer = client.get(list_address(owner), headers=bearer(token))
    assert answer.json == client.get(list_address(owner)).json
    assert answer.status_code == 401


def test_both_token_headers_are_accepted(client: FlaskClient, build: Builder, owner: User) -> None:
    build.create_batch(owner)
    token = build.create_token(owner, expires_at=now_ms() + 60_000)
    for headers in (bearer(token), {"Authorization": f"bearer {token}"}, {"x-api-key": token}):
        assert client.get(list_address(owner), headers=headers).status_code == 200


def test_checks_run_in_the_order_of_the_contract(
    client: FlaskClient, build: Builder, owner: User, stranger: User
) -> None:
    token = build.create_token(owner)
    writer = build.create_token(owner, Scope.WRITE)
    assert client.get("/api/call/batches/nonsense?limit=0").status_code == 401
    assert_refused(
        client.get("/api/call/batches/nonsense?limit=0", headers=bearer(token)), 400, "Bad Request", "userId"
    )
    assert client.get(f"{list_address(stranger)}?limit=0", headers=bearer(token)).status_code == 403
    assert_refused(client.get(f"{list_address(owner)}?limit=0", headers=bearer(writer)), 403, "Forbidden", "scope read")
    assert_refused(client.get(f"{list_address(owner)}?limit=0", headers=bearer(token)), 400, "Bad Request", "limit")
    assert client.get(list_address(owner), headers=bearer(token)).status_code == 404


@pytest.mark.parametrize("user_id", ["0", "g" * 24, "0" * 23, "0" * 25, "64e5f12345abcdef9876543%32", "٣" * 24, "%00"])
def test_an_id_that_is_not_24_hex_is_400(client: FlaskClient, build: Builder, owner: User, user_id: str) -> None:
    answer = client.get(f"/api/call/batches/{user_id}", headers=bearer(build.create_token(owner)))
    expected = 403 if user_id.endswith("%32") else 400  # %32 is a 2: a well-formed id of another user
    assert answer.status_code == expected


def test_another_users_id_is_403_even_if_it_does_not_exist(
    client: FlaskClient, build: Builder, owner: User, stranger: User
) -> None:
    headers = bearer(build.create_token(owner))
    build.create_batch(stranger, "secret name")
    of_stranger = client.get(list_address(stranger), headers=headers)
    of_unknown = client.get(f"/api/call/batches/{'0' * 24}", headers=headers)
    assert of_stranger.status_code == of_unknown.status_code == 403
    assert of_stranger.json == of_unknown.json


def test_the_api_ignores_session_cookies(app: Flask, build: Builder, owner: User) -> None:
    build.create_batch(owner)
    client = sign_in(app, owner)
    assert client.get("/batches").status_code == 200
    answer = client.get(list_address(owner))
    assert answer.status_code == 401
    assert "Cookie" not in answer.headers.get("Vary", "")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/api", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/call", 404),
        ("GET", "/api/call/batches", 404),
        ("GET", "/api/call/batches/", 404),
        ("GET", "/api//call/batches/64e5f12345abcdef98765432", 404),
        ("POST", "/api/call//createBatch", 404),
        ("POST", "/api/call/createBatch/", 404),
        ("TRACE", "/api/call/createBatch", 405),
        ("GET", "/api/nothing/here?x=1", 404),
        ("POST", "/api/nothing", 404),
        ("POST", "/api/call/batches/64e5f12345abcdef98765432", 405),
        ("DELETE", "/api/call/batches/64e5f12345abcdef98765432", 405),
    ],
)
def test_unknown_routes_and_methods_are_in_the_envelope(client: FlaskClient, method: str, path: str, code: int) -> None:
    answer = client.open(path, method=method)
    assert_refused(answer, code, {404: "Not Found", 405: "Method Not Allowed"}[code], "")
    assert answer.json["errorMessage"]
    assert (code == 405) == ("Allow" in answer.headers)


def test_a_path_that_starts_with_two_slashes_is_in_the_envelope(client: FlaskClient) -> None:
    for path, code, message in (("nowhere", 404, "Not Found"), ("call/createBatch", 405, "Method Not Allowed")):
        answer = client.get("/", environ_overrides={"PATH_INFO": f"//api/{path}"})
        assert_refused(answer, code, message, "")


def test_options_lists_the_methods_without_a_body(client: FlaskClient) -> None:
    answer = client.options("/api/call/createBatch?x=1")
    assert (answer.status_code, answer.data) == (204, b"")
    assert "Content-Type" not in answer.headers
    assert set(answer.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


def test_an_internal_error_reveals_no_details(
    api: Callable, build: Builder, owner: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("SELECT secret FROM somewhere")

    monkeypatch.setattr("portal.batches.query.fetch_page", broken)
    answer = api()
    assert_refused(answer, 500, "Internal Server Error", "Failed to fetch batch data; retry or contact support")
    assert "SELECT" not in answer.text
    assert "SELECT secret" in caplog.text


def test_an_unavailable_database_is_503_with_retry_after(
    client: FlaskClient, app: Flask, build: Builder, owner: User
) -> None:
    token = build.create_token(owner)

    def refuse(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", refuse)
    try:
        answer = client.get(list_address(owner), headers=bearer(token))
    finally:
        with app.app_context():
            event.remove(db.engine, "before_cursor_execute", refuse)
    assert_refused(answer, 503, "Service Unavailable", "retry")
    assert int(answer.headers["Retry-After"]) > 0


@pytest.mark.parametrize("sent", ["abc-123", "A" * 64, "req:1.2_3"])
def test_a_valid_request_id_is_used_and_logged(client: FlaskClient, sent: str, request_lines: list[str]) -> None:
    answer = client.get("/api/nothing", headers={"X-Request-Id": sent})
    assert answer.headers["X-Request-Id"] == sent
    assert [json.loads(line)["id"] for line in request_lines] == [sent]


@pytest.mark.parametrize("sent", ["", "a b", "A" * 65, "<script>", "é", "-", 'a"b'])
def test_an_invalid_request_id_is_replaced(client: FlaskClient, sent: str) -> None:
    answer = client.get("/api/nothing", headers={"X-Request-Id": sent})
    assert answer.headers["X-Request-Id"] not in ("", sent)


def test_logs_hold_no_search_and_no_token(
    client: FlaskClient, build: Builder, owner: User, caplog: pytest.LogCaptureFixture, request_lines: list[str]
) -> None:
    token = build.create_token(owner)
    with caplog.at_level("DEBUG"):
        client.get(f"{list_address(owner)}?search=%2B12015550123", headers=bearer(token))
        client.get("/batches?search=%2B12015550123")
    assert len(request_lines) == 2
    logged = caplog.text + "".join(request_lines)
    assert "2015550123" not in logged
    assert token.split("_", 2)[2] not in logged  # the secret; its own letters may hold an underscore


def test_last_use_is_stored_at_most_once_a_minute(client: FlaskClient, app: Flask, build: Builder, owner: User) -> None:
    token = build.create_token(owner)

    def last_use() -> int | None:
        with app.app_context():
            return list_tokens(owner.key)[0].last_used_at

    assert last_use() is None
    client.get(list_address(owner), headers=bearer(token))
    first = last_use()
    assert first is not None
    client.get(list_address(owner), headers=bearer(token))
    assert last_use() == first
    with app.app_context():
        build.change(list_tokens(owner.key)[0], last_used_at=first - 61_000)
    client.get(list_address(owner), headers=bearer(token))
    assert last_use() > first - 61_000
