"""Live updates: reported calls appear by themselves, and focus, menus and selection stay."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from portal.models import Batch, User
from portal.times import now_ms
from tests.browser.conftest import CALLS, NUMBERS, add_calls, completed, read_names
from tests.support.builders import Builder
from tests.support.databases import DATABASES

pytestmark = pytest.mark.parametrize("app", DATABASES, indirect=True)


def test_reported_calls_appear_on_the_batch_page(
    running_page: Page, report: Callable[..., None], calls: list[str]
) -> None:
    expect(completed(running_page)).to_have_text("0")
    report(calls[0], status="in-progress")
    expect(running_page.locator(f"#call-{calls[0]} .col-outcome")).to_have_text(
        re.compile("in progress", re.IGNORECASE)
    )
    report(*calls[:3])
    expect(completed(running_page)).to_have_text("3")
    expect(running_page.locator("#chip-completed")).to_have_text("Completed 3")
    expect(running_page.locator(".outcomes")).to_contain_text("Completed")
    assert running_page.evaluate("window.loaded") == 1


def test_reported_calls_appear_in_the_list(running_page: Page, report: Callable[..., None], calls: list[str]) -> None:
    running_page.goto("/batches")
    running_page.evaluate("window.loaded = 1")
    report(*calls[:3])
    expect(running_page.locator("#batches tbody .col-calls")).to_contain_text("3 of 60 called")
    expect(running_page.locator("#batches tbody .col-completed .value")).to_have_text("3")
    assert running_page.evaluate("window.loaded") == 1


def test_a_search_box_keeps_focus_text_and_caret(
    running_page: Page, report: Callable[..., None], calls: list[str]
) -> None:
    box = running_page.get_by_role("searchbox")
    box.press_sequentially("lisbon")
    expect(running_page).to_have_url(re.compile(r"search=lisbon$"))
    running_page.keyboard.press("Home")
    report(calls[0])
    expect(completed(running_page)).to_have_text("1")
    expect(box).to_be_focused()
    expect(box).to_have_value("lisbon")
    assert box.evaluate("(box) => box.selectionStart") == 0
    assert running_page.evaluate("window.loaded") == 1


def test_an_open_menu_and_the_scroll_position_stay(
    running_page: Page, report: Callable[..., None], calls: list[str]
) -> None:
    running_page.get_by_label("More actions").click()
    report(calls[0])
    expect(completed(running_page)).to_have_text("1")
    expect(running_page.get_by_role("link", name="Rename")).to_be_visible()
    running_page.keyboard.press("Escape")
    running_page.evaluate("scrollTo(0, 600)")
    report(calls[1])
    expect(completed(running_page)).to_have_text("2")
    assert running_page.evaluate("scrollY") == 600


def test_a_selected_batch_and_an_open_menu_of_the_list_stay(
    running_page: Page, report: Callable[..., None], calls: list[str]
) -> None:
    running_page.goto("/batches")
    running_page.get_by_label("Select Spring fair").check()
    running_page.locator("#created-menu summary").click()
    running_page.get_by_label("From").fill("2025-05-03")
    report(*calls[:2])
    expect(running_page.locator("#batches tbody .col-calls")).to_contain_text("2 of 60 called")
    expect(running_page.get_by_label("Select Spring fair")).to_be_checked()
    expect(running_page.get_by_label("Select all on this page")).to_be_checked()
    expect(running_page.locator(".selected-count")).to_have_text("1 batch selected")
    expect(running_page.get_by_label("From")).to_be_visible()
    expect(running_page.get_by_label("From")).to_have_value("2025-05-03")


def test_links_work_after_the_number_of_pages_has_grown(
    running_page: Page, call_api: Callable[..., Any], running: Batch
) -> None:
    add_calls(call_api, running, NUMBERS[CALLS:])
    expect(running_page.get_by_role("link", name="Last page")).to_have_attribute("href", re.compile("page=4$"))
    running_page.get_by_role("link", name="Last page").click()
    expect(running_page).to_have_url(re.compile(r"page=4$"))
    expect(running_page.locator("#announcer")).to_have_text("Calls 76–100 of 100")
    assert running_page.evaluate("window.loaded") == 1


def test_growth_moves_nothing_on_the_page(running_page: Page, report: Callable[..., None], calls: list[str]) -> None:
    running_page.wait_for_timeout(500)  # the page has been drawn
    observe_layout_shifts(running_page)
    for number, status in enumerate(("dialing", "in-progress", "busy", "dropped", "completed")):
        report(calls[number], status=status)
    expect(completed(running_page)).to_have_text("1")
    report(*calls[5:25])
    expect(completed(running_page)).to_have_text("21")
    assert layout_shift(running_page) < 0.001


def test_a_new_batch_moves_no_row_until_the_user_asks(
    running_page: Page, build: Builder, owner: User, report: Callable[..., None], calls: list[str]
) -> None:
    running_page.goto("/batches")
    running_page.mouse.move(300, 300)
    observe_layout_shifts(running_page)
    build.create_batch(owner, "Autumn fair", created_at=now_ms())
    report(calls[0])
    expect(running_page.locator("#batches tbody .col-calls").first).to_contain_text("1 of 60 called")
    assert read_names(running_page) == ["Spring fair"]
    assert layout_shift(running_page) < 0.001
    running_page.get_by_role("button", name="The list has changed").click()
    expect(running_page.locator("#batches tbody .col-name").first).to_have_text("Autumn fair")
    expect(running_page.get_by_role("button", name="The list has changed")).to_have_count(0)


def test_a_stopped_batch_shows_the_end_of_its_last_call(
    running_page: Page, report: Callable[..., None], build: Builder, running: Batch, calls: list[str]
) -> None:
    report(calls[0], status="dialing")
    build.change(running, status="stopped")
    running_page.reload()
    expect(running_page.locator(".page-header .badge")).to_have_text("Stopped")
    report(calls[0])
    expect(completed(running_page)).to_have_text("1")
    expect(running_page.locator("[data-refresh]")).to_have_count(0)


def observe_layout_shifts(page: Page) -> None:
    """Add up the layout shifts from now on, except those within 500 ms of a user's input."""
    page.evaluate(
        """() => {
          window.shift = 0;
          const add = (entry) => entry.hadRecentInput || (window.shift += entry.value);
          new PerformanceObserver((list) => list.getEntries().forEach(add)).observe({type: "layout-shift"});
        }"""
    )


def layout_shift(page: Page) -> float:
    """Return the cumulative layout shift."""
    return page.evaluate("new Promise((resolve) => setTimeout(() => resolve(window.shift), 300))")
