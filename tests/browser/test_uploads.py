"""A contact file becomes a batch: looked at, read otherwise, mended, and made."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from python_calamine import CalamineWorkbook

from tests.uploads.sample_uploads import CALLER_ID, ROWS, csv_of, xlsx_of

PREVIEW = re.compile(r"/batches/new/[0-9a-f]{24}$")
BATCH = re.compile(r"/batches/[0-9a-f]{24}$")
NATIONAL = "(202) 555-0102"  # one of ROWS, wrong without a region


def choose(page: Page, content: bytes, name: str = "spring-fair.csv") -> None:
    """Choose a file in the form and upload it."""
    page.goto("/batches/new")
    page.locator("#file").set_input_files({"name": name, "mimeType": "text/csv", "buffer": content})
    expect(page).to_have_url(re.compile("/batches/new$"))  # to choose a file submits nothing
    page.get_by_role("button", name="Upload file").click()


def look(page: Page, content: bytes, name: str = "spring-fair.csv") -> None:
    """Upload a file and wait for its preview."""
    choose(page, content, name)
    expect(page).to_have_url(PREVIEW)
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def expect_found(page: Page, good: int, duplicate: int, wrong: int) -> None:
    """The figures of the preview."""
    expect(page.locator(".file-counts dd:not(.subtext)")).to_have_text([str(good), str(duplicate), str(wrong)])


def make(page: Page, name: str = "Spring fair") -> None:
    """Fill in the form of the batch and send it."""
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Caller IDs").fill(CALLER_ID)
    page.get_by_role("button", name="Create batch").click()


def test_the_preview_shows_what_is_in_the_file(page: Page) -> None:
    look(page, csv_of(ROWS))
    expect_found(page, 1, 1, 1)
    wrong = page.get_by_role("region", name="Invalid rows").locator("tbody tr")
    expect(wrong).to_have_count(1)
    expect(wrong).to_have_text(re.compile(rf"3.*phoneNumber.*{re.escape(NATIONAL)}"))
    first = page.get_by_role("region", name="First 3 rows").locator("tbody tr")
    expect(first).to_have_text([re.compile("Zoë.*Lisbon", re.DOTALL), re.compile("Ann"), re.compile("again")])
    expect(page.get_by_label("Name", exact=True)).to_have_value("Spring fair")


def test_another_region_and_delimiter_change_the_figures(page: Page) -> None:
    look(page, csv_of(ROWS))
    page.get_by_label("Numbers without +").select_option("US")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".file-counts .is-bad")).to_have_count(0)
    expect_found(page, 2, 1, 0)
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
    expect_found(page, 0, 0, 3)


def test_a_reading_that_cannot_be_is_told_and_the_file_read_as_before(page: Page) -> None:
    look(page, csv_of([*ROWS, ["+12025550105", "Ann \N{EURO SIGN}", "Łódź"]]))
    page.locator(".file-reading summary").click()
    page.get_by_label("Encoding").select_option("utf-16")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("main [role=alert]").filter(has_text="The previous options still apply")).to_be_visible()
    expect(page.get_by_role("button", name="Apply")).to_be_enabled()
    page.reload()
    expect(page.get_by_label("Encoding")).to_have_value("utf-8")
    expect_found(page, 2, 1, 1)


def test_all_or_nothing_is_refused_and_leaving_out_makes_it(page: Page) -> None:
    look(page, csv_of(ROWS))
    make(page)
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

    look(page, csv_of(ROWS))
    expect(page.get_by_text("You already uploaded this file")).to_be_visible()
    page.get_by_role("link", name="Spring fair").click()
    expect(page).to_have_url(BATCH)


def test_errors_are_beside_their_fields_and_the_values_stay(page: Page) -> None:
    look(page, csv_of(ROWS[:2]))
    page.get_by_label("Caller IDs").fill("12")
    page.locator("#calling-hours summary").click()
    page.get_by_label("Time zone").fill("Nowhere/Town")
    page.locator("#calling-hours summary").click()
    page.get_by_role("button", name="Create batch").click()
    said = page.locator("#error-banner")
    expect(said).to_contain_text("Correct the marked fields.")
    expect(page.locator("#callingNumbers + .field-error")).to_contain_text("Has no country code")
    expect(page.locator("#timezone + .field-error")).to_contain_text("Must be an IANA time zone")
    expect(page.get_by_label("Caller IDs")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Caller IDs")).to_have_accessible_description(re.compile("Has no country code"))
    expect(page.get_by_label("Caller IDs")).to_have_value("12")
    make(page)
    expect(page.locator("#callingNumbers-problem")).to_have_count(0)
    expect(page.get_by_label("Time zone")).to_be_focused()
    page.get_by_label("Time zone").fill("lisbon")
    make(page)
    expect(page).to_have_url(BATCH)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_wrong_rows_are_downloaded_mended_and_sent_again(page: Page, tmp_path: Path, kind: str) -> None:
    look(page, csv_of(ROWS))
    with page.expect_download() as coming:
        page.get_by_role("link", name=f"Download (.{kind})").click()
    assert coming.value.suggested_filename.endswith(f".{kind}")
    kept = tmp_path / f"mend.{kind}"
    coming.value.save_as(kept)
    rows = read_rows(kept)
    assert [row[0] for row in rows] == ["phoneNumber", NATIONAL]
    assert "country" in rows[1][-1]

    rows[1][0] = "+12025550102"
    look(page, csv_of(rows) if kind == "csv" else xlsx_of(rows), f"mend.{kind}")
    expect_found(page, 1, 0, 0)
    make(page)
    expect(page.locator("#calls tbody tr")).to_have_count(1)
    expect(page.locator("#calls tbody tr")).to_contain_text("Ann")


def read_rows(path: Path) -> list[list[str]]:
    """The rows of a file that was downloaded."""
    if path.suffix == ".csv":
        return list(csv.reader(path.read_text("utf-8-sig").splitlines()))
    return [[str(cell) for cell in row] for row in CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()]
