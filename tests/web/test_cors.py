"""CORS: the origins of CORS_ORIGINS may call the API from a browser, and none may send credentials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.config import SettingError, parse_origins
from portal.web import cors

APP = "https://app.example.com"
PREFLIGHT = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization"}
PATH = f"/api/call/batch/{'0' * 24}"


@pytest.fixture
def client_of() -> Callable[[str], FlaskClient]:
    """Return a function that returns a client of an app with these CORS_ORIGINS, with a call of the API and a page."""

    def make(origins: str) -> FlaskClient:
        app = Flask(__name__)
        app.config["CORS_ORIGINS"] = parse_origins("CORS_ORIGINS", origins)
        cors.init_app(app)
        app.add_url_rule(PATH, "call", dict, methods=["PATCH"])
        app.add_url_rule("/page", "page", lambda: "page")
        return app.test_client()

    return make


def cors_headers(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers if name.startswith("Access-Control-")}


def test_no_origin_is_allowed_by_default(client_of: Callable) -> None:
    client = client_of("")
    for answer in (
        client.options(PATH, headers={"Origin": APP, **PREFLIGHT}),
        client.get("/api/nowhere", headers={"Origin": APP}),
    ):
        assert not cors_headers(answer)
        assert "Origin" not in answer.headers.get("Vary", "")


def test_a_preflight_lists_methods_and_headers(client_of: Callable) -> None:
    answer = client_of(f"http://localhost:3000, {APP}").options(PATH, headers={"Origin": APP, **PREFLIGHT})
    assert (answer.status_code, answer.data) == (204, b"")
    headers = cors_headers(answer)
    assert headers["Access-Control-Allow-Origin"] == APP
    assert {"GET", "POST", "PATCH", "DELETE"} <= set(headers["Access-Control-Allow-Methods"].split(", "))
    allowed = set(headers["Access-Control-Allow-Headers"].split(", "))
    assert {"Authorization", "X-Api-Key", "Content-Type", "If-None-Match", "Idempotency-Key"} <= allowed
    assert "Access-Control-Allow-Credentials" not in headers
    assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("method", "path", "code"), [("PATCH", PATH, 200), ("GET", "/api/nowhere", 404), ("PUT", PATH, 405)]
)
def test_answers_and_errors_can_be_read(client_of: Callable, method: str, path: str, code: int) -> None:
    answer = client_of(APP).open(path, method=method, headers={"Origin": APP})
    assert answer.status_code == code
    headers = cors_headers(answer)
    assert headers["Access-Control-Allow-Origin"] == APP
    exposed = set(headers["Access-Control-Expose-Headers"].split(", "))
    assert {"ETag", "Link", "X-Request-Id", "RateLimit", "RateLimit-Policy", "Retry-After"} <= exposed
    assert "Access-Control-Allow-Credentials" not in headers


@pytest.mark.parametrize("origin", ["https://evil.example.com", f"{APP}.evil.example", f"{APP}:8443", "null", ""])
def test_other_origins_are_not_allowed(client_of: Callable, origin: str) -> None:
    client = client_of(APP)
    for answer in (
        client.options(PATH, headers={"Origin": origin, **PREFLIGHT}),
        client.get("/api/nowhere", headers={"Origin": origin}),
    ):
        assert not cors_headers(answer)
        assert "Origin" in answer.headers["Vary"]


def test_pages_have_no_cors_headers(client_of: Callable) -> None:
    for path in ("/page", "/nowhere"):
        assert not cors_headers(client_of(f"{APP},*").get(path, headers={"Origin": APP}))


def test_a_star_allows_any_origin(client_of: Callable) -> None:
    answer = client_of("*").get("/api/nowhere", headers={"Origin": "https://anything.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("origins", ["app.example.com", f"{APP}/", f"{APP}/path", "https://*.example.com", "ftp://a"])
def test_an_invalid_origin_is_refused(client_of: Callable, origins: str) -> None:
    with pytest.raises(SettingError, match="CORS_ORIGINS must be origins"):
        client_of(origins)


def test_origins_are_read_as_browsers_write_them(client_of: Callable) -> None:
    client = client_of("HTTPS://App.Example.com:443")
    assert client.get("/api/nowhere", headers={"Origin": APP}).headers["Access-Control-Allow-Origin"] == APP
