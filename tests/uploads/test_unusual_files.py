"""Unusual contact files, from ../shared/faults/files: each gives what its EXPECT.md says."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from portal.models import User
from tests.support.builders import Builder
from tests.support.pages import extract_text, send_form

# Reading a file does not depend on the database.
pytestmark = pytest.mark.parametrize("app", ["sqlite"], indirect=True)

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "faults" / "files"

# By file: the account's country, the numbers to call, and the fields of the first call, or words of the refusal.
GOOD = {
    "01-number-before-mobile.csv": ("DE", ["+493023125010", "+493023125011"], {"Number": "1004711001"}),
    "02-first-column-is-no-phone.csv": ("DE", ["+493023125010", "+493023125011"], {}),
    "03-mended-wrong-rows.csv": ("", ["+12025550101", "+442079460101"], {"note": "-5% off"}),
    "04-export-of-an-upload-of-an-export.csv": ("", ["+12025550101"], {"name": "Ana"}),
    "05-country-codes-without-plus.csv": ("", ["+12025550101", "+442079460101", "+493023125010"], {}),
    "06-title-above-header.xlsx": ("", ["+12025550101", "+12025550102"], {"Name": "Ana", "City": "Rome"}),
    "06-information-sheet-first.xlsx": ("", ["+12025550101"], {}),
    "07-sep-semicolon.csv": ("", ["+12025550101", "+12025550102"], {"name": "Ana"}),
    "08-narrow-no-break-space.csv": ("FR", ["+33199001240", "+33639981234"], {}),
    "09-two-byte-order-marks.csv": ("", ["+12025550101"], {}),
    "10-excel-text-formula.csv": ("GB", ["+442079460101", "+442079460102"], {}),
    "11-p-prefix.csv": ("", ["+12025550101"], {}),
    "12-telefon.csv": ("DE", ["+493023125010"], {}),
    "13-line-break-in-header.xlsx": ("", ["+12025550101"], {"First Name": "Ana"}),
    "14-number-format-with-zeros.xlsx": ("IT", ["+390655501234"], {"zip": "02138"}),
    "17-mac-roman.csv": ("", ["+12025550101", "+12025550102"], {"name": "André"}),
    "18-no-header.csv": ("", ["+12025550101", "+12025550102", "+12025550103"], {"Column 2": "Ana"}),
    "19-filtered-rows.xlsx": ("", ["+12025550101", "+12025550103", "+12025550105"], {}),
    "20-problem-is-mine.csv": ("", ["+12025550101"], {"problem": "boiler leaks"}),
    "22-comma-in-semicolon-header.csv": ("DE", ["+493023125010", "+493023125011"], {"Name, Vorname": "Muster, Max"}),
    "23-same-name-twice.csv": ("", ["+12025550101"], {"Notes": "a", "Notes (2)": "b"}),
    "24-stray-quote.csv": ("", ["+12025550101", "+12025550102"], {}),
    "28-phone-code-column.csv": ("US", ["+442079460101", "+12025550101"], {}),
}
DAMAGED = "17-utf8-with-one-foreign-byte.csv"
REFUSED = {
    "15-number-with-a-fraction.xlsx": "a number with a fraction",
    "16-two-numbers-with-slash.csv": "holds several numbers",
    "26-formula-without-value.xlsx": "a formula without a saved value",
    "27-date-in-phone-column.xlsx": "is a date",
}


def read_example(name: str) -> bytes:
    """Return the content of an example; skip the test if it is absent."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"the example is absent ({name} in ../shared/faults/files)")
    return path.read_bytes()


@pytest.fixture
def upload_file(upload: Callable) -> Callable[[str], Any]:
    """Return a function that sends one of the files to the API."""
    return lambda name: upload(read_example(name), name)


@pytest.mark.parametrize("name", GOOD)
def test_a_file_gives_the_expected_calls(
    upload_file: Callable, calls_of: Callable, build: Builder, owner: User, name: str
) -> None:
    region, numbers, fields = GOOD[name]
    build.change(owner, region=region)
    calls = calls_of(upload_file(name))
    assert [call["phoneNumber"] for call in calls] == numbers
    assert fields.items() <= calls[0].items()
    assert not {"callStatus", "_id (2)", "callStatus (2)"} & set(calls[0])


def test_a_damaged_character_changes_no_other_cell(upload_file: Callable, calls_of: Callable) -> None:
    answer = upload_file(DAMAGED)
    assert [call["name"] for call in calls_of(answer)].count("José") == 40
    assert "1 character does not fit the encoding" in answer.json["read"]["notices"][0]


@pytest.mark.parametrize("name", REFUSED)
def test_cells_that_are_no_numbers_are_refused_with_a_reason(
    upload_file: Callable, api: Callable, build: Builder, owner: User, name: str
) -> None:
    build.change(owner, region="DE")
    answer = upload_file(name)
    assert answer.status_code == 422
    assert REFUSED[name] in answer.json["data"]["rows"][0]["reason"]
    assert api().status_code == 404


def test_the_preview_gives_the_same_reason(signed_in: FlaskClient, build: Builder, owner: User) -> None:
    build.change(owner, region="DE")
    name = "16-two-numbers-with-slash.csv"
    preview = send_form(signed_in, "/batches/new", file=(io.BytesIO(read_example(name)), name)).location
    text = extract_text(signed_in.get(preview).text)
    assert "Valid 0" in text
    assert f"2 rows: phone {REFUSED[name]}" in text
