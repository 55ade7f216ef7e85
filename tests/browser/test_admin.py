"""What admins do, in a browser: on a phone without JavaScript, and with it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from portal.models import User
from tests.browser.conftest import PHONE
from tests.support.builders import Builder


@pytest.fixture
def admin(build: Builder) -> User:
    """An account that may manage the others."""
    return build.create_user("demo", is_admin=True)


def test_a_user_is_disabled_on_a_phone_without_javascript(
    new_page: Callable[..., Page], enter: Callable[..., Page], admin: User, owner: User
) -> None:
    page = enter(new_page(java_script_enabled=False, viewport=PHONE), admin)
    page.locator(".account-menu summary").click()
    page.get_by_role("link", name="Users").click()
    page.get_by_role("searchbox").fill("owner")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"search=owner"))
    page.get_by_role("link", name=owner.email).click()
    page.locator("summary", has_text="Disable").click()
    page.get_by_role("button", name="Disable account").click()
    expect(page.locator(".message.is-success")).to_contain_text(f"{owner.email} disabled")
    expect(page.locator(".page-header")).to_contain_text("Disabled")
    page.get_by_role("link", name="All activity by or for this user").click()
    expect(page.locator("#audit-log tbody tr").first).to_contain_text("Account disabled")


def test_lists_are_narrowed_in_place(
    new_page: Callable[..., Page], enter: Callable[..., Page], admin: User, owner: User, stranger: User
) -> None:
    page = enter(new_page(), admin)
    page.get_by_role("link", name="Users").click()
    rows = page.locator("#users tbody .col-name")
    expect(rows).to_have_count(3)
    page.evaluate("window.loaded = 1")
    page.get_by_role("searchbox").fill("strange")
    expect(rows).to_have_text([stranger.email])
    page.locator("#chip-admins").click()
    expect(page.get_by_role("heading", name="No users match")).to_be_visible()
    assert page.evaluate("window.loaded") == 1
    page.get_by_role("link", name="Audit log").click()
    expect(page.locator("#audit-log")).to_be_visible()
    page.evaluate("window.loaded = 2")
    page.get_by_label("Event").select_option("renamed")
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.get_by_role("heading", name="No entries")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/admin/trail\?what=renamed$"))
    assert page.evaluate("window.loaded") == 2
