"""What a browser is told beside each answer, and what a proxy in front is believed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask, request, url_for
from flask.testing import FlaskClient

from portal import create_app
from portal.config import SettingError
from tests.conftest import sign_in

PAGES = ("/login", "/batches", "/nowhere", "/logout", "/batches/nonsense", "/static/nothing", "/login?" + "a" * 8001)
PROXY = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "portal.example.com"}


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Flask]:
    """Makes an app by what stands in its environment; no page that is asked of it here needs the database."""

    def make(**environ: str) -> Flask:
        given = {"DATABASE_URL": f"sqlite:///{tmp_path}/none.db", "SECRET_KEY": "only for tests", **environ}
        return create_app(environ={"INSTANCE_DIR": str(tmp_path), **given})

    return make


@pytest.mark.parametrize("address", PAGES)
def test_every_page_has_its_policy_errors_too(client: FlaskClient, signed_in: FlaskClient, address: str) -> None:
    for answer in (client.get(address), signed_in.get(address)):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in answer.headers


def test_where_browsers_come_by_https_cookies_are_bound_to_the_host(made: Callable) -> None:
    plain = made().test_client().get("/login")
    assert plain.headers["Set-Cookie"].startswith("session=")
    assert "Secure" not in plain.headers["Set-Cookie"]
    secure = made(SESSION_COOKIE_SECURE="true").test_client().get("/login", base_url="https://localhost")
    name, *attributes = secure.headers["Set-Cookie"].split("; ")
    assert name.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(attributes)
    assert not [one for one in attributes if one.startswith("Domain")]


def test_a_session_lasts_under_that_name(app: Flask, owner: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "SESSION_COOKIE_NAME", "__Host-session")
    assert sign_in(app, owner).get("/batches").status_code == 200


def test_strict_transport_is_told_where_it_is_asked_for(made: Callable) -> None:
    client = made(STRICT_TRANSPORT_SECONDS="31536000").test_client()
    for address in ("/login", "/nowhere", "/api/nowhere", "/api/docs"):
        assert client.get(address).headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_name_that_is_not_ours_is_refused_in_the_right_form(made: Callable) -> None:
    client = made(TRUSTED_HOSTS="portal.example.com, .example.org").test_client()
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
        program = client.get("/api/nowhere", headers={"Host": host})
        assert (program.status_code, program.json["errorMessage"]) == (400, "Host must be a host name of the portal")
        assert "Content-Security-Policy" in page.headers
        assert "evil" not in page.text + program.text
        assert client.get("/healthz", headers={"Host": host}).status_code == 200
    assert made().test_client().get("/login", headers={"Host": "any.example.net"}).status_code == 200


@pytest.mark.parametrize("value", ["https://portal.example.com", "a b", "pörtal.example"])
def test_names_that_are_none_are_refused_at_the_start(made: Callable, value: str) -> None:
    with pytest.raises(SettingError, match="TRUSTED_HOSTS"):
        made(TRUSTED_HOSTS=value)


@pytest.mark.parametrize(
    ("proxies", "sent", "expected"),
    [
        ("0", PROXY, ("127.0.0.1", "http://localhost/login")),
        ("1", PROXY, ("192.0.2.7", "https://portal.example.com/login")),
        # Whoever comes through one proxy can write what stands before the proxy's own word.
        (
            "1",
            PROXY | {"X-Forwarded-For": "198.51.100.1, 192.0.2.7"},
            ("192.0.2.7", "https://portal.example.com/login"),
        ),
        ("2", {"X-Forwarded-For": "198.51.100.1, 192.0.2.7"}, ("198.51.100.1", "http://localhost/login")),
    ],
)
def test_a_proxy_is_believed_as_far_as_is_set(
    made: Callable, proxies: str, sent: dict[str, str], expected: tuple[str, str]
) -> None:
    app, seen = made(PROXIES=proxies), []
    app.before_request(lambda: seen.append((request.remote_addr, url_for("accounts.sign_in", _external=True))))
    app.test_client().get("/login", headers=sent)
    assert seen == [expected]
