"""Pages or fragments, and redirects, for browsers and htmx; redirects never leave the site."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from flask import Flask
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.urls import uri_to_iri

from portal.extensions import htmx
from portal.web.htmx import current_page_address, redirect_browser, safe_target, wants_fragment
from tests.support.pages import HTMX

HERE = "https://portal.example"


@pytest.fixture(scope="module")
def plain() -> Flask:
    """Return an app with only the htmx extension."""
    app = Flask("plain")
    htmx.init_app(app)
    return app


@pytest.mark.parametrize(
    ("headers", "fragment"),
    [
        ({}, False),
        (HTMX, True),
        ({"HX-Request": "false"}, False),
        ({**HTMX, "HX-History-Restore-Request": "true"}, False),
        ({**HTMX, "HX-History-Restore-Request": "false"}, True),
        ({"HX-History-Restore-Request": "true"}, False),
        ({"HX-Target": "batches"}, False),
        ({"X-Requested-With": "XMLHttpRequest"}, False),
    ],
    ids=str,
)
def test_only_htmx_gets_a_fragment(plain: Flask, headers: dict[str, str], fragment: bool) -> None:
    with plain.test_request_context("/batches", headers=headers):
        assert wants_fragment() is fragment


@pytest.mark.parametrize(
    ("headers", "code", "expected"),
    [
        ({}, 303, (303, "/login", None)),
        ({}, 401, (303, "/login", None)),
        (HTMX, 303, (200, None, "/login")),  # htmx ignores the headers of a redirect
        (HTMX, 401, (401, None, "/login")),
    ],
    ids=str,
)
def test_the_whole_page_is_redirected(plain: Flask, headers: dict[str, str], code: int, expected: tuple) -> None:
    with plain.test_request_context("/batches", headers=headers):
        answer = redirect_browser("/login", code)
    assert (answer.status_code, answer.headers.get("Location"), answer.headers.get("HX-Redirect")) == expected


@pytest.mark.parametrize(
    ("method", "address", "current", "shown"),
    [
        ("GET", "/batches", None, "/batches"),
        ("GET", "/batches?search=may&page=2", None, "/batches?search=may&page=2"),
        ("GET", "/batches?search=may", f"{HERE}/batches", "/batches?search=may"),  # the requested page is next
        ("POST", "/settings/tokens", f"{HERE}/settings/tokens?x=1", "/settings/tokens?x=1"),
        ("POST", "/logout", f"{HERE}/batches", "/batches"),
        ("POST", "/logout", None, ""),
    ],
)
def test_the_address_of_the_current_page(
    plain: Flask, method: str, address: str, current: str | None, shown: str
) -> None:
    headers = {**HTMX, "HX-Current-URL": current} if current else {}
    with plain.test_request_context(address, method=method, headers=headers):
        assert current_page_address() == shown


def resolve_like_a_browser(target: str) -> str:
    """Return the URL a browser opens: it drops tabs and line breaks and reads "\\" as "/" (WHATWG URL, 4.4)."""
    target = target.strip("".join(map(chr, range(33))))
    return urljoin(HERE, target.translate({9: None, 10: None, 13: None}).replace("\\", "/"))


@given(st.text(alphabet=st.sampled_from("/\\:.@?#%\t\n\r \x00htps\u2028eE٣"), max_size=12) | st.text())
@example("//evil.example")
@example("/\\evil.example")
@example("\\\\evil.example")
@example("/\t/evil.example")
@example("\t//evil.example")
@example("/\r\n/evil.example")
@example("///evil.example")
@example("http:evil.example")
@example("https://portal.example@evil.example")
@example("javascript:alert(1)")
@example("/batches\r\nSet-Cookie: a=b")
@example("/\u2028/evil.example")
def test_no_target_leaves_the_site(target: str) -> None:
    result = safe_target(target, "/batches")
    assert result in (target, "/batches")
    assert result.startswith("/")
    assert result.isprintable()
    assert urlsplit(resolve_like_a_browser(result)).netloc == "portal.example"


@pytest.mark.parametrize("target", ["/", "/batches?search=%2F%2Fevil.example", "/batches?search=//a", "/batches#x"])
def test_an_address_of_this_site_is_accepted(target: str) -> None:
    assert safe_target(target, "/batches") == target


@pytest.mark.parametrize(
    "address", ["/batches?search=\u00fcber", "/batches?search=\u6f22\u5b57 \U0001f4de", "/a?b=\u0130"]
)
def test_a_redirect_to_an_address_in_any_script_is_a_valid_header(plain: Flask, address: str) -> None:
    with plain.test_request_context(headers=HTMX):
        sent = redirect_browser(address).headers["HX-Redirect"]
    assert sent.isascii()
    assert uri_to_iri(sent).replace("%20", " ") == address
