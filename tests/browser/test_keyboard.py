"""Use by keyboard alone."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect


def test_the_slash_key_focuses_the_search_box(page: Page) -> None:
    box = page.get_by_role("searchbox")
    page.keyboard.press("/")
    expect(box).to_be_focused()
    expect(box).to_have_value("")
    page.keyboard.type("a/b")
    expect(box).to_have_value("a/b")


def test_the_first_tab_stop_skips_to_the_content(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Trash")).to_be_focused()


def test_sorting_by_a_header_keeps_the_focus_and_announces_the_order(page: Page) -> None:
    page.locator("#sort-batchName").focus()
    page.keyboard.press("Enter")
    header = page.get_by_role("columnheader", name="Batch")
    expect(header).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("#sort-batchName")).to_be_focused()
    page.keyboard.press("Enter")
    expect(header).to_have_attribute("aria-sort", "descending")


def test_paging_keeps_the_focus_while_there_is_a_next_page(page: Page) -> None:
    page.locator("#page-next").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"page=2$"))
    expect(page.locator("#page-next")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"page=3$"))
    expect(page.locator("#batches .results")).to_be_focused()


def test_chips_mark_the_selected_filter(page: Page) -> None:
    page.locator("#chip-active").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#chip-active")).to_have_attribute("aria-current", "true")
    expect(page.locator("#chip-active")).to_be_focused()
    expect(page.locator("#chip-all")).not_to_have_attribute("aria-current", "true")


def test_a_menu_opens_closes_and_returns_the_focus(page: Page) -> None:
    menu = page.locator("#sort-menu")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(menu).to_have_attribute("open", "")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(menu).not_to_have_attribute("open", "")
    expect(menu.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"sortOrder=asc$"))
    expect(menu.locator("summary")).to_be_focused()


def test_a_menu_closes_when_another_element_is_clicked_or_focused(page: Page) -> None:
    menu = page.locator("#created-menu")
    menu.locator("summary").click()
    page.get_by_role("heading", level=1).click()
    expect(menu).not_to_have_attribute("open", "")
    menu.locator("summary").click()
    page.locator("#chip-all").focus()
    expect(menu).not_to_have_attribute("open", "")


def test_every_tab_stop_has_a_visible_focus(page: Page) -> None:
    for _ in range(30):
        page.keyboard.press("Tab")
        width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        assert width >= 2, page.evaluate("document.activeElement.outerHTML.slice(0, 200)")


def test_the_exact_times_show_when_their_row_is_reached(page: Page) -> None:
    tooltip = page.locator("#tooltip")
    expect(tooltip).to_be_hidden()
    page.locator("#sort-updatedAt").focus()
    page.keyboard.press("Tab")
    expect(tooltip.locator("p")).to_have_text([re.compile("^Created: .*UTC"), re.compile("^Updated: .*UTC")])
