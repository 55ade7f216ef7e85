"""The preview of a contact file: counts, options for reading it, errors, and the new batch."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.downloads import download_rows
from tests.browser.upload_steps import BATCH, create_batch, expect_counts, open_preview
from tests.uploads.sample_uploads import ROWS, csv_of, xlsx_of

NATIONAL = "(202) 555-0102"  # in ROWS; invalid without a region


def test_the_preview_shows_counts_invalid_rows_and_the_first_rows(page: Page) -> None:
    open_preview(page, csv_of(ROWS))
    expect_counts(page, 1, 1, 1)
    invalid = page.get_by_role("region", name="Invalid rows").locator("tbody tr")
    expect(invalid).to_have_count(1)
    expect(invalid).to_have_text(re.compile(rf"3.*phoneNumber.*{re.escape(NATIONAL)}"))
    first = page.get_by_role("region", name="First 3 rows").locator("tbody tr")
    expect(first).to_have_text([re.compile("Zoë.*Lisbon", re.DOTALL), re.compile("Ann"), re.compile("again")])
    expect(page.get_by_label("Name", exact=True)).to_have_value("Spring fair")


def test_another_region_and_delimiter_change_the_counts(page: Page) -> None:
    open_preview(page, csv_of(ROWS))
    page.get_by_label("Numbers without +").select_option("US")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".file-counts .is-bad")).to_have_count(0)
    expect_counts(page, 2, 1, 0)
    expect(page.get_by_label("Numbers without +")).to_have_value("US")

    page.locator(".file-reading summary").click()
    page.get_by_label("Delimiter").select_option(label="Semicolon")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("Choose the phone number column to check the rows")).to_be_visible()
    expect(page.locator(".file-counts")).to_have_count(0)
    expect(page.get_by_role("button", name="Create batch")).to_have_count(0)
    column = page.get_by_label("Phone number column")
    expect(column.locator("option")).to_have_text(["Choose a column", re.compile("phoneNumber,name,city")])
    column.select_option("phoneNumber,name,city")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("No valid rows")).to_be_visible()
    expect_counts(page, 0, 0, 3)


def test_an_unsuitable_encoding_is_refused_and_the_previous_options_apply(page: Page) -> None:
    open_preview(page, csv_of([*ROWS, ["+12025550105", "Ann \N{EURO SIGN}", "Łódź"]]))
    page.locator(".file-reading summary").click()
    page.get_by_label("Encoding").select_option("utf-16")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("main [role=alert]").filter(has_text="The previous options still apply")).to_be_visible()
    expect(page.get_by_role("button", name="Apply")).to_be_enabled()
    page.reload()
    expect(page.get_by_label("Encoding")).to_have_value("utf-8")
    expect_counts(page, 2, 1, 1)


def test_a_file_with_invalid_rows_is_refused_until_they_are_skipped(page: Page) -> None:
    open_preview(page, csv_of(ROWS))
    create_batch(page)
    expect(page.locator("#error-banner")).to_contain_text("Some rows are invalid.")
    expect(page.locator("fieldset + #wrongRows-problem")).to_contain_text("or skip invalid rows.")
    tab = page.context.new_page()
    tab.goto("/batches?search=spring")
    expect(tab.get_by_role("heading", name="No batches match")).to_be_visible()

    page.get_by_label("Skip invalid rows").check()
    page.get_by_role("button", name="Create batch").click()
    expect(page).to_have_url(BATCH)
    expect(page.get_by_role("heading", level=1)).to_have_text("Spring fair")
    expect(page.locator("#calls tbody tr")).to_have_count(1)
    expect(page.locator("#calls tbody tr")).to_contain_text("Lisbon")
    expect(page.get_by_role("button", name="Start")).to_be_visible()

    open_preview(page, csv_of(ROWS))
    expect(page.get_by_text("You already uploaded this file")).to_be_visible()
    page.get_by_role("link", name="Spring fair").click()
    expect(page).to_have_url(BATCH)


def test_errors_are_beside_their_fields_and_the_values_stay(page: Page) -> None:
    open_preview(page, csv_of(ROWS[:2]))
    page.get_by_label("Caller IDs").fill("12")
    page.locator("#calling-hours summary").click()
    page.get_by_label("Time zone").fill("Nowhere/Town")
    page.locator("#calling-hours summary").click()
    page.get_by_role("button", name="Create batch").click()
    banner = page.locator("#error-banner")
    expect(banner).to_contain_text("Correct the marked fields.")
    expect(page.locator("#callingNumbers + .field-error")).to_contain_text("Has no country code")
    expect(page.locator("#timezone + .field-error")).to_contain_text("Must be an IANA time zone")
    expect(page.get_by_label("Caller IDs")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Caller IDs")).to_have_accessible_description(re.compile("Has no country code"))
    expect(page.get_by_label("Caller IDs")).to_have_value("12")
    create_batch(page)
    expect(page.locator("#callingNumbers-problem")).to_have_count(0)
    expect(page.get_by_label("Time zone")).to_be_focused()
    page.get_by_label("Time zone").fill("lisbon")
    create_batch(page)
    expect(page).to_have_url(BATCH)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_invalid_rows_can_be_downloaded_corrected_and_uploaded(page: Page, tmp_path: Path, kind: str) -> None:
    open_preview(page, csv_of(ROWS))
    rows = download_rows(page.get_by_role("link", name=f"Download (.{kind})"), kind, tmp_path)
    assert [row[0] for row in rows] == ["phoneNumber", NATIONAL]
    assert "country" in rows[1][-1]

    rows[1][0] = "+12025550102"
    open_preview(page, csv_of(rows) if kind == "csv" else xlsx_of(rows), f"corrected.{kind}")
    expect_counts(page, 1, 0, 0)
    create_batch(page)
    expect(page.locator("#calls tbody tr")).to_have_count(1)
    expect(page.locator("#calls tbody tr")).to_contain_text("Ann")
