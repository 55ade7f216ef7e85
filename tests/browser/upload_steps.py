"""The steps from a contact file to a batch, as the tests of uploads take them."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.uploads.sample_uploads import CALLER_ID

PREVIEW = re.compile(r"/batches/new/[0-9a-f]{24}$")
BATCH = re.compile(r"/batches/[0-9a-f]{24}$")


def upload_file(page: Page, content: bytes, name: str) -> None:
    """Choose a file in the form and upload it."""
    page.goto("/batches/new")
    page.locator("#file").set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})
    expect(page).to_have_url(re.compile("/batches/new$"))  # choosing a file does not submit the form
    page.get_by_role("button", name="Upload file").click()


def open_preview(page: Page, content: bytes, name: str = "spring-fair.csv") -> None:
    """Upload a file and wait for its preview."""
    upload_file(page, content, name)
    expect(page).to_have_url(PREVIEW)
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def expect_counts(page: Page, valid: int, duplicate: int, invalid: int) -> None:
    """Check the counts of rows in the preview."""
    expect(page.locator(".file-counts dd:not(.subtext)")).to_have_text([str(valid), str(duplicate), str(invalid)])


def create_batch(page: Page) -> None:
    """Fill in name and caller IDs and press Create batch."""
    page.get_by_label("Name", exact=True).fill("Spring fair")
    page.get_by_label("Caller IDs").fill(CALLER_ID)
    page.get_by_role("button", name="Create batch").click()
