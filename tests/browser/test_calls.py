"""The calls of a batch: what is asked of them stands in the address."""

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
    """The page of a batch that was stopped, two pages of calls, in a browser of its owner."""
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


def seats(page: Page) -> list[str]:
    """What tells the calls apart, from the top, once the page is there."""
    page.wait_for_load_state()
    return page.locator("#calls tbody tr").all_inner_texts()


def query(page: Page) -> dict[str, str]:
    """What stands in the address."""
    return page.evaluate("Object.fromEntries(new URLSearchParams(location.search))")


def shown_again(page: Page) -> None:
    """A reload and a new tab show the same."""
    before, address = seats(page), page.url
    page.reload()
    assert seats(page) == before
    assert page.url == address
    tab = page.context.new_page()
    tab.goto(address)
    assert seats(tab) == before
    expect(tab.get_by_role("searchbox")).to_have_value(page.get_by_role("searchbox").input_value())
    tab.close()


def test_search_outcome_and_order_stand_in_the_address(opened: Page) -> None:
    opened.get_by_role("searchbox").fill("lisbon")
    expect(opened.locator("#calls tbody tr")).to_have_count(12)
    opened.locator("#chip-completed").click()
    expect(opened.locator("#calls tbody tr")).to_have_count(4)
    opened.locator("#calls thead .col-length a").click()
    expect(opened).to_have_url(re.compile("sortBy=callDuration"))
    asked = query(opened)
    assert asked.items() >= {"search": "lisbon", "status": "completed", "sortBy": "callDuration"}.items()
    lengths = opened.locator("#calls tbody .col-length").all_inner_texts()
    assert lengths == sorted(lengths, reverse=asked.get("sortOrder") != "asc")
    shown_again(opened)


def test_pages_stand_in_the_address_and_back_leads_through_them(opened: Page) -> None:
    first = seats(opened)
    opened.get_by_role("link", name="Next page").click()
    expect(opened).to_have_url(re.compile(r"\?page=2$"))
    expect(opened.locator("#calls tbody tr")).to_have_count(11)
    shown_again(opened)
    opened.go_back()
    expect(opened.locator("#calls tbody tr")).to_have_count(25)
    assert seats(opened) == first


def test_a_search_goes_to_the_first_page_and_keeps_the_outcome(opened: Page) -> None:
    opened.locator("#chip-pending").click()
    expect(opened.locator("#calls tbody tr")).to_have_count(12)
    opened.get_by_role("searchbox").fill("seat 3")
    expect(opened.locator("#calls tbody tr")).to_have_count(2)
    assert query(opened) == {"search": "seat 3", "status": "pending"}
    shown_again(opened)


def test_no_match_offers_the_way_back(opened: Page) -> None:
    opened.get_by_role("searchbox").fill("nobody")
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
