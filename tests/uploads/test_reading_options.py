"""How a contact file is read: detected, said, and changeable, by the form fields of the API and on the page."""

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
from tests.uploads.sample_uploads import CALLER_ID

# Reading a file does not depend on the database.
pytestmark = pytest.mark.parametrize("app", ["sqlite"], indirect=True)

TWO_NUMBERS = [["Kunde", "Handy", "Büro"], ["1", "+49 151 23125010", "030 23125011"]]
TITLED = [["Spring campaign", ""], ["Phone", "City"], ["+12025550101", "Rome"]]
NO_NUMBERS = as_csv([["Kundennummer", "Stadt"], ["1004711001", "Bonn"], ["1004711002", "Köln"]])


@pytest.mark.parametrize(
    ("content", "fields", "numbers", "read"),
    [
        (as_csv(TWO_NUMBERS), {}, ["+4915123125010"], {"phoneColumn": "Handy"}),
        (as_csv(TWO_NUMBERS), {"phoneColumn": "büro"}, ["+493023125011"], {"phoneColumn": "Büro", "region": "DE"}),
        (as_csv([["phone"], ["2025550101"]]), {"region": "US"}, ["+12025550101"], {"region": "US"}),
        (as_csv(TITLED, ";"), {"headerRow": "2"}, ["+12025550101"], {"headerRow": 2, "delimiter": ";"}),
        (as_csv(TITLED, "|"), {"delimiter": "vertical bar"}, ["+12025550101"], {"headerRow": 2, "delimiter": "|"}),
        (as_csv(TITLED, "\t"), {"delimiter": "\t"}, ["+12025550101"], {"delimiter": "\t"}),
        (as_csv([["Élan", "tel"], ["a", "+12025550101"]], encoding="cp850"), {"encoding": "ibm850"}, None, {}),
        (
            as_csv([["tel"], ["442079460101"]]),
            {"withCountryCode": "true"},
            ["+442079460101"],
            {"withCountryCode": True},
        ),
        (as_csv([["tel", "code"], ["02079460101", "44"]]), {"countryColumn": "code"}, ["+442079460101"], {}),
        (
            as_csv([["tel", "country"], ["030 23125010", "GB"]]),
            {"countryColumn": "none"},
            ["+493023125010"],
            {"countryColumn": None},
        ),
        (
            as_csv([["+12025550101", "a"], ["+12025550102", "b"]]),
            {"headerRow": "0", "phoneColumn": "Column 1"},
            ["+12025550101", "+12025550102"],
            {"headerRow": 0},
        ),
    ],
)
def test_every_option_of_the_api_changes_how_a_file_is_read(
    upload: Callable,
    calls_of: Callable,
    build: Builder,
    owner: User,
    content: bytes,
    fields: dict,
    numbers: list[str] | None,
    read: dict,
) -> None:
    build.change(owner, region="DE")
    answer = upload(content, **fields)
    calls = calls_of(answer)
    assert [call["phoneNumber"] for call in calls] == (numbers or ["+12025550101"])
    assert {name: answer.json["read"][name] for name in read} == read
    if "encoding" in fields:
        assert calls[0]["Élan"] == "a"


@pytest.mark.parametrize("hidden", ["skip", "include", None])
def test_hidden_rows_are_left_out_or_included_and_counted(upload: Callable, calls_of: Callable, hidden: str) -> None:
    content = as_xlsx([["phone"], *([f"+1202555010{number}"] for number in range(4))], hidden_rows=[3, 4])
    answer = upload(content, "a.xlsx", **({"hidden": hidden} if hidden else {}))
    is_included = hidden == "include"
    assert len(calls_of(answer)) == (4 if is_included else 2)
    assert answer.json["skipped"]["hidden"] == (0 if is_included else 2)
    assert any("2 rows are hidden in the spreadsheet" in notice for notice in answer.json["read"]["notices"])
    only_hidden = upload(as_xlsx([["phone"], ["+12025550101"]], hidden_rows=[2]), "a.xlsx")
    assert only_hidden.status_code == 400
    assert "its only row is hidden; unhide them, or send hidden=include" in only_hidden.json["errorMessage"]


def test_lists_are_sent_as_repeated_fields_or_as_json(upload: Callable, call_api: Callable) -> None:
    content = as_csv([["phone"], ["+12025550101"]])
    for fields in (
        {"callingNumbers": ["+12025550100", "+12025550109"], "allowedDays": ["1", "5"]},
        {"callingNumbers": '["+12025550100", "+12025550109"]', "allowedDays": "[1, 5]"},
        {"callingNumbers": ['"+12025550100"', "+12025550109"], "allowedDays": ["1", "", "5"]},
    ):
        answer = upload(content, **fields, callingHour="null", retry="", headerRow="")
        assert answer.status_code == 200, answer.json
        assert answer.json["batch"]["callingNumbers"] == ["+12025550100", "+12025550109"]
    assert upload(content, allowedDays="3").status_code == 200
    blobs = {
        "callingHour": (io.BytesIO(b'{"start": "09:00", "end": "17:00"}'), "blob", "application/json"),
        "callingNumbers": (io.BytesIO(b'["+12025550109"]'), "blob", "application/json"),
    }
    answer = upload(content, **blobs)
    assert answer.json["batch"]["callingNumbers"] == ["+12025550109"]
    assert upload(content, callingHour=(io.BytesIO(b"{}"), "a.csv", "text/csv")).status_code == 400


def test_a_file_without_a_phone_number_column_is_refused_by_the_names_of_its_columns(
    upload: Callable, api: Callable
) -> None:
    answer = upload(NO_NUMBERS)
    assert answer.status_code == 400
    assert answer.json["errorMessage"] == (
        "file cannot be imported: no column holds phone numbers; it has Kundennummer, Stadt;"
        " name the right one in phoneColumn"
    )
    assert api().status_code == 404
    workbook = upload(as_xlsx([["id", "city", "phone"], ["1", "Bonn", "+12025550101"]], hidden_columns="C"), "a.xlsx")
    assert workbook.json["errorMessage"] == (
        "file cannot be imported: no column of the sheet Sheet1 holds phone numbers; it has id, city; name the right"
        " one in phoneColumn; hidden columns are left out (phone), hidden=include reads them"
    )


def test_reasons_are_summed_up_with_their_cure(upload: Callable) -> None:
    rows = [["phone"], *[["(202) 555-0101"]] * 70, ["12"], [""], ["#N/A"], ["x"]]
    answer = upload(as_csv(rows))
    assert answer.status_code == 422
    message = answer.json["errorMessage"]
    assert message.startswith("file has invalid rows: 73. phone has no country code; add it, such as +1")
    assert "(71 rows, first row 2)" in message
    assert "Send region or withCountryCode=true for numbers without +" in message
    assert sum(count["rows"] for count in answer.json["data"]["reasons"]) == answer.json["data"]["total"] == 73


def test_numbers_that_are_not_in_use_are_counted_and_not_refused(upload: Callable) -> None:
    rows = [["phone"], *([f"+9112025550{number}"] for number in range(3)), ["+919876540001"]]
    answer = upload(as_csv(rows))
    assert (answer.status_code, answer.json["batch"]["totalCalls"]) == (200, 4)
    assert answer.json["read"]["notices"][0] == "3 of 4 numbers are not in use in India"


# --- on the page ------------------------------------------------------------------------------------------------------


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


def test_what_a_user_should_check_is_said(preview: Callable, signed_in: FlaskClient) -> None:
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
