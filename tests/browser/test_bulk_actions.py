"""Bulk actions: selection, confirmation, undo, and exports of the list."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from portal.models import Batch
from tests.browser.conftest import read_names
from tests.browser.downloads import download_rows
from tests.support.builders import Builder

VIEW = "/batches?search=round&status=active&sortBy=batchName&sortOrder=asc"


def select_batches(page: Page, *batches: str) -> None:
    """Select batches by name."""
    for name in batches:
        page.get_by_label(f"Select {name}", exact=True).check()


def test_selected_batches_are_counted(page: Page) -> None:
    expect(page.locator(".bulk-actions")).to_be_hidden()
    select_batches(page, "Viseu round 3")
    count = page.locator(".selected-count")
    expect(count).to_have_text("1 batch selected")
    every = page.get_by_label("Select all on this page")
    assert every.evaluate("(box) => box.indeterminate")
    every.check()
    expect(count).to_have_text("10 batches selected")
    every.uncheck()
    expect(page.locator(".bulk-actions")).to_be_hidden()


def test_cancel_returns_to_the_same_view(page: Page) -> None:
    page.goto(VIEW)
    shown, address = read_names(page), page.url
    select_batches(page, "Lisbon round 1", "Porto round 2")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Stop 2 batches?")
    expect(page.locator(".line-list strong")).to_have_text(["Porto round 2", "Lisbon round 1"])
    page.get_by_role("link", name="Cancel").click()
    expect(page).to_have_url(address)
    assert read_names(page) == shown


def test_stop_returns_to_the_same_view(page: Page) -> None:
    page.goto(VIEW)
    address = page.url
    page.get_by_label("Select all on this page").check()
    page.get_by_label("Select Lisbon round 3").uncheck()
    expect(page.locator(".selected-count")).to_have_text("5 batches selected")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Stop 5 batches?")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("main [role=status]").first).to_contain_text("5 batches stopped.")
    expect(page).to_have_url(address)
    assert read_names(page) == ["Lisbon round 3"]


def test_batches_that_cannot_change_are_listed_with_the_reason(page: Page) -> None:
    page.goto("/batches?search=round+1&limit=25")
    select_batches(page, "Faro round 1", "Porto round 1")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Stop “Porto round 1”?")
    expect(page.locator(".line-list").last).to_contain_text("Faro round 1")
    expect(page.locator(".line-list").last).to_contain_text("cannot be stopped")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("main [role=status]").first).to_contain_text("Batch stopped.")


def test_batches_that_changed_before_the_confirmation_are_reported(
    page: Page, build: Builder, batches: list[Batch]
) -> None:
    page.goto(VIEW)
    select_batches(page, "Lisbon round 1", "Porto round 1")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".line-list li")).to_have_count(2)
    build.change(batches[0], status="completed")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("main [role=status]").first).to_contain_text("Batch stopped.")
    left = page.locator("main [role=alert]").filter(has_text="not changed")
    expect(left).to_contain_text("“Lisbon round 1” not changed. This batch is completed and cannot be stopped.")


def test_undo_restores_all_deleted_batches(page: Page) -> None:
    select_batches(page, "Viseu round 3", "Beja round 3")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Deleted batches move to the trash")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("main [role=status]").first).to_contain_text("2 batches deleted.")
    assert read_names(page)[0] == "Guarda round 3"
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("main [role=status]").first).to_contain_text("2 batches restored.")
    assert read_names(page)[:2] == ["Viseu round 3", "Beja round 3"]


def test_select_all_works_after_paging(page: Page) -> None:
    page.get_by_label("Select all on this page").check()
    page.get_by_role("link", name="Next page").click()
    expect(page).to_have_url(re.compile(r"page=2$"))
    expect(page.get_by_label("Select all on this page")).not_to_be_checked()
    page.get_by_label("Select all on this page").check()
    expect(page.locator(".selected-count")).to_have_text("10 batches selected")
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".line-list strong")).to_have_count(10)
    page.get_by_role("link", name="Cancel").click()
    expect(page).to_have_url(re.compile(r"page=2$"))


def test_an_export_of_the_list_has_all_its_pages_in_order(page: Page, tmp_path: Path) -> None:
    page.locator("#chip-completed").click()
    expect(page).to_have_url(re.compile("status=completed"))
    page.locator("#sort-batchName").click()
    expect(page).to_have_url(re.compile("status=completed&sortBy=batchName"))
    shown = read_names(page)
    for kind, label, heading in (("csv", "CSV", "batchName"), ("xlsx", "Excel workbook", "Name")):
        page.locator("#export-menu summary").click()
        header, *rows = download_rows(page.locator("#export-menu").get_by_role("link", name=label), kind, tmp_path)
        page.keyboard.press("Escape")
        names = [row[header.index(heading)] for row in rows]
        assert len(names) == 24
        assert names[:10] == shown
