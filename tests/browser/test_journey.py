"""A walk through the pages, and rules that hold on each of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

import pytest
from playwright.sync_api import Page, TimeoutError, expect

from portal.models import Batch, User
from tests.browser.conftest import PHONE
from tests.support.builders import PASSWORD, Builder
from tests.support.databases import DATABASES

pytestmark = pytest.mark.parametrize("app", DATABASES, indirect=True)


def test_sign_in_list_batch_tokens_account(page: Page, build: Builder, batches: list[Batch]) -> None:
    for number in range(30):
        build.create_call(batches[-1], status="completed", duration_seconds=60 + number, fields={"city": "Lisbon"})
    page.locator("#batches tbody .col-name a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Viseu round 3")
    expect(page.locator(".counts")).to_contain_text("75% of called")
    page.get_by_role("link", name="Next page").click()
    expect(page).to_have_url(re.compile(r"\?page=2$"))
    expect(page.locator("#calls tbody tr")).to_have_count(5)
    expect(page.locator("#announcer")).to_have_text("Calls 26–30 of 30")
    page.go_back()
    expect(page.locator("#calls tbody tr")).to_have_count(25)

    page.get_by_role("link", name="Tokens").click()
    page.get_by_label("Name").fill("nightly")
    page.get_by_role("button", name="Create token").click()
    token = page.get_by_label("The new token").input_value()
    expect(page.locator("#example-command")).to_contain_text(f"Bearer {token}")
    page.get_by_role("link", name="Tokens").click()
    expect(page.get_by_text(token)).to_have_count(0)
    page.get_by_label("Revoke nightly").click()
    page.get_by_role("button", name="Revoke token").click()
    expect(page.get_by_role("status").first).to_contain_text("Token revoked")

    page.locator(".account-menu summary").click()
    page.get_by_role("link", name="Account").click()
    page.get_by_label("Time zone").fill("Asia/Tokyo")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".time-zone")).to_have_text("Tokyo time")
    page.get_by_label("Time zone").fill("Nowhere/Town")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#zone-problem")).to_contain_text("IANA time zone")
    expect(page.get_by_label("Time zone")).to_have_value("Nowhere/Town")


def test_a_token_is_copied(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/settings/tokens")
    page.get_by_label("Name").fill("to copy")
    page.get_by_role("button", name="Create token").click()
    page.get_by_role("button", name="Copy").first.click()
    expect(page.locator("#announcer")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.get_by_label("The new token").input_value()


def test_a_wrong_password_is_refused(new_page: Callable[..., Page], owner: User) -> None:
    page = new_page()
    page.goto("/login")
    page.get_by_label("Email address").fill(owner.email)
    page.get_by_label("Password").fill("not the password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").last).to_contain_text("Incorrect email address or password")
    expect(page.get_by_label("Email address")).to_have_value(owner.email)
    expect(page.get_by_label("Password")).to_be_focused()


def test_a_new_account_sees_what_to_do(new_page: Callable[..., Page], enter: Callable[..., Page], owner: User) -> None:
    page = enter(new_page())
    expect(page.get_by_role("heading", name="No batches yet")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_count(0)
    page.locator("#batches").get_by_role("link", name="New batch").click()
    expect(page.get_by_text("Choose a contact file or drop it here")).to_be_visible()


def test_signing_out_everywhere_ends_the_other_browser_too(page: Page, new_page: Callable, enter: Callable) -> None:
    other = enter(new_page())
    page.goto("/settings/account")
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    with suppress(TimeoutError):  # the page's own refresh may have been first
        other.get_by_role("searchbox").fill("lisbon", timeout=2000)
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_changed_password_keeps_this_browser_and_ends_the_other(
    page: Page, new_page: Callable, enter: Callable
) -> None:
    other = enter(new_page())
    page.goto("/settings/account")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password").fill("another correct horse")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("status").first).to_contain_text("Password changed")
    other.reload()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_scrolls_sideways_on_a_phone(
    new_page: Callable, enter: Callable, build: Builder, owner: User, batches: list[Batch], scheme: str
) -> None:
    long = build.create_batch(owner, "Unbrokenname" * 16, total_calls=1_234_567, calls_called=1_234_567)
    build.create_call(long, fields={"a" * 40: "b" * 80, "c": "d", "e": "f", "g": "h" * 200})
    page = enter(new_page(viewport=PHONE, color_scheme=scheme))
    page.goto("/login")
    addresses = ("/batches", "/batches?search=zz", "/batches?limit=0", f"/batches/{long.id}", "/settings/tokens",
                 "/settings/account", "/nothing")  # fmt: skip
    for address in addresses:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, address
    page.goto("/batches")
    for summary in page.locator("details.menu > summary").all():
        summary.click()
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.context.clear_cookies()
    page.goto("/login")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
