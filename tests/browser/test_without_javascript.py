"""JavaScript off: everything works with plain links and forms."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from portal.models import Batch
from tests.browser.conftest import read_names


@pytest.fixture
def plain(new_page: Callable[..., Page], enter: Callable[..., Page], batches: list[Batch]) -> Page:
    """Open the owner's list without JavaScript."""
    return enter(new_page(java_script_enabled=False))


def test_search_by_enter_and_by_button(plain: Page) -> None:
    plain.get_by_role("searchbox").fill("lisbon")
    plain.keyboard.press("Enter")
    expect(plain).to_have_url(re.compile(r"search=lisbon"))
    expect(plain.locator("#batches tbody .col-name")).to_have_text([f"Lisbon round {number}" for number in (3, 2, 1)])
    plain.get_by_role("searchbox").fill("porto")
    plain.get_by_role("button", name="Search").click()
    expect(plain.locator("#batches tbody .col-name").first).to_have_text("Porto round 3")


def test_a_search_keeps_filter_and_order(plain: Page) -> None:
    plain.locator("#chip-completed").click()
    expect(plain).to_have_url(re.compile(r"status=completed"))
    plain.locator("#sort-batchName").click()
    expect(plain).to_have_url(re.compile(r"sortBy=batchName"))
    plain.get_by_role("searchbox").fill("round 2")
    plain.keyboard.press("Enter")
    expect(plain).to_have_url(re.compile(r"search=round"))
    expect(plain.locator("#batches tbody .col-name")).to_have_count(8)
    assert read_names(plain)[:2] == ["Aveiro round 2", "Beja round 2"]


def test_filters_paging_and_page_size(plain: Page) -> None:
    plain.locator("#chip-completed").click()
    expect(plain).to_have_url(re.compile(r"status=completed"))
    plain.get_by_role("link", name="Last page").click()
    expect(plain).to_have_url(re.compile(r"page=3&status=completed$"))
    expect(plain.locator("#batches tbody .col-name")).to_have_count(4)
    plain.locator("#limit-25").click()
    expect(plain.locator("#batches tbody .col-name")).to_have_count(24)


def test_menus_open_and_submit_their_forms(plain: Page) -> None:
    plain.locator("#sort-menu summary").click()
    plain.get_by_role("link", name="Name, Z to A").click()
    expect(plain.locator("#sort-menu summary")).to_contain_text("name, Z to A")
    plain.locator("#created-menu summary").click()
    plain.get_by_label("From").fill("2025-05-01")
    plain.get_by_label("To", exact=True).fill("2025-05-01")
    plain.get_by_role("button", name="Apply").click()
    expect(plain.locator("#created-menu summary")).to_contain_text("1 May 2025")
    expect(plain).to_have_url(re.compile(r"createdFrom=2025-05-01&createdTo=2025-05-01"))


def test_tokens_are_created_and_revoked(plain: Page) -> None:
    plain.goto("/settings/tokens")
    plain.get_by_label("Name").fill("by hand")
    plain.get_by_role("button", name="Create token").click()
    expect(plain.get_by_label("The new token")).to_have_value(re.compile(r"^bp_[0-9a-f]{24}_"))
    expect(plain.get_by_role("button", name="Copy")).to_have_count(0)
    plain.get_by_text("Revoke", exact=True).last.click()
    plain.get_by_role("button", name="Revoke token").click()
    expect(plain.get_by_text("No tokens yet")).to_be_visible()


def test_sign_out(plain: Page) -> None:
    plain.locator(".account-menu summary").click()
    plain.get_by_role("button", name="Sign out").click()
    expect(plain.get_by_role("heading", name="Sign in")).to_be_visible()
    plain.goto("/batches?search=porto")
    expect(plain.get_by_role("heading", name="Sign in")).to_be_visible()
