"""Rules for every page: headers, error messages, and no inline code."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import UndefinedError
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from portal.models import User
from portal.version import ROOT
from tests.support.builders import Builder
from tests.support.pages import HTMX, send_form

# Every page by its rule. {id} is a batch of the owner, {user} is another user. Add new pages here.
PAGES = {
    "/": "/",
    "/login": "/login?next=/settings/tokens",
    "/login/code": "/login/code",
    "/login/provider": "/login/provider",
    "/login/provider/back": "/login/provider/back?error=access_denied",
    "/login/provider/confirm": "/login/provider/confirm",
    "/login/provider/link": "/login/provider/link",
    "/batches": "/batches?search=round&status=active&limit=5",
    "/batches/<batch_id>": "/batches/{id}",
    "/batches/<batch_id>/changes": "/batches/{id}/changes",
    "/batches/<batch_id>/rename": "/batches/{id}/rename",
    "/batches/<batch_id>/duplicate": "/batches/{id}/duplicate",
    "/batches/confirm": "/batches/confirm?do=delete&id={id}",
    "/batches/trash": "/batches/trash",
    "/batches/new": "/batches/new",
    "/batches/new/<upload_id>": "/batches/new/{upload}",
    "/settings/tokens": "/settings/tokens",
    "/settings/account": "/settings/account",
    "/settings/confirm": "/settings/confirm",
    "/settings/password": "/settings/password",
    "/settings/second-factor": "/settings/second-factor",
    "/admin": "/admin",
    "/admin/users": "/admin/users?search=e&show=active&limit=5",
    "/admin/users/new": "/admin/users/new",
    "/admin/users/<user_id>": "/admin/users/{user}",
    "/admin/trail": "/admin/trail?user={user}&what=added",
    "/api/docs": "/api/docs",
}
OTHER_ROUTES = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/static/<path:filename>",
    "/api/openapi.json",
    "/api/call/batches/<user_id>",
    "/api/call/batch-details/<batch_id>",
    "/api/call/export/csv",
    "/batches/export.<any(csv, xlsx):kind>",
    "/batches/<batch_id>/calls.<any(csv, xlsx):kind>",
    "/batches/new/<upload_id>/wrong.<any(csv, xlsx):kind>",
    "/admin/trail/export.csv",
}
ERROR_PAGES = (
    "/batches?limit=0",
    "/batches/nonsense",
    "/batches/{id}?page=x",
    "/nowhere",
    "/logout",
    "/admin/trail?what=x",
)

HANDLER = re.compile(r"on[a-z]+|hx-on.*|hx-vals|hx-headers|style|srcdoc")


class InlineCodeFinder(HTMLParser):
    """Finds code that a strict Content-Security-Policy blocks, and URLs of other origins."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "style" or (tag == "script" and not given.get("src")):
            self.found.append(tag)
        for name, value in given.items():
            if HANDLER.fullmatch(name) or re.match(r"\s*(javascript|data|https?):|//", value or "", re.IGNORECASE):
                self.found.append(f"{tag} {name}={value}")
            if name == "hx-trigger" and "[" in (value or ""):
                self.found.append(f"{tag} {name}={value}: a filter, which is evaluated")


def find_inline_code(html: str) -> list[str]:
    finder = InlineCodeFinder()
    finder.feed(html)
    return finder.found


@pytest.fixture
def open_page(signed_in: FlaskClient, build: Builder, owner: User, stranger: User) -> Callable[..., TestResponse]:
    """Return a function that opens an address as the owner, an admin with batches, a call and two tokens."""
    build.change(owner, is_admin=True)
    batches = [build.create_batch(owner, f"Round {number}", status="active", total_calls=1) for number in range(6)]
    build.create_call(batches[0], fields={"<b>": "<script>alert(1)</script>"}, status="dropped", last_event_at=1)
    build.change(batches[0], calls_called=1, calls_picked=1)
    build.create_batch(owner, "<script>gone</script>", deleted=True)
    upload = build.create_upload(owner, b"phoneNumber,<b>\n+12025550101,<script>alert(1)</script>\nx,<style>\n")
    build.create_token(owner)
    build.create_token(owner, expires_at=1)

    def open_page(address: str, client: FlaskClient = signed_in, **options: object) -> TestResponse:
        for name, value in {"{id}": batches[0].id, "{upload}": upload, "{user}": stranger.id}.items():
            address = address.replace(name, value)
        return client.get(address, **options)

    return open_page


