"""Errors: the page shows a message and keeps its content."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.exc import OperationalError

from portal.batches import query
from portal.models import Batch
from tests.browser.conftest import read_names
from tests.support.builders import PASSWORD


def fail_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Make every query for a page of batches raise `error`."""

    def fail(*_arguments: Any, **_options: Any) -> None:
        raise error

    monkeypatch.setattr(query, "fetch_counted_page", fail)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("an error"), "Something went wrong"),
        (OperationalError("SELECT 1", {}, Exception("gone")), "Database unavailable"),
    ],
)
def test_an_error_is_shown_and_the_table_stays(
    page: Page, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    before, address = read_names(page), page.url
    with monkeypatch.context() as broken:
        fail_with(broken, error)
        page.get_by_role("searchbox").fill("lisbon")
        expect(page.locator("#error-banner")).to_contain_text(words)
    assert "SELECT" not in page.locator("#error-banner").inner_text()
    assert read_names(page) == before
    assert page.url == address
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#batches tbody tr")).to_have_count(3)
    expect(page.locator("#error-banner")).to_be_empty()


def test_a_lost_connection_is_shown_and_the_table_stays(page: Page) -> None:
    before = read_names(page)
    page.context.set_offline(True)
    page.get_by_role("link", name="Next page").click()
    expect(page.locator("#error-banner")).to_contain_text("cannot be reached")
    assert read_names(page) == before
    page.context.set_offline(False)
    page.get_by_role("link", name="Next page").click()
    expect(page).to_have_url(re.compile(r"page=2$"))
    expect(page.locator("#error-banner")).to_be_empty()


def test_a_message_can_be_dismissed(page: Page) -> None:
    page.context.set_offline(True)
    page.get_by_role("link", name="Next page").click()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("#error-banner").get_by_text("cannot be reached")).to_have_count(0)


def test_a_slow_response_is_reported(page: Page) -> None:
    page.evaluate("htmx.config.timeout = 200")
    page.route("**/batches?page=2", lambda _route: None)
    page.get_by_role("link", name="Next page").click()
    expect(page.locator("#error-banner")).to_contain_text("too long")


def test_an_invalid_value_is_named_and_the_list_is_shown(page: Page) -> None:
    response = page.goto("/batches?limit=0&status=active")
    assert response is not None
    assert response.status == 400
    expect(page.locator("#batches .message")).to_contain_text("limit must be between 1 and 100")
    expect(page.locator("#batches tbody tr")).to_have_count(6)


def test_an_invalid_search_is_named_in_the_swapped_part(page: Page) -> None:
    page.evaluate("document.getElementById('search').removeAttribute('maxlength')")
    page.get_by_role("searchbox").fill("x" * 201)
    expect(page.locator("#batches .message")).to_contain_text("search must be at most 200 characters")
    expect(page.locator("#batches tbody tr")).to_have_count(10)
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_a_session_that_ends_during_a_search_returns_to_the_search_after_sign_in(page: Page) -> None:
    page.goto("/batches?status=completed")  # no batch is active, so the page does not poll
    page.context.clear_cookies()
    page.get_by_role("searchbox").fill("faro")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.locator("#batches")).to_have_count(0)
    page.get_by_label("Email address").fill("owner@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile(r"/batches\?search=faro&status=completed$"))
    expect(page.locator("#batches tbody .col-name")).to_have_text([f"Faro round {number}" for number in (3, 2, 1)])


def test_a_deleted_or_foreign_batch_is_not_found(page: Page, build: Any, stranger: Any, owner: Any) -> None:
    gone = build.create_batch(owner, deleted=True)
    foreign = build.create_batch(stranger)
    for batch_id in (gone.id, foreign.id, "0" * 24, "nonsense"):
        response = page.goto(f"/batches/{batch_id}")
        assert response is not None
        assert response.status == 404
        expect(page.get_by_role("heading", name="Not found")).to_be_visible()
        expect(page.get_by_role("link", name="Go to batches")).to_be_visible()


def test_the_error_page_of_an_unavailable_database_needs_no_database(
    new_page: Callable[..., Page], enter: Callable[..., Page], batches: list[Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.extensions import login_manager

    page = enter(new_page())

    def fail(_session_id: str) -> None:
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    monkeypatch.setattr(login_manager, "_user_callback", fail)
    response = page.goto("/batches")
    assert response is not None
    assert response.status == 503
    expect(page.get_by_role("heading", name="Database unavailable")).to_be_visible()
