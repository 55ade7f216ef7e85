"""Files that were read wrongly once, from ../shared/faults/files: each gives what its EXPECT.md says."""

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
from tests.uploads.sample_uploads import CALLER_ID

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
REFUSED = {
    "15-number-with-a-fraction.xlsx": "a number with a fraction",
    "16-two-numbers-with-slash.csv": "holds several numbers",
    "26-formula-without-value.xlsx": "a formula without a saved value",
    "27-date-in-phone-column.xlsx": "is a date",
}


def read(name: str) -> bytes:
    """Return a file's content, or skip the test."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{name} is absent in ../shared/faults/files")
    return path.read_bytes()


@pytest.fixture
def upload(call_api: Callable, owner: User) -> Callable[[str], Any]:
    """Return a function that sends a file to the API."""

    def send(name: str) -> Any:
        form: dict[str, Any] = {"userId": owner.id, "batchName": "A", "callingNumbers": CALLER_ID}
        form["file"] = (io.BytesIO(read(name)), name)
        return call_api("upload", method="POST", data=form, content_type="multipart/form-data")

    return send


def test_files_give_the_expected_calls(upload: Callable, call_api: Callable, build: Builder, owner: User) -> None:
    for name, (region, numbers, fields) in GOOD.items():
        build.change(owner, region=region)
        answer = upload(name)
        assert answer.status_code == 200, (name, answer.json)
        calls = call_api(f"batch-details/{answer.json['batch']['_id']}").json["data"]["data"]
        assert [call["phoneNumber"] for call in calls] == numbers, name
        assert fields.items() <= calls[0].items(), name
        assert not {"callStatus", "_id (2)", "callStatus (2)"} & set(calls[0]), name


def test_a_broken_byte_does_not_spoil_a_file(upload: Callable, call_api: Callable) -> None:
    answer = upload("17-utf8-with-one-foreign-byte.csv")
    calls = call_api(f"batch-details/{answer.json['batch']['_id']}?limit=100").json["data"]["data"]
    assert [call["name"] for call in calls].count("José") == 40
    assert "1 character does not fit the encoding" in answer.json["read"]["notices"][0]


def test_cells_that_are_no_numbers_are_refused_with_their_reason(
    upload: Callable, api: Callable, build: Builder, owner: User, signed_in: FlaskClient
) -> None:
    build.change(owner, region="DE")
    for name, reason in REFUSED.items():
        answer = upload(name)
        assert (answer.status_code, reason in answer.json["data"]["rows"][0]["reason"]) == (422, True), name
    assert api().status_code == 404
    name = "16-two-numbers-with-slash.csv"
    preview = send_form(signed_in, "/batches/new", file=(io.BytesIO(read(name)), name)).location
    text = extract_text(signed_in.get(preview).text)
    assert "Valid 0" in text
    assert f"2 rows: phone {REFUSED[name]}" in text
