"""The actions on a batch's page: status, rename, duplicate, delete and restore."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from portal.models import Batch, User
from tests.browser.downloads import download_rows
from tests.support.builders import Builder

ENDED = ("completed", "no-answer", "busy")


@pytest.fixture
def spring(build: Builder, owner: User) -> Batch:
    """Create a pending batch of the owner with five calls, three of them final."""
    counts = {"total_calls": 5, "calls_called": 3, "calls_picked": 1, "calls_completed": 1}
    batch = build.create_batch(owner, "Spring fair", **counts)
    for status, town in zip((*ENDED, "pending", "pending"), ("Lisbon", "Porto", "Braga", "Faro", "Faro"), strict=True):
        build.create_call(batch, status=status, fields={"city": town})
    return batch


@pytest.fixture
def opened(new_page: Callable[..., Page], enter: Callable[..., Page], spring: Batch) -> Page:
    """Open the batch's page as its owner."""
    page = enter(new_page())
    page.goto(f"/batches/{spring.id}")
    return page


def expect_actions(page: Page, *actions: str) -> None:
    """Check that exactly these actions have a button."""
    expect(page.locator(".page-header button[name=do]")).to_have_text(list(actions))


def press(page: Page, label: str, message: str) -> None:
    """Press a button and wait for the message."""
    page.get_by_role("button", name=label, exact=True).click()
    expect(page.locator("main [role=status]").first).to_contain_text(message)


def choose_from_menu(page: Page, label: str) -> None:
    """Choose an item of the batch's menu."""
    page.get_by_label("More actions").click()
    page.get_by_role("link", name=label, exact=True).click()


def test_only_available_actions_are_offered(opened: Page) -> None:
    badge = opened.locator(".page-header .badge")
    expect_actions(opened, "Start", "Stop")
    for label, result, status, actions in (
        ("Start", "started", "Active", ["Pause", "Stop"]),
        ("Pause", "paused", "Paused", ["Resume", "Stop"]),
        ("Resume", "resumed", "Active", ["Pause", "Stop"]),
        ("Stop", "stopped", "Stopped", ["Start"]),
    ):
        if label == "Stop":
            opened.get_by_role("button", name="Stop").click()
            expect(opened.get_by_role("heading", level=1)).to_have_text("Stop “Spring fair”?")
        press(opened, label, f"Batch {result}.")
        expect(opened.locator("main [role=status]").first).to_be_focused()
        expect(badge).to_have_text(status)
        expect_actions(opened, *actions)


def test_a_batch_without_an_open_call_cannot_be_started(opened: Page, build: Builder, owner: User) -> None:
    done = build.create_batch(owner, "Done", status="completed", total_calls=1)
    build.create_call(done, status="busy")
    opened.goto(f"/batches/{done.id}")
    expect(opened.locator(".page-header .badge")).to_have_text("Completed")
    expect_actions(opened)


def test_an_action_on_a_changed_batch_is_refused_with_a_reason(opened: Page, build: Builder, spring: Batch) -> None:
    build.change(spring, status="active")
    opened.route("**/*", lambda route: route.abort() if route.request.resource_type == "fetch" else route.continue_())
    opened.reload()
    expect_actions(opened, "Pause", "Stop")
    build.change(spring, status="stopped")
    opened.get_by_role("button", name="Pause").click()
    refusal = opened.locator("main [role=alert]").filter(has_text="This batch is stopped and cannot be paused.")
    expect(refusal).to_contain_text("“Spring fair” not changed.")
    expect(opened.locator(".page-header .badge")).to_have_text("Stopped")


def test_an_action_on_a_deleted_batch_leads_back_to_the_list(opened: Page, call_api: Callable, spring: Batch) -> None:
    assert call_api(f"delete-batch/{spring.id}", method="DELETE").status_code == 200
    opened.get_by_role("button", name="Start").click()
    expect(opened.get_by_role("heading", name="Not found")).to_be_visible()
    opened.get_by_role("link", name="Go to batches").click()
    expect(opened).to_have_url(re.compile(r"/batches$"))


