"""The preview of a contact file: how the file is read, what to check, and options that change it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from portal.models import User
from portal.uploads.query import find_upload
from tests.contacts.sample_files import as_csv, as_sheets, as_xlsx
from tests.support.builders import Builder
from tests.support.pages import extract_text, send_form
from tests.uploads.sample_uploads import CALLER_ID, NO_NUMBERS, TITLED, TWO_NUMBERS

# Reading a file does not depend on the database.
pytestmark = pytest.mark.parametrize("app", ["sqlite"], indirect=True)


@pytest.fixture
def preview(signed_in: FlaskClient) -> Callable[..., str]:
    """Return a function that uploads a file on the page and returns the address of its preview."""

    def send(content: bytes, name: str = "a.csv") -> str:
        answer = send_form(signed_in, "/batches/new", file=(io.BytesIO(content), name))
        assert answer.status_code == 303, extract_text(answer.text)
        return answer.location

    return send


@pytest.fixture
def apply(signed_in: FlaskClient) -> Callable[..., str]:
    """Return a function that sends the form of the options as it is shown, with changes, and returns the page."""

    def send(address: str, **changes: str) -> str:
        page = signed_in.get(address).text
        answer = send_form(signed_in, f"{address}/reading", **(shown(page) | changes))
        assert answer.status_code == 303, extract_text(answer.text)
        return signed_in.get(address).text

    return send


def shown(page: str) -> dict[str, str]:
    """Return the options that a page shows, by name."""
    form = re.search(r"<form[^>]*/reading.*?</form>", page, re.DOTALL)[0]
    options = {}
    for name, choices in re.findall(r'<select name="(\w+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        values = re.findall(r'<option value="([^"]*)"( selected)?', choices)
        options[name] = next((value for value, selected in values if selected), values[0][0])
    return options


def test_nothing_is_counted_until_a_column_is_chosen(
    preview: Callable, apply: Callable, signed_in: FlaskClient
) -> None:
    address = preview(NO_NUMBERS)
    page = signed_in.get(address).text
    text = extract_text(page)
    assert "No column seems to hold phone numbers. Choose the phone number column" in text
    assert "1004711001" in text
    assert "Valid" not in text
    assert "Create batch" not in text
    assert shown(page)["phoneColumn"] == ""
    assert signed_in.get(f"{address}/wrong.csv").status_code == 404
    refused = send_form(signed_in, address, batchName="A", callingNumbers=CALLER_ID)
    assert (refused.status_code, "Choose the phone number column first." in refused.text) == (400, True)
    text = extract_text(apply(address, phoneColumn="Kundennummer"))
    assert "Valid 0" in text
    assert "2 rows: Kundennummer has no country code" in text


def test_each_option_is_shown_and_can_be_changed(preview: Callable, apply: Callable, signed_in: FlaskClient) -> None:
    address = preview(as_csv([["My list", ""], *TWO_NUMBERS], ";", "cp1252"))
    assert shown(signed_in.get(address).text) == {
        "phoneColumn": "Handy",
        "region": "",
        "countryColumn": "",
        "headerRow": "2",
        "encoding": "cp1252",
        "delimiter": "semicolon",
    }
    page = apply(address, phoneColumn="Büro", region="DE")
    assert shown(page)["phoneColumn"] == "Büro"
    assert "Germany (+49)" in page
    assert "Numbers by country: Germany 1" in extract_text(page)
    page = apply(address, headerRow="0")
    assert "Choose the phone number column" in extract_text(page)  # the chosen column is gone
    page = apply(address, headerRow="2", region="+")
    assert (shown(page)["headerRow"], shown(page)["phoneColumn"], shown(page)["region"]) == ("2", "Handy", "+")


def test_another_sheet_is_chosen_with_its_own_header(preview: Callable, apply: Callable) -> None:
    mobiles = [["mobile"], ["+12025550102"], ["+12025550103"]]
    address = preview(as_sheets(("One", True, TITLED), ("Two", True, mobiles)), "a.xlsx")
    page = apply(address, sheet="Two")
    assert (shown(page)["sheet"], shown(page)["headerRow"], shown(page)["phoneColumn"]) == ("Two", "1", "mobile")
    assert "Valid 2" in extract_text(page)
    assert "Only the sheet Two is read, not One" in extract_text(page)


def test_the_preview_lists_what_to_check(preview: Callable, signed_in: FlaskClient) -> None:
    content = as_xlsx(
        [
            ["tel", "home phone", "secret"],
            ["+9112025550101", "+12025550101", "x"],
            ["+919876540001", "+12025550102"],
            ["+919876540001", "+12025550103"],
            ["+12025550104", "+12025550104"],
        ],
        hidden_rows=[5],
        hidden_columns="C",
    )
    text = extract_text(signed_in.get(preview(content, "a.xlsx")).text)
    for notice in (
        "1 of 2 numbers is not in use in India.",
        "1 row is hidden in the spreadsheet and left out.",
        "Columns hidden in the spreadsheet are left out: secret.",
        "1 row repeats a number of an earlier row and is left out.",
        "Phone numbers are also in home phone; they are stored but not called.",
    ):
        assert notice in text
    text = extract_text(signed_in.get(preview(as_csv([["phone"], *[["12"]] * 70]))).text)
    assert "70 rows: phone has no country code" in text


def test_a_preview_of_an_earlier_release_is_shown(
    preview: Callable, signed_in: FlaskClient, build: Builder, app: Any, owner: User
) -> None:
    address = preview(as_csv([["phone"], ["+12025550101"]]))
    with app.app_context():
        upload = find_upload(owner.key, address.rpartition("/")[2])
    report = {name: value for name, value in upload.report.items() if name != "reading"}
    choices = {"encoding": "utf-8", "delimiter": ",", "column": "phone", "region": ""}
    build.change(upload, choices=choices, report=report)
    assert "Valid 1" in extract_text(signed_in.get(address).text)