def test_every_page_is_listed_here(app: Flask) -> None:
    rules = {rule.rule for rule in app.url_map.iter_rules() if "GET" in rule.methods}
    assert rules == PAGES.keys() | OTHER_ROUTES


@pytest.mark.parametrize(
    "html",
    [
        "<script>x</script>",
        "<style></style>",
        '<p style="color: red">',
        "<a href='javascript:x'>",
        "<a ONCLICK=x>",
        "<i hx-on:click=x>",
        "<img src=//elsewhere.example>",
        "<i hx-trigger='keyup[key]'>",
    ],
)
def test_the_finder_finds_inline_code(html: str) -> None:
    assert find_inline_code(html)


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
@pytest.mark.parametrize("address", [*PAGES.values(), *ERROR_PAGES])
def test_no_page_has_inline_code_or_other_origins(
    open_page: Callable, client: FlaskClient, address: str, headers: dict
) -> None:
    for answer in (open_page(address, headers=headers), open_page(address, client, headers=headers)):
        assert answer.status_code < 500
        assert find_inline_code(answer.text) == []
        if "HX-Redirect" not in answer.headers:
            assert answer.mimetype == "text/html"


def test_no_form_response_has_inline_code(signed_in: FlaskClient, open_page: Callable) -> None:
    answers = [
        send_form(signed_in, "/settings/tokens", name="<script>", scopes=["read"]),
        send_form(signed_in, "/settings/tokens", name="", days="0"),
        send_form(signed_in, "/settings/account", name="", zone="<style>"),
        send_form(signed_in, "/settings/account", name="<script>x</script>", zone="UTC", follow=True),
        send_form(signed_in, "/login", email='"><script>', password="x"),
        open_page("/settings/account"),
    ]
    for answer in answers:
        assert find_inline_code(answer.text) == []


@pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: path.name)
def test_no_template_has_inline_scripts_or_styles(path: Path) -> None:
    source = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|hx-on|javascript:", source)
    # Only constants of the template itself may be unescaped.
    assert all(re.fullmatch(r"[A-Z]+\[\w+\]", value) for value in re.findall(r"(\S+?)\s*\|\s*safe\b", source))


@pytest.mark.parametrize("address", [*PAGES.values(), *ERROR_PAGES])
def test_every_page_has_security_headers(open_page: Callable, client: FlaskClient, address: str) -> None:
    for answer in (open_page(address), open_page(address, client), open_page(address, headers=HTMX)):
        rules = dict(rule.strip().split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split(";"))
        assert rules["default-src"] == "'none'"
        assert rules["script-src"] == "'self'"
        assert rules["style-src"] == "'self'"
        assert rules["frame-ancestors"] == rules["base-uri"] == "'none'"
        assert rules["form-action"] == "'self'"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["X-Request-Id"]


@pytest.mark.parametrize("address", [*PAGES.values(), *ERROR_PAGES])
def test_no_page_is_stored(open_page: Callable, address: str) -> None:
    assert open_page(address).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("address", ERROR_PAGES)
def test_an_error_page_has_a_message(open_page: Callable, address: str) -> None:
    page, fragment = open_page(address), open_page(address, headers=HTMX)
    assert page.status_code == fragment.status_code
    assert page.status_code in (400, 404, 405)
    assert page.text.startswith("<!doctype html>")
    assert "<html" not in fragment.text
    assert "<p" in fragment.text


