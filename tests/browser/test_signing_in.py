"""Sign-in with two-factor authentication."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyotp
import pytest
from playwright.sync_api import Page, expect

from portal.models import User
from tests.support.builders import PASSWORD


def submit_password(page: Page, owner: User) -> None:
    """Submit the sign-in form and wait for the code page."""
    page.goto("/login?next=/settings/tokens")
    page.get_by_label("Email address").fill(owner.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Code from your authenticator app")).to_be_focused()


@pytest.mark.parametrize("scripted", [True, False])
def test_two_factor_setup_recovery_code_and_turning_off(
    new_page: Callable[..., Page], enter: Callable[..., Page], owner: User, scripted: bool
) -> None:
    page = enter(new_page(java_script_enabled=scripted))
    page.goto("/settings/account")
    page.get_by_role("button", name="Set up").click()
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("img", name="QR code of the key")).to_be_visible()
    secret = page.locator(".secret-key").inner_text().replace(" ", "")
    page.get_by_label("Code from your app").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    first, second, *_ = page.locator("#recovery-codes").inner_text().split()

    other = new_page(java_script_enabled=scripted)
    submit_password(other, owner)
    other.get_by_label("Code from your authenticator app").fill("no code")
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("alert").last).to_contain_text("Invalid code")
    other.get_by_label("Code from your authenticator app").fill(first)
    other.get_by_role("button", name="Sign in").click()
    expect(other).to_have_url(re.compile(r"/settings/tokens$"))

    page.goto("/settings/second-factor")
    expect(page.get_by_text("9 unused codes left")).to_be_visible()
    turn_off = page.get_by_role("region", name="Turn off")
    turn_off.get_by_label("Current password").fill(PASSWORD)
    turn_off.get_by_label("Code from your app, or a recovery code").fill(second)
    turn_off.get_by_role("button", name="Turn off").click()
    expect(page.get_by_role("status").first).to_contain_text("Two-factor authentication turned off")
