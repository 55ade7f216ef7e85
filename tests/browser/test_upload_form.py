"""The upload form: a chosen or dropped file, an unreadable file, a large file, and no JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from portal.models import User
from tests.browser.upload_steps import BATCH, PREVIEW, create_batch, expect_counts, open_preview, upload_file
from tests.uploads.sample_uploads import CALLER_ID, ROWS, csv_of, xlsx_of

MANY = 5000


def test_a_dropped_file_is_uploaded_by_the_button(page: Page) -> None:
    page.goto("/batches/new")
    dropped = page.evaluate_handle(
        """(text) => {
          const data = new DataTransfer();
          data.items.add(new File([text], "dropped.csv", {type: "text/csv"}));
          return data;
        }""",
        csv_of(ROWS).decode(),
    )
    page.dispatch_event("#upload-form", "dragover", {"dataTransfer": dropped})
    expect(page.locator("#upload-form")).to_have_class(re.compile("is-dragging"))
    page.dispatch_event("#upload-form", "drop", {"dataTransfer": dropped})
    expect(page.get_by_role("button", name="Upload file")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(PREVIEW)
    expect_counts(page, 1, 1, 1)


@pytest.mark.parametrize("scripted", [True, False])
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("contacts.pdf", b"%PDF-1.7", "must be a .csv, .tsv, .txt, .xls or .xlsx file"),
        ("contacts.csv", b"", "is empty"),
        ("contacts.xlsx", b"phoneNumber\n", "is not an .xlsx workbook"),
    ],
)
def test_an_unreadable_file_is_refused_on_the_form(
    new_page: Callable, enter: Callable, owner: User, name: str, content: bytes, words: str, scripted: bool
) -> None:
    page = enter(new_page(java_script_enabled=scripted))
    upload_file(page, content, name)
    expect(page.locator("main [role=alert]").filter(has_text=words)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/batches/new$"))
    open_preview(page, csv_of(ROWS))
    expect_counts(page, 1, 1, 1)


def test_a_file_becomes_a_batch_without_javascript(new_page: Callable, enter: Callable, owner: User) -> None:
    page = enter(new_page(java_script_enabled=False))
    open_preview(page, xlsx_of(ROWS), "spring-fair.xlsx")
    expect_counts(page, 1, 1, 1)
    create_batch(page)
    expect(page.get_by_text("Correct the file and upload it again, or skip invalid rows.")).to_be_visible()
    expect(page.get_by_label("Caller IDs")).to_have_value(CALLER_ID)
    page.get_by_label("Numbers without +").select_option("US")
    page.get_by_role("button", name="Apply").click()
    expect_counts(page, 2, 1, 0)
    create_batch(page)
    expect(page).to_have_url(BATCH)
    expect(page.locator("#calls tbody tr")).to_have_count(2)


def test_progress_is_shown_while_a_large_file_is_checked(page: Page) -> None:
    messages: list[str] = []
    page.expose_function("record", lambda text: messages.append(text))
    page.goto("/batches/new")
    page.evaluate(
        """() => {
          const shown = document.querySelector("#upload-form .progress");
          const record = (texts) => shown.hidden || texts.forEach((text) => window.record(text));
          const written = (changes) => changes.flatMap((one) => [...one.addedNodes].map((node) => node.textContent));
          new MutationObserver((changes) => record(written(changes))).observe(shown, {subtree: true, childList: true});
        }"""
    )
    rows = [["phoneNumber"], *([f"+1{200 + number // 100}55501{number % 100:02}"] for number in range(MANY))]
    page.locator("#file").set_input_files({"name": "many.csv", "mimeType": "text/csv", "buffer": csv_of(rows)})
    page.get_by_role("button", name="Upload file").click()
    expect(page).to_have_url(PREVIEW)
    steps = [
        int(words.group(1).replace(",", "")) for text in messages if (words := re.match(r"Checking: ([\d,]+) of", text))
    ]
    assert len(set(steps)) > 2
    assert steps == sorted(steps)
    expect(page.locator(".page-header")).to_contain_text("5,000 rows")
