"""Tooltips (WCAG 1.4.13): one at a time, hoverable, persistent, and dismissed by Escape."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def test_a_tooltip_can_be_hovered_and_is_dismissed_by_escape(page: Page) -> None:
    created, other = page.locator("tbody .col-created time").nth(8), page.get_by_role("link", name="Next page")
    exact = created.get_attribute("title")
    tooltip = page.locator("#tooltip")
    created.hover()
    expect(tooltip).to_have_text(exact)
    box = tooltip.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(300)
    expect(tooltip).to_be_visible()
    other.hover()
    expect(tooltip).to_have_text("Next page")
    expect(page.locator("[role=tooltip]:visible")).to_have_count(1)
    assert created.get_attribute("title") == exact
    page.keyboard.press("Escape")
    expect(tooltip).to_be_hidden()
    page.wait_for_timeout(300)
    expect(tooltip).to_be_hidden()
    page.locator("h1").hover()
    page.wait_for_timeout(50)
    other.hover()
    expect(tooltip).to_be_visible()


def test_the_focus_in_a_row_shows_one_tooltip_until_escape(page: Page) -> None:
    page.keyboard.press("Tab")
    page.locator("tbody .col-name a").nth(1).focus()
    tooltip = page.locator("#tooltip")
    expect(tooltip.locator("p")).to_have_count(2)
    page.wait_for_timeout(300)
    expect(tooltip).to_be_visible()
    page.keyboard.press("Escape")
    expect(tooltip).to_be_hidden()
    expect(page.locator("tbody .col-name a").nth(1)).to_be_focused()
    page.keyboard.press("Tab")
    expect(tooltip).to_be_visible()
