"""The table of a batch's calls: the address contains search, filter, order and page."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from portal.models import Batch, User
from tests.support.builders import Builder

TOWNS = ("Lisbon", "Porto", "Braga")
STATUSES = ("completed", "no-answer", "pending")


@pytest.fixture
def opened(new_page: Callable[..., Page], enter: Callable[..., Page], build: Builder, owner: User) -> Page:
    """Open the page of a stopped batch with two pages of calls, as its owner."""
    counts = {"total_calls": 36, "calls_called": 24, "calls_picked": 12, "calls_completed": 12}
    batch: Batch = build.create_batch(owner, "Spring fair", status="stopped", **counts)
    for number in range(36):
        status = STATUSES[number % 3]
        length = 60 + number if status == "completed" else 0
        fields = {"city": TOWNS[number // 12], "seat": f"seat {number}"}
        build.create_call(batch, status=status, duration_seconds=length, fields=fields)
    page = enter(new_page())
    page.goto(f"/batches/{batch.id}")
    return page


def read_rows(page: Page) -> list[str]:
    """Return the texts of the rows, from the top, after the page has loaded."""
    page.wait_for_load_state()
    return page.locator("#calls tbody tr").all_inner_texts()


def query(page: Page) -> dict[str, str]:
    """Return the parameters in the address."""
    return page.evaluate("Object.fromEntries(new URLSearchParams(location.search))")


def expect_same_after_reload(page: Page) -> None:
    """Check that a reload and a new tab show the same rows."""
    before, address = read_rows(page), page.url
    page.reload()
    assert read_rows(page) == before
    assert page.url == address
    tab = page.context.new_page()
    tab.goto(address)
    assert read_rows(tab) == before
    expect(tab.get_by_role("searchbox")).to_have_value(page.get_by_role("searchbox").input_value())
    tab.close()


def test_search_outcome_and_order_are_in_the_address(opened: Page) -> None:
    opened.get_by_role("searchbox").fill("lisbon")
    expect(opened.locator("#calls tbody tr")).to_have_count(12)
    opened.locator("#chip-completed").click()
    expect(opened.locator("#calls tbody tr")).to_have_count(4)
    opened.locator("#calls thead .col-length a").click()
    expect(opened).to_have_url(re.compile("sortBy=callDuration"))
    parameters = query(opened)
    assert parameters.items() >= {"search": "lisbon", "status": "completed", "sortBy": "callDuration"}.items()
    lengths = opened.locator("#calls tbody .col-length").all_inner_texts()
    assert lengths == sorted(lengths, reverse=parameters.get("sortOrder") != "asc")
    expect_same_after_reload(opened)


def test_pages_are_in_the_address_and_back_returns_to_them(opened: Page) -> None:
    first = read_rows(opened)
    opened.get_by_role("link", name="Next page").click()
    expect(opened).to_have_url(re.compile(r"\?page=2$"))
    expect(opened.locator("#calls tbody tr")).to_have_count(11)
    expect_same_after_reload(opened)
    opened.go_back()
    expect(opened.locator("#calls tbody tr")).to_have_count(25)
    assert read_rows(opened) == first


def test_a_search_shows_the_first_page_and_keeps_the_outcome(opened: Page) -> None:
    opened.locator("#chip-pending").click()
    expect(opened.locator("#calls tbody tr")).to_have_count(12)
    opened.get_by_role("searchbox").fill("seat 3")
    expect(opened.locator("#calls tbody tr")).to_have_count(2)
    assert query(opened) == {"search": "seat 3", "status": "pending"}
    expect_same_after_reload(opened)


def test_no_match_offers_to_show_all_calls(opened: Page) -> None:
    opened.get_by_role("searchbox").fill("nowhere")
    expect(opened.get_by_role("heading", name="No calls match")).to_be_visible()
    opened.get_by_role("link", name="Show all calls").click()
    expect(opened.locator("#calls tbody tr")).to_have_count(25)
    expect(opened.get_by_role("searchbox")).to_have_value("")
    assert query(opened) == {}


def test_the_other_fields_of_a_call_open_beside_its_number(opened: Page, build: Builder, owner: User) -> None:
    wide = build.create_batch(owner, "Wide", total_calls=1)
    call = build.create_call(wide, fields={f"field {number}": f"value {number}" for number in range(12)})
    opened.goto(f"/batches/{wide.id}")
    others = opened.locator(f"#more-{call.id}")
    expect(opened.get_by_text("value 11")).to_be_hidden()
    others.locator("summary").click()
    expect(others.get_by_text("value 11")).to_be_visible()
    opened.keyboard.press("Escape")
    expect(opened.get_by_text("value 11")).to_be_hidden()
