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
from tests.uploads.sample_uploads import csv_of

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


def save_in_excel(content: bytes) -> bytes:
    """Return a CSV file as Excel saves it where decimals have a comma: semicolons, and numbers without their +."""
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    rows = [[cell[1:] if cell[:1] == "+" and cell[1:].isdigit() else cell for cell in row] for row in rows]
    text = io.StringIO()
    csv.writer(text, delimiter=";", lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("cp1252")


def save_unchanged(content: bytes) -> bytes:
    return content


@pytest.mark.parametrize(
    ("kind", "save"),
    [("csv", save_unchanged), ("csv", save_in_excel), ("xlsx", save_unchanged)],
    ids=["csv", "saved in Excel", "xlsx"],
)
def test_an_export_of_calls_comes_back_with_the_same_fields(
    upload: Callable, calls_of: Callable, signed_in: FlaskClient, kind: str, save: Callable[[bytes], bytes]
) -> None:
    answer = upload(
        csv_of([["phone", *OWN], ["+12025550101", *OWN.values()], ["+442079460101", *OWN.values()]]), "a.csv"
    )
    expected = calls_of(answer)
    assert len(expected) == 2
    fields = {"callStatus (contact)" if name == "callStatus" else name: value for name, value in OWN.items()}
    assert expected[0] == {"phoneNumber": "+12025550101", **fields}
    for _ in range(2):
        batch_id = answer.json["batch"]["_id"]
        exported = signed_in.get(f"/batches/{batch_id}/calls.{kind}").data
        header = read_header(exported, kind)
        assert len(set(header)) == len(header)
        answer = upload(save(exported), f"again.{kind}")
        assert calls_of(answer) == expected


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


@pytest.mark.usefixtures("batches")
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_export_of_batches_is_no_contact_file(upload: Callable, signed_in: FlaskClient, kind: str) -> None:
    exported = signed_in.get(f"/batches/export.{kind}").data
    answer = upload(exported, f"a.{kind}")
    assert answer.status_code == 400
    assert "holds phone numbers; it has" in answer.json["errorMessage"]


@pytest.fixture
def batches(build: Builder, owner: User) -> list[Batch]:
    """Create batches whose names and counts could be taken for phone numbers."""
    return [build.create_batch(owner, f"Round {number}", total_calls=2_025_550 + number) for number in range(3)]