def test_an_error_page_shows_the_request_id(open_page: Callable) -> None:
    answer = open_page("/nowhere", headers={"X-Request-Id": "abc-123"})
    assert ">abc-123</code>" in answer.text
    assert answer.headers["X-Request-Id"] == "abc-123"


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_an_internal_error_reveals_no_details(
    open_page: Callable, headers: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("SELECT secret FROM somewhere")

    monkeypatch.setattr("portal.batches.query.fetch_counted_page", broken)
    answer = open_page("/batches", headers=headers)
    assert answer.status_code == 500
    assert "Something went wrong on our side and has been logged" in answer.text
    for word in ("SELECT", "secret", "RuntimeError", "Traceback"):
        assert word not in answer.text


@pytest.mark.parametrize(
    "target",
    ["portal.batches.query.fetch_counted_page", "portal.accounts.query.find_session_user"],
    ids=["page", "user"],
)
@pytest.mark.parametrize(
    "error", [RuntimeError("broken"), OperationalError("SELECT 1", {}, Exception("gone"))], ids=["bug", "outage"]
)
def test_an_error_page_keeps_the_layout_of_a_session(
    open_page: Callable, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, target: str, error: Exception
) -> None:
    def broken(*_: object) -> None:
        raise error

    open_page("/batches")
    monkeypatch.setattr(target, broken)
    page = open_page("/batches?search=round")
    assert page.status_code in (500, 503)
    assert 'aria-label="Portal"' in page.text
    assert ">Go to batches</a>" in page.text
    assert 'href="/batches?search=round">Try again</a>' in page.text
    assert "sign-in" not in page.text
    assert "Go to sign-in" in open_page("/nowhere", client).text


@pytest.mark.parametrize("host", [".5", "a" * 64, "a..b"])
def test_an_invalid_host_header_gets_plain_text(client: FlaskClient, host: str) -> None:
    """A page needs links, which an invalid host makes impossible."""
    answer = client.get("/login", headers={"Host": host})
    assert (answer.status_code, answer.mimetype) == (400, "text/plain")
    assert answer.headers["X-Request-Id"]
    assert client.get("/api/openapi.json", headers={"Host": host}).status_code == 400


def test_a_large_request_is_413(signed_in: FlaskClient) -> None:
    answer = signed_in.post("/settings/account", data={"name": "x" * 1_100_000})
    assert answer.status_code == 413
    assert "over the size limit" in answer.text


def test_head_and_options(open_page: Callable, signed_in: FlaskClient) -> None:
    page, head = signed_in.get("/batches"), signed_in.head("/batches")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Vary"] == page.headers["Vary"]
    assert "GET" in signed_in.options("/batches").headers["Allow"]


@pytest.mark.parametrize("tag", ["*", "of the list"])
@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/batches?limit=0", 400),
        ("/batches?page=99", 302),
        ("/batches/nonsense", 404),
        (f"/batches/{'0' * 24}", 404),
    ],
)
def test_an_error_or_redirect_is_never_304(open_page: Callable, address: str, status: int, tag: str) -> None:
    open_page("/batches")
    known = open_page("/batches").headers["ETag"] if tag != "*" else tag
    assert open_page(address, headers={"If-None-Match": known}).status_code == status


@pytest.mark.usefixtures("one_minute")
def test_etags_differ_by_address(open_page: Callable) -> None:
    open_page("/batches")
    addresses = ("/batches", "/batches?limit=5", "/batches?limit=5&page=2", "/batches/{id}", "/batches/{id}?limit=5")
    tags = [open_page(address).headers["ETag"] for address in addresses]
    assert len(set(tags)) == len(tags)
    for address, tag in zip(addresses, tags, strict=True):
        assert open_page(address, headers={"If-None-Match": tag}).status_code == 304


def test_an_unknown_status_is_an_error_and_not_an_empty_icon(app: Flask) -> None:
    status = app.jinja_env.filters["status"]
    assert "status-icon" in status("active", "Active", "disc")
    with app.app_context(), pytest.raises(UndefinedError):
        status("half-done", "Half done", "half-disc")


def test_a_missing_value_is_an_error_and_not_an_empty_text(app: Flask) -> None:
    with pytest.raises(UndefinedError):
        app.jinja_env.from_string("{{ nothing }}").render()
