"""Security headers, host names and trusted proxies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, request, url_for
from flask.testing import FlaskClient

from portal import create_app
from portal.config import SettingError
from tests.conftest import sign_in
from tests.support.databases import SECRET_KEY

PAGES = ("/login", "/batches", "/nowhere", "/logout", "/batches/nonsense", "/static/nothing", "/login?" + "a" * 8001)
PROXY = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "portal.example.com"}


@pytest.fixture
def make_app_from(tmp_path: Path) -> Callable[..., Flask]:
    """Return a factory of apps from environment variables; these tests need no database."""

    def make(**environ: str) -> Flask:
        variables = {
            "DATABASE_URL": f"sqlite:///{tmp_path}/none.db",
            "SECRET_KEY": SECRET_KEY,
            **environ,
        }
        return create_app(environ={"INSTANCE_DIR": str(tmp_path), **variables})

    return make


@pytest.mark.parametrize("address", PAGES)
def test_every_page_and_error_page_has_a_security_policy(
    client: FlaskClient, signed_in: FlaskClient, address: str
) -> None:
    for answer in (client.get(address), signed_in.get(address)):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in answer.headers


@pytest.mark.parametrize(
    ("environ", "base_url", "headers", "is_secure"),
    [
        ({}, "http://localhost", {}, False),
        ({}, "https://localhost", {}, True),
        ({}, "http://localhost", PROXY, False),  # no proxy is trusted
        ({"PROXIES": "1"}, "http://localhost", PROXY, True),
        ({"PROXIES": "1"}, "http://localhost", PROXY | {"X-Forwarded-Proto": "http"}, False),
        ({"SESSION_COOKIE_SECURE": "true"}, "http://localhost", {}, True),
        ({"SESSION_COOKIE_SECURE": "false"}, "https://localhost", {}, False),
    ],
)
def test_secure_cookies_follow_https_and_are_bound_to_the_host(
    make_app_from: Callable, environ: dict[str, str], base_url: str, headers: dict[str, str], is_secure: bool
) -> None:
    answer = make_app_from(**environ).test_client().get("/login", base_url=base_url, headers=headers)
    name, *attributes = answer.headers["Set-Cookie"].split("; ")
    if not is_secure:
        assert name.startswith("session=")
        assert "Secure" not in attributes
        return
    assert name.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(attributes)
    assert not [attribute for attribute in attributes if attribute.startswith("Domain")]


def test_a_session_works_with_the_host_prefix(app: Flask, owner: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "SESSION_COOKIE_SECURE", True)
    assert sign_in(app, owner).get("/batches").status_code == 200


def test_strict_transport_security_follows_https(make_app_from: Callable) -> None:
    client = make_app_from(PROXIES="1").test_client()
    for address in ("/login", "/nowhere", "/api/nowhere", "/api/docs"):
        value = client.get(address, headers=PROXY).headers["Strict-Transport-Security"]
        assert value == "max-age=31536000; includeSubDomains"
        assert "Strict-Transport-Security" not in client.get(address).headers
    off = make_app_from(STRICT_TRANSPORT_SECONDS="0").test_client().get("/login", base_url="https://localhost")
    assert "Strict-Transport-Security" not in off.headers


@pytest.mark.parametrize(
    "address", ["/login", "/nowhere", "/api/nowhere", "/api/docs", "/api/openapi.json", "/healthz"]
)
def test_every_response_is_limited_to_its_origin(client: FlaskClient, address: str) -> None:
    headers = client.get(address).headers
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] in ("same-origin", "no-referrer")


def test_an_unknown_host_is_rejected_as_page_or_json(make_app_from: Callable) -> None:
    client = make_app_from(TRUSTED_HOSTS="portal.example.com, .example.org").test_client()
    for host in ("portal.example.com", "portal.example.com:8443", "a.example.org"):
        assert client.get("/login", headers={"Host": host}).status_code == 200
    for host in (
        "evil.example.net",
        "portal.example.com.evil.example.net",
        "127.0.0.1",
        "a b",
        "evil@portal.example.com",
    ):
        page = client.get("/login", headers={"Host": host})
        assert (page.status_code, "Host must be a host name of the portal" in page.text) == (400, True), host
        api = client.get("/api/nowhere", headers={"Host": host})
        assert (api.status_code, api.json["errorMessage"]) == (400, "Host must be a host name of the portal")
        assert "Content-Security-Policy" in page.headers
        assert "evil" not in page.text + api.text
        assert client.get("/healthz", headers={"Host": host}).status_code == 200
    assert make_app_from().test_client().get("/login", headers={"Host": "any.example.net"}).status_code == 200


@pytest.mark.parametrize("value", ["https://portal.example.com", "a b", "pörtal.example"])
def test_invalid_host_names_are_rejected_at_startup(make_app_from: Callable, value: str) -> None:
    with pytest.raises(SettingError, match="TRUSTED_HOSTS"):
        make_app_from(TRUSTED_HOSTS=value)


@pytest.mark.parametrize(
    ("proxies", "sent", "expected"),
    [
        ("0", PROXY, ("127.0.0.1", "http://localhost/login")),
        ("1", PROXY, ("192.0.2.7", "https://portal.example.com/login")),
        # A client can forge everything before the entry that the trusted proxy adds.
        (
            "1",
            PROXY | {"X-Forwarded-For": "198.51.100.1, 192.0.2.7"},
            ("192.0.2.7", "https://portal.example.com/login"),
        ),
        ("2", {"X-Forwarded-For": "198.51.100.1, 192.0.2.7"}, ("198.51.100.1", "http://localhost/login")),
    ],
)
def test_forwarded_headers_are_trusted_for_the_configured_proxies(
    make_app_from: Callable, proxies: str, sent: dict[str, str], expected: tuple[str, str]
) -> None:
    app, seen = make_app_from(PROXIES=proxies), []
    app.before_request(lambda: seen.append((request.remote_addr, url_for("accounts.sign_in", _external=True))))
    app.test_client().get("/login", headers=sent)
    assert seen == [expected]
