"""A batch's life by the buttons of its page: moved, renamed, duplicated, deleted, and brought back."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from portal.models import Batch, User
from tests.support.builders import Builder

ENDED = ("completed", "no-answer", "busy")


@pytest.fixture
def spring(build: Builder, owner: User) -> Batch:
    """A batch of the owner that waits, with five calls: three that have ended, two still to be made."""
    counts = {"total_calls": 5, "calls_called": 3, "calls_picked": 1, "calls_completed": 1}
    batch = build.create_batch(owner, "Spring fair", **counts)
    for status, town in zip((*ENDED, "pending", "pending"), ("Lisbon", "Porto", "Braga", "Faro", "Faro"), strict=True):
        build.create_call(batch, status=status, fields={"city": town})
    return batch


@pytest.fixture
def opened(new_page: Callable[..., Page], enter: Callable[..., Page], spring: Batch) -> Page:
    """The batch's page in a browser of its owner."""
    page = enter(new_page())
    page.goto(f"/batches/{spring.id}")
    return page


def expect_offers(page: Page, *moves: str) -> None:
    """These moves have a button, and no others."""
    expect(page.locator(".page-header button[name=move]")).to_have_text(list(moves))


def press(page: Page, word: str, result: str) -> None:
    """Press a button and check the message with its result."""
    page.get_by_role("button", name=word, exact=True).click()
    expect(page.locator("main [role=status]").first).to_contain_text(result)


def choose_more(page: Page, word: str) -> None:
    """Choose from the batch's menu."""
    page.get_by_label("More actions").click()
    page.get_by_role("link", name=word, exact=True).click()


def test_started_paused_resumed_stopped_and_only_what_is_legal_is_offered(opened: Page) -> None:
    badge = opened.locator(".page-header .badge")
    expect_offers(opened, "Start", "Stop")
    for word, result, status, offers in (
        ("Start", "started", "Active", ["Pause", "Stop"]),
        ("Pause", "paused", "Paused", ["Resume", "Stop"]),
        ("Resume", "resumed", "Active", ["Pause", "Stop"]),
        ("Stop", "stopped", "Stopped", ["Start"]),
    ):
        press(opened, word, f"Batch {result}.")
        expect(badge).to_have_text(status)
        expect_offers(opened, *offers)


def test_a_batch_without_an_open_call_cannot_be_started(opened: Page, build: Builder, owner: User) -> None:
    done = build.create_batch(owner, "Done", status="completed", total_calls=1)
    build.create_call(done, status="busy")
    opened.goto(f"/batches/{done.id}")
    expect(opened.locator(".page-header .badge")).to_have_text("Completed")
    expect_offers(opened)


def test_a_change_in_another_tab_comes_first(opened: Page, build: Builder, spring: Batch) -> None:
    build.change(spring, status="active")
    opened.route("**/*", lambda route: route.abort() if route.request.resource_type == "fetch" else route.continue_())
    opened.reload()
    expect_offers(opened, "Pause", "Stop")
    build.change(spring, status="stopped")
    opened.get_by_role("button", name="Pause").click()
    refusal = opened.locator("main [role=alert]").filter(has_text="This batch is stopped and cannot be paused.")
    expect(refusal).to_contain_text("The page may have been out of date.")
    expect(opened.locator(".page-header .badge")).to_have_text("Stopped")


def test_somebody_deleted_it_meanwhile(opened: Page, call_api: Callable, spring: Batch) -> None:
    assert call_api(f"delete-batch/{spring.id}", method="DELETE").status_code == 200
    opened.get_by_role("button", name="Start").click()
    expect(opened.get_by_role("heading", name="Not found")).to_be_visible()
    opened.get_by_role("link", name="Go to batches").click()
    expect(opened).to_have_url(re.compile(r"/batches$"))


def test_deleting_asks_says_what_it_stops_and_can_be_undone(opened: Page) -> None:
    press(opened, "Start", "Batch started.")
    choose_more(opened, "Delete")
    expect(opened.get_by_role("heading", level=1)).to_have_text("Delete “Spring fair”?")
    expect(opened.locator(".message.is-error")).to_contain_text(
        "Active or paused: Spring fair. Deleting stops calling immediately"
    )
    opened.get_by_role("link", name="Cancel").click()
    expect(opened.locator("#batches tbody tr")).to_have_count(1)
    opened.go_back()
    press(opened, "Delete", "1 batch deleted.")
    expect(opened.get_by_role("heading", name="No batches yet").or_(opened.locator("#batches tbody"))).to_be_visible()
    expect(opened.locator("#batches tbody tr")).to_have_count(0)
    press(opened, "Undo", "1 batch restored.")
    expect(opened.locator("#batches tbody .col-name")).to_have_text("Spring fair")
    expect(opened.locator("#batches tbody .col-status")).to_have_text("Stopped")


