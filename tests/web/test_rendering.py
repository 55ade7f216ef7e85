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

from portal.version import ROOT
from tests.support.pages import HTMX, send_form
from tests.web.addresses import ERROR_PAGES, OTHER_ROUTES, PAGES

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
            is_text = name in ("placeholder", "value")  # shown, not loaded
            if HANDLER.fullmatch(name) or (
                not is_text and re.match(r"\s*(javascript|data|https?):|//", value or "", re.IGNORECASE)
            ):
                self.found.append(f"{tag} {name}={value}")
            if name == "hx-trigger" and "[" in (value or ""):
                self.found.append(f"{tag} {name}={value}: a filter, which is evaluated")


def find_inline_code(html: str) -> list[str]:
    finder = InlineCodeFinder()
    finder.feed(html)
    return finder.found


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
