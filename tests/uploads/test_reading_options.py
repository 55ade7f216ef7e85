"""The form fields of the API that say how a contact file is read."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from portal.models import User
from tests.contacts.sample_files import as_csv, as_xlsx
from tests.support.builders import Builder
from tests.uploads.sample_uploads import NO_NUMBERS, TITLED, TWO_NUMBERS

# Reading a file does not depend on the database.
pytestmark = pytest.mark.parametrize("app", ["sqlite"], indirect=True)


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