def test_the_trash_tells_who_and_brings_it_back_with_its_calls(opened: Page, spring: Batch) -> None:
    choose_more(opened, "Delete")
    press(opened, "Delete", "1 batch deleted.")
    opened.get_by_role("link", name="Trash").click()
    row = opened.locator("#trash tbody tr")
    expect(row).to_contain_text("Spring fair")
    expect(row).to_contain_text("owner")
    press(opened, "Restore Spring fair", "1 batch restored.")
    expect(opened.get_by_role("heading", name="The trash is empty")).to_be_visible()
    opened.goto(f"/batches/{spring.id}")
    expect(opened.locator("#calls tbody tr")).to_have_count(5)


def test_renaming(opened: Page) -> None:
    choose_more(opened, "Rename")
    name = opened.get_by_label("Name")
    expect(name).to_have_value("Spring fair")
    name.fill("   ")
    opened.get_by_role("button", name="Rename").click()
    expect(name).to_have_attribute("aria-invalid", "true")
    name.fill("Summer fair")
    press(opened, "Rename", "Batch renamed.")
    expect(opened.get_by_role("heading", level=1)).to_have_text("Summer fair")
    expect(opened.locator(".activity-list")).to_contain_text("Renamed from “Spring fair” to “Summer fair”")


def test_duplicating_those_not_reached(opened: Page) -> None:
    choose_more(opened, "Duplicate")
    expect(opened.get_by_label("Only contacts not reached")).to_have_count(1)
    expect(opened.get_by_text("Only contacts not reached 4")).to_be_visible()
    opened.get_by_label("Only contacts not reached").check()
    press(opened, "Create batch", "“Spring fair copy” created with 4 calls.")
    expect(opened.get_by_role("heading", level=1)).to_have_text("Spring fair copy")
    expect(opened.locator("#calls tbody tr")).to_have_count(4)
    expect(opened.locator("#calls")).not_to_contain_text("Lisbon")
    expect_offers(opened, "Start", "Stop")


def test_the_changes_name_who_and_how(opened: Page, call_api: Callable, spring: Batch, owner: User) -> None:
    press(opened, "Start", "Batch started.")
    assert call_api("stop-calling", {"batchId": spring.id, "userId": owner.id}).status_code == 200
    for word, result in (("Start", "started"), ("Pause", "paused"), ("Resume", "resumed"), ("Stop", "stopped")):
        opened.reload()
        press(opened, word, result)
    expect(opened.locator(".activity-list li")).to_have_count(5)
    opened.get_by_role("link", name="All 6 entries").click()
    entries = opened.locator("#activity .activity-list li")
    expect(entries).to_have_count(6)
    expect(entries.nth(0)).to_contain_text("Changed from active to stopped")
    expect(entries.nth(0)).to_contain_text("owner, web app")
    expect(entries.nth(4)).to_contain_text("owner, token “test”")


def test_the_export_of_the_calls_follows_search_and_outcome(opened: Page, tmp_path: Path) -> None:
    expect(opened.locator("#calls tbody tr")).to_have_count(5)
    rows = exported(opened, tmp_path / "all.csv")
    assert len(rows) == 6
    opened.locator("#chip-pending").click()
    expect(opened).to_have_url(re.compile("status=pending"))
    opened.get_by_role("searchbox").fill("faro")
    expect(opened).to_have_url(re.compile("search=faro&status=pending"))
    expect(opened.locator("#calls tbody tr")).to_have_count(2)
    header, *rows = exported(opened, tmp_path / "faro.csv")
    assert [row[header.index("city")] for row in rows] == ["Faro", "Faro"]


def exported(page: Page, kept: Path) -> list[list[str]]:
    """The rows of the CSV that the export of what is shown gives."""
    page.locator("#export-menu summary").click()
    with page.expect_download() as coming:
        page.locator("#export-menu").get_by_role("link", name="CSV").click()
    coming.value.save_as(kept)
    page.keyboard.press("Escape")
    return list(csv.reader(kept.read_text("utf-8-sig").splitlines()))
