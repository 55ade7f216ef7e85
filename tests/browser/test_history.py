"""The address holds the whole state: back, forward, reload, another tab."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import read_names


def expect_whole_page(page: Page) -> None:
    """Check that this is a page with header and style sheet, not a fragment; a new tab has its address before both."""
    expect(page.locator("header.site-header")).to_have_count(1)
    expect(page.locator("#announcer")).to_have_css("position", "absolute")


def test_paging_adds_history_entries_for_back_and_forward(page: Page) -> None:
    seen = {1: read_names(page)}
    for number in (2, 3):
        page.get_by_role("link", name="Next page").click()
        expect(page).to_have_url(re.compile(rf"\?page={number}$"))
        seen[number] = read_names(page)
    assert len({name for shown in seen.values() for name in shown}) == 30
    for step, number in (("back", 2), ("back", 1), ("forward", 2), ("forward", 3)):
        page.go_back() if step == "back" else page.go_forward()
        expect(page.locator("#batches tbody .col-name").first).to_have_text(seen[number][0])
        assert read_names(page) == seen[number]
        expect_whole_page(page)


def test_a_reload_shows_the_same(page: Page) -> None:
    page.locator("#chip-completed").click()
    expect(page).to_have_url(re.compile(r"status=completed$"))
    page.locator("#sort-batchName").click()
    expect(page).to_have_url(re.compile(r"sortBy=batchName"))
    before, address = read_names(page), page.url
    page.reload()
    assert read_names(page) == before
    assert page.url == address
    expect_whole_page(page)


def test_the_same_address_in_a_new_tab_shows_the_same_rows(page: Page) -> None:
    page.get_by_role("searchbox").fill("évora")
    expect(page.locator("#batches tbody tr")).to_have_count(3)
    page.locator("#sort-totalCalls").click()
    expect(page).to_have_url(re.compile(r"sortBy=totalCalls"))
    tab = page.context.new_page()
    tab.goto(page.url)
    assert read_names(tab) == read_names(page)
    expect(tab.get_by_role("searchbox")).to_have_value("évora")
    expect_whole_page(tab)


def test_going_back_never_shows_a_bare_fragment(page: Page) -> None:
    page.get_by_role("link", name="Next page").click()
    expect(page).to_have_url(re.compile(r"page=2$"))
    shown = read_names(page)
    page.locator("#batches tbody .col-name a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(shown[0])
    page.go_back()
    expect(page.locator("#batches tbody .col-name").first).to_have_text(shown[0])
    expect_whole_page(page)
    page.go_back()
    expect(page.locator("#batches tbody .col-name").first).to_have_text("Viseu round 3")
    expect_whole_page(page)


def test_the_browsers_storage_holds_nothing_of_the_list(page: Page) -> None:
    page.get_by_role("link", name="Next page").click()
    expect(page).to_have_url(re.compile(r"page=2$"))
    assert "round" not in page.evaluate("JSON.stringify({...sessionStorage}) + JSON.stringify({...localStorage})")


def test_a_click_with_ctrl_opens_a_tab_and_keeps_this_one(page: Page) -> None:
    before = read_names(page)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Next page").click(modifiers=["ControlOrMeta"])
    tab = opened.value
    expect(tab).to_have_url(re.compile(r"page=2$"))
    expect_whole_page(tab)
    assert read_names(page) == before
    expect(page).to_have_url(re.compile(r"/batches$"))


def test_a_page_past_the_end_redirects_to_the_last(page: Page) -> None:
    page.goto("/batches?page=99")
    expect(page).to_have_url(re.compile(r"\?page=3$"))


def test_paging_scrolls_to_the_top_of_the_table(page: Page) -> None:
    page.goto("/batches?limit=25")
    page.get_by_role("link", name="Next page").click()
    expect(page).to_have_url(re.compile(r"page=2"))
    expect(page.locator("#batches thead")).to_be_in_viewport()
