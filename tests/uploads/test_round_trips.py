"""An export can be uploaded again without loss, also after a spreadsheet has saved it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from python_calamine import CalamineWorkbook

from portal.models import Batch, User
from tests.support.builders import Builder
from tests.support.pages import send_form
from tests.uploads.sample_uploads import CALLER_ID, csv_of

# Reading a file does not depend on the database.
pytestmark = pytest.mark.parametrize("app", ["sqlite"], indirect=True)

OWN = {
    "name": "Zoë",
    "note": "-5% off",
    "formula": "=SUM(A1)",
    "text": "'quoted' text",
    "+plus": "@handle",
    "zip": "02138",
    "lines": 'a "quoted"; semicolon, comma',
    "problem": "boiler leaks",
    "callStatus": "mine",
    "createdAt (contact)": "2020",
    "Outcome": "won",
    "Added (UTC)": "yesterday",
}


@pytest.fixture
def upload(call_api: Callable, owner: User) -> Callable[..., str]:
    """Return a function that creates a batch from a file by the API and returns the batch's id."""

    def send(content: bytes, name: str) -> str:
        form = {"userId": owner.id, "batchName": "A", "callingNumbers": CALLER_ID, "file": (io.BytesIO(content), name)}
        answer = call_api("upload", method="POST", data=form, content_type="multipart/form-data")
        assert answer.status_code == 200, answer.json
        return answer.json["batch"]["_id"]

    return send


@pytest.fixture
def calls_of(call_api: Callable) -> Callable[[str], list[dict]]:
    """Return a function that returns the numbers and own fields of a batch's calls."""

    def read(batch_id: str) -> list[dict]:
        calls = call_api(f"batch-details/{batch_id}").json["data"]["data"]
        own = ("_id", "phoneLogs", "createdAt", "attempts", "nextAt", "heldFor")
        return [{name: value for name, value in call.items() if name not in own} for call in calls]

    return read


def save_in_excel(content: bytes) -> bytes:
    """Return a CSV file as Excel saves it where decimals have a comma: semicolons, and numbers without their +."""
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    rows = [[cell[1:] if cell[:1] == "+" and cell[1:].isdigit() else cell for cell in row] for row in rows]
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("cp1252")


def as_it_is(content: bytes) -> bytes:
    return content


@pytest.mark.parametrize(
    ("kind", "save"),
    [("csv", as_it_is), ("csv", save_in_excel), ("xlsx", as_it_is)],
    ids=["csv", "saved in Excel", "xlsx"],
)
def test_an_export_of_calls_comes_back_with_the_same_fields(
    upload: Callable, calls_of: Callable, signed_in: FlaskClient, kind: str, save: Callable[[bytes], bytes]
) -> None:
    first = upload(
        csv_of([["phone", *OWN], ["+12025550101", *OWN.values()], ["+442079460101", *OWN.values()]]), "a.csv"
    )
    expected = calls_of(first)
    assert len(expected) == 2
    assert {**OWN, "callStatus (contact)": "mine"}.items() >= {
        name: value for name, value in expected[0].items() if name != "phoneNumber"
    }.items()
    batch_id = first
    for _ in range(2):
        exported = signed_in.get(f"/batches/{batch_id}/calls.{kind}").data
        header = read_header(exported, kind)
        assert len(set(header)) == len(header)
        batch_id = upload(save(exported), f"again.{kind}")
        assert calls_of(batch_id) == expected


def read_header(content: bytes, kind: str) -> list[str]:
    """Return the header of an export."""
    if kind == "csv":
        return next(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    return list(map(str, read_sheet(content)[0]))


def read_sheet(content: bytes) -> list[list[Any]]:
    """Return the rows of an exported workbook."""
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_corrected_invalid_rows_come_back_with_the_same_fields(
    upload: Callable, calls_of: Callable, signed_in: FlaskClient, kind: str
) -> None:
    rows = [["phone", *OWN], ["12", *OWN.values()]]
    preview = send_form(signed_in, "/batches/new", file=(io.BytesIO(csv_of(rows)), "a.csv")).location
    invalid = signed_in.get(f"{preview}/wrong.{kind}").data
    if kind == "csv":
        corrected = invalid.replace(b"12,", b"+12025550101,", 1)
    else:
        (header, row) = read_sheet(invalid)
        corrected = csv_of([header, ["+12025550101", *row[1:]]])
    rows[1][0] = "+12025550101"
    assert calls_of(upload(corrected, "a.csv")) == calls_of(upload(csv_of(rows), "b.csv"))


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_export_of_batches_is_no_contact_file(
    call_api: Callable, signed_in: FlaskClient, build: Builder, owner: User, batches: list[Batch], kind: str
) -> None:
    exported = signed_in.get(f"/batches/export.{kind}").data
    form: dict[str, Any] = {"userId": owner.id, "batchName": "A", "callingNumbers": CALLER_ID}
    form["file"] = (io.BytesIO(exported), f"a.{kind}")
    answer = call_api("upload", method="POST", data=form, content_type="multipart/form-data")
    assert answer.status_code == 400
    assert "holds phone numbers; it has" in answer.json["errorMessage"]


@pytest.fixture
def batches(build: Builder, owner: User) -> list[Batch]:
    """Create batches whose names and counts could be taken for phone numbers."""
    return [build.create_batch(owner, f"Round {number}", total_calls=2_025_550 + number) for number in range(3)]