def test_deletion_asks_for_confirmation_and_can_be_undone(opened: Page) -> None:
    press(opened, "Start", "Batch started.")
    choose_from_menu(opened, "Delete")
    expect(opened.get_by_role("heading", level=1)).to_have_text("Delete “Spring fair”?")
    expect(opened.locator(".message.is-error")).to_contain_text(
        "Active or paused: Spring fair. Deleting stops calling immediately"
    )
    opened.get_by_role("link", name="Cancel").click()
    expect(opened.get_by_role("heading", level=1)).to_have_text("Spring fair")
    choose_from_menu(opened, "Delete")
    press(opened, "Delete", "Batch deleted.")
    expect(opened.get_by_role("heading", name="No batches yet").or_(opened.locator("#batches tbody"))).to_be_visible()
    expect(opened.locator("#batches tbody tr")).to_have_count(0)
    press(opened, "Undo", "Batch restored.")
    expect(opened.locator("#batches tbody .col-name")).to_have_text("Spring fair")
    expect(opened.locator("#batches tbody .col-status")).to_have_text("Stopped")


def test_the_trash_names_the_user_and_restores_the_calls(opened: Page, spring: Batch) -> None:
    choose_from_menu(opened, "Delete")
    press(opened, "Delete", "Batch deleted.")
    opened.get_by_role("link", name="Trash").click()
    row = opened.locator("#trash tbody tr")
    expect(row).to_contain_text("Spring fair")
    expect(row).to_contain_text("owner")
    press(opened, "Restore Spring fair", "Batch restored.")
    expect(opened.get_by_role("heading", name="The trash is empty")).to_be_visible()
    opened.goto(f"/batches/{spring.id}")
    expect(opened.locator("#calls tbody tr")).to_have_count(5)


def test_rename(opened: Page) -> None:
    choose_from_menu(opened, "Rename")
    name = opened.get_by_label("Name")
    expect(name).to_have_value("Spring fair")
    name.fill("   ")
    opened.get_by_role("button", name="Rename").click()
    expect(name).to_have_attribute("aria-invalid", "true")
    name.fill("Summer fair")
    press(opened, "Rename", "Batch renamed.")
    expect(opened.get_by_role("heading", level=1)).to_have_text("Summer fair")
    expect(opened.locator(".activity-list")).to_contain_text("Renamed from “Spring fair” to “Summer fair”")


def test_duplicate_contacts_not_reached(opened: Page) -> None:
    choose_from_menu(opened, "Duplicate")
    expect(opened.get_by_label("Only contacts not reached")).to_have_count(1)
    expect(opened.get_by_text("Only contacts not reached 4")).to_be_visible()
    opened.get_by_label("Only contacts not reached").check()
    press(opened, "Create batch", "“Spring fair copy” created with 4 calls.")
    expect(opened.get_by_role("heading", level=1)).to_have_text("Spring fair copy")
    expect(opened.locator("#calls tbody tr")).to_have_count(4)
    expect(opened.locator("#calls")).not_to_contain_text("Lisbon")
    expect_actions(opened, "Start", "Stop")


def test_the_activity_names_user_and_channel(opened: Page, call_api: Callable, spring: Batch, owner: User) -> None:
    press(opened, "Start", "Batch started.")
    assert call_api("stop-calling", {"batchId": spring.id, "userId": owner.id}).status_code == 200
    for label, result in (("Start", "started"), ("Pause", "paused"), ("Resume", "resumed")):
        opened.reload()
        press(opened, label, result)
    opened.get_by_role("button", name="Stop").click()
    press(opened, "Stop", "stopped")
    expect(opened.locator(".activity-list li")).to_have_count(3)
    opened.get_by_role("link", name="All 6 entries").click()
    entries = opened.locator("#activity .activity-list li")
    expect(entries).to_have_count(6)
    expect(entries.nth(0)).to_contain_text("Changed from active to stopped")
    expect(entries.nth(0)).to_contain_text("owner, web app")
    expect(entries.nth(4)).to_contain_text("owner, token “test”")


def test_an_export_of_calls_has_the_search_and_the_filter(opened: Page, tmp_path: Path) -> None:
    expect(opened.locator("#calls tbody tr")).to_have_count(5)
    rows = export_rows(opened, tmp_path)
    assert len(rows) == 6
    opened.locator("#chip-pending").click()
    expect(opened).to_have_url(re.compile("status=pending"))
    opened.get_by_role("searchbox").fill("faro")
    expect(opened).to_have_url(re.compile("search=faro&status=pending"))
    expect(opened.locator("#calls tbody tr")).to_have_count(2)
    header, *rows = export_rows(opened, tmp_path)
    assert [row[header.index("city")] for row in rows] == ["Faro", "Faro"]


def export_rows(page: Page, folder: Path) -> list[list[str]]:
    """Export the calls of this view as CSV and return the rows."""
    page.locator("#export-menu summary").click()
    rows = download_rows(page.locator("#export-menu").get_by_role("link", name="CSV", exact=True), "csv", folder)
    page.keyboard.press("Escape")
    return rows
