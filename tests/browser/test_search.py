"""Typing in the search box: the table follows, the address is replaced, the focus stays."""

from __future__ import annotations

import re
from contextlib import suppress

from playwright.sync_api import Error, Page, Route, expect

from tests.browser.conftest import read_names

LISBON = ["Lisbon round 3", "Lisbon round 2", "Lisbon round 1"]


def history_length(page: Page) -> int:
    return page.evaluate("history.length")


def test_the_table_follows_and_the_address_is_replaced(page: Page) -> None:
    before = history_length(page)
    box = page.get_by_role("searchbox")
    box.press_sequentially("lisbon", delay=40)
    expect(page.locator("#batches tbody tr")).to_have_count(3)
    assert read_names(page) == LISBON
    expect(page).to_have_url(re.compile(r"/batches\?search=lisbon$"))
    assert history_length(page) == before
    expect(box).to_be_focused()
    expect(box).to_have_value("lisbon")
    expect(page).to_have_title("“lisbon” in batches – Batch Portal")
    expect(page.locator("#announcer")).to_have_text("1–3 of 3 batches")


def test_the_box_is_the_same_node_after_the_swap(page: Page) -> None:
    page.evaluate("document.getElementById('search').mark = 1")
    page.get_by_role("searchbox").fill("porto")
    expect(page.locator("#batches tbody tr")).to_have_count(3)
    assert page.evaluate("document.getElementById('search').mark") == 1


def test_a_cleared_box_leaves_no_parameter(page: Page) -> None:
    page.get_by_role("searchbox").fill("porto")
    expect(page).to_have_url(re.compile(r"search=porto$"))
    page.get_by_role("searchbox").fill("")
    expect(page).to_have_url(re.compile(r"/batches$"))
    expect(page.locator("#batches tbody tr")).to_have_count(10)


def test_enter_adds_one_history_entry_and_sends_one_request(page: Page) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url) if "hx-request" in request.headers else None)
    before = history_length(page)
    page.clock.install(time=1000)
    page.clock.pause_at(2000)  # Enter comes before the delayed search, however slow the machine
    page.get_by_role("searchbox").fill("faro")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"search=faro$"))
    page.clock.run_for(1000)
    page.clock.resume()
    expect(page.locator("#batches tbody tr")).to_have_count(3)
    assert len(requests) == 1
    assert history_length(page) == before + 1
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("")
    expect(page.locator("#batches tbody tr")).to_have_count(10)


def test_a_search_keeps_the_filters_and_shows_the_first_page(page: Page) -> None:
    page.goto("/batches?status=completed&sortBy=batchName&sortOrder=asc&limit=10&page=2")
    page.get_by_role("searchbox").fill("round 1")
    expect(page.locator("#batches tbody tr")).to_have_count(8)
    query = page.evaluate("Object.fromEntries(new URLSearchParams(location.search))")
    assert query == {"search": "round 1", "status": "completed", "sortBy": "batchName", "sortOrder": "asc"}
    assert read_names(page)[0] == "Aveiro round 1"


def test_the_last_request_wins_even_if_an_earlier_response_is_slower(page: Page) -> None:
    held: list[Route] = []
    page.route(re.compile(r"search=lis$"), lambda route: held.append(route))
    box = page.get_by_role("searchbox")
    with page.expect_request(re.compile(r"search=lis$")):
        box.fill("lis")
    box.fill("porto")
    expect(page.locator("#batches tbody .col-name").first).to_have_text("Porto round 3")
    with suppress(Error):  # the browser has canceled the request
        held[0].continue_()
    page.wait_for_timeout(500)
    assert read_names(page) == ["Porto round 3", "Porto round 2", "Porto round 1"]
    expect(page).to_have_url(re.compile(r"search=porto$"))


def test_a_filter_wins_over_a_pending_search(page: Page) -> None:
    held: list[Route] = []
    page.route(re.compile(r"search=braga$"), lambda route: held.append(route))
    with page.expect_request(re.compile(r"search=braga$")):
        page.get_by_role("searchbox").fill("braga")
    page.locator("#chip-active").click()
    expect(page.locator("#batches tbody tr")).to_have_count(6)
    with suppress(Error):
        held[0].continue_()
    page.wait_for_timeout(500)
    expect(page.locator("#batches tbody tr")).to_have_count(6)
    expect(page).to_have_url(re.compile(r"\?status=active$"))
    expect(page.get_by_role("searchbox")).to_have_value("")


def test_no_match_offers_to_clear_the_search(page: Page) -> None:
    page.get_by_role("searchbox").fill("100%")
    expect(page.get_by_role("heading", name="No batches match")).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("No matching batches")
    page.get_by_role("link", name="Clear search").click()
    expect(page.locator("#batches tbody tr")).to_have_count(10)
    expect(page.get_by_role("searchbox")).to_have_value("")
    expect(page).to_have_url(re.compile(r"/batches$"))
