"""Error pages: their message, their layout, and what they do not reveal."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

from tests.support.pages import HTMX
from tests.web.addresses import ERROR_PAGES


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
