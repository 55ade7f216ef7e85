"""Contact files in the API: a batch is created, or the file is refused with a reason; contract, section 5."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask

from portal.models import Scope, User
from tests.support.builders import Builder
from tests.uploads.sample_uploads import CALLER_ID, MAKERS, ROWS, csv_of


@pytest.fixture
def upload(upload: Callable, owner: User, build: Builder) -> Callable[..., Any]:
    """Return a function that sends a file to the API, for an account in the US."""
    build.change(owner, region="US")
    return partial(upload, batchName="Spring", callingNumbers=f'["{CALLER_ID}"]')


@pytest.mark.parametrize("kind", MAKERS)
def test_a_batch_is_created_from_a_file_of_every_kind(
    upload: Callable, call_api: Callable, api: Callable, kind: str
) -> None:
    answer = upload(
        MAKERS[kind](ROWS),
        f"Contacts.{kind.upper()}",
        batchType="mixed",
        enableDNC="true",
        retry="2",
        delay="60",
        timezone="Europe/Lisbon",
        callingHour='{"start":"09:00","end":"17:00"}',
        allowedDays="[1,2]",
    )
    assert answer.status_code == 200, answer.json
    batch_id = answer.json["batch"]["_id"]
    assert list(answer.json) == ["success", "batch", "skipped", "read"]
    assert answer.json["batch"] == {
        "_id": batch_id,
        "batchName": "Spring",
        "callingNumbers": [CALLER_ID],
        "totalCalls": 2,
    }
    assert answer.json["skipped"] == {"duplicate": 1, "invalid": 0, "suppressed": 0, "hidden": 0}
    read = answer.json["read"]
    assert (read["phoneColumn"], read["headerRow"], read["region"]) == ("phoneNumber", 1, "US")
    text = {"csv": ("utf-8", ",", None)}
    assert (read["encoding"], read["delimiter"], read["sheet"]) == text.get(
        kind, (None, None, "Sheet1" if kind == "xlsx" else "contacts")
    )
    data = call_api(f"batch-details/{batch_id}").json["data"]
    assert data["batchStatus"] == "pending"
    assert [(call["phoneNumber"], call["name"], call["city"]) for call in data["data"]] == [
        ("+12025550101", "Zoë", "Lisbon"),
        ("+12025550102", "Ann", "Porto"),
    ]
    assert api().json["data"]["batches"][0]["totalCalls"] == 2


INVALID = [["phoneNumber", "name"], ["+12025550101", "a"], ["unknown", "b"], ["12", "c"], ["+12025550103", "d"]]


def test_invalid_rows_are_reported_and_nothing_is_stored(upload: Callable, api: Callable) -> None:
    answer = upload(csv_of(INVALID))
    assert (answer.status_code, answer.json["code"]) == (422, 422)
    assert answer.json["data"]["total"] == 2
    first, second = answer.json["data"]["rows"]
    assert (first["row"], first["column"], first["value"]) == (3, "phoneNumber", "unknown")
    assert first["reason"].startswith("must be a phone number")
    assert (second["row"], second["value"]) == (4, "12")
    assert [(count["rows"], count["firstRow"]) for count in answer.json["data"]["reasons"]] == [(1, 3), (1, 4)]
    assert answer.json["errorMessage"] == (
        "file has invalid rows: 2. phoneNumber must be a phone number, such as +12015550123 (row 3)."
        " phoneNumber has too few digits; enter the whole number (row 4)."
        " Correct the rows, or send type=true to skip them"
    )
    assert answer.json["data"]["read"]["phoneColumn"] == "phoneNumber"
    assert api().status_code == 404


def test_invalid_rows_are_skipped_and_counted_with_type_true(upload: Callable, call_api: Callable) -> None:
    answer = upload(csv_of(INVALID), type="true")
    assert answer.status_code == 200
    assert (answer.json["batch"]["totalCalls"], answer.json["leftOut"]) == (2, 2)
    assert answer.json["skipped"] == {"duplicate": 0, "invalid": 2, "suppressed": 0, "hidden": 0}
    no_valid_row = upload(csv_of([["phoneNumber"], ["unknown"]]), type="true")
    assert no_valid_row.status_code == 422


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "a.csv", "file cannot be imported: the file is empty"),
        (csv_of(ROWS), "a.doc", "file cannot be imported: the file must be a .csv"),
        (csv_of(ROWS), "a.xlsx", "file cannot be imported: the file is named .xlsx but is not"),
        (MAKERS["xlsx"](ROWS), "a.csv", "file cannot be imported: the file is a workbook"),
        (b"phoneNumber\n+1202\x005550101\n", "a.csv", "file cannot be imported: "),
        (
            b"name\nZoe\n",
            "a.csv",
            "file cannot be imported: no column holds phone numbers; it has name; name the right one in phoneColumn",
        ),
        (b"phoneNumber\n", "a.csv", "file cannot be imported: it has no rows"),
        (b"phoneNumber" + b",a" * 5000, "a.csv", "file cannot be imported: "),
        (None, "", "file is required"),
    ],
)
def test_a_file_without_contacts_is_refused(
    upload: Callable, api: Callable, content: bytes | None, name: str, message: str
) -> None:
    answer = upload(content, name)
    assert answer.status_code == 400, answer.json
    assert answer.json["errorMessage"].startswith(message), answer.json["errorMessage"]
    assert api().status_code == 404


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"batchName": None}, "batchName is required"),
        ({"batchName": ""}, "batchName is required"),
        ({"userId": None}, "userId is required"),
        ({"callingNumbers": None}, "callingNumbers is required"),
        ({"callingNumbers": "x"}, "callingNumbers is not JSON: line 1, column 1"),
        ({"callingNumbers": "12"}, "callingNumbers[0] has too few digits"),
        ({"callingNumbers": [CALLER_ID, "x"]}, "callingNumbers is not JSON: line 1, column 1"),
        ({"batchName": ["a", "b"]}, "batchName is given more than once"),
        ({"allowedDays": ["1", "9"]}, "allowedDays must contain only weekdays"),
        ({"headerRow": "x"}, "headerRow must be between 0 and 200000, as a whole number"),
        ({"headerRow": "-1"}, "headerRow must be between 0 and 200000"),
        ({"headerRow": "999999"}, "headerRow must be between 0 and 200000"),
        ({"headerRow": "7"}, "headerRow must be a row with column names; row 7 is blank or missing"),
        ({"phoneColumn": "Fax"}, "phoneColumn must be a column of the file; it has phoneNumber, name, city"),
        ({"countryColumn": "Land"}, "countryColumn must be a column of the file; it has phoneNumber, name, city"),
        ({"sheet": "Two"}, "sheet can only be chosen for a workbook"),
        ({"encoding": "klingon"}, "encoding must be one of utf-8"),
        ({"delimiter": "x"}, "delimiter must be one of comma, semicolon, tab, vertical bar"),
        ({"region": "XX"}, "region must be a two-letter country code"),
        ({"hidden": "show"}, "hidden must be one of skip, include"),
        ({"withCountryCode": "maybe"}, "withCountryCode must be true or false"),
        ({"callingNumbers": '"x"'}, "callingNumbers must be a list"),
        ({"callingNumbers": '["x"]'}, "callingNumbers[0] must be a phone number"),
        ({"callingNumbers": f'["{CALLER_ID}"],"zzz":[1]'}, "callingNumbers is not JSON: line 1, column 17"),
        ({"callingHour": '{"start":"09:00","start":"10:00"}'}, "callingHour has start more than once"),
        ({"callingHour": "9-17"}, "callingHour "),
        ({"allowedDays": "monday"}, "allowedDays is not JSON"),
        ({"batchType": "inbound"}, "batchType must be one of outbound, mixed"),
        ({"enableDNC": "maybe"}, "enableDNC must be true or false"),
        ({"retry": "many"}, "retry must be between 0 and 10"),
        ({"color": "red"}, "color is not a known parameter"),
    ],
)
def test_an_invalid_field_is_named(upload: Callable, api: Callable, changed: dict, message: str) -> None:
    answer = upload(csv_of(ROWS), **changed)
    assert answer.status_code == 400
    assert answer.json["errorMessage"].startswith(message), answer.json["errorMessage"]
    assert api().status_code == 404


def test_a_form_that_cannot_be_parsed_is_refused(call_api: Callable) -> None:
    """With a file name in Latin-1 the parser drops the whole form; the message must not name a missing field."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="\xe9t\xe9.csv"\r\n\r\n'
    body = head + b"phoneNumber\n+12025550101\n\r\n--x--\r\n"
    answer = call_api("upload", method="POST", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400
    assert answer.json["errorMessage"].startswith("The form cannot be parsed; names")


def test_only_the_owner_with_write_scope_can_upload(
    upload: Callable, call_api: Callable, build: Builder, owner: User, stranger: User, app: Flask
) -> None:
    content = csv_of(ROWS)
    assert upload(content, token="x").status_code == 401
    assert upload(content, token=build.create_token(owner, Scope.READ)).status_code == 403
    assert upload(content, userId=stranger.id).status_code == 403
    assert upload(content, userId="x").status_code == 400
    assert call_api("upload", {"userId": owner.id}).status_code == 415
    large = {"data": b"x" * (app.config["UPLOAD_BYTES"] + 600_000), "content_type": "multipart/form-data; boundary=x"}
    answer = call_api("upload", method="POST", **large)
    assert (answer.status_code, answer.json["code"]) == (413, 413)


def test_a_part_of_json_with_a_file_name_is_a_field(call_api: Callable, owner: User) -> None:
    """oazapfts sends each value that is not text as a Blob, whose default file name is blob."""
    parts = {
        "file": (io.BytesIO(b"phoneNumber\n+12025550101\n"), "contacts.csv"),
        "userId": owner.id,
        "batchName": "Parts",
        "callingNumbers": ["+12025550100", "+12025550101"],
        "retry": (io.BytesIO(b"2"), "blob", "application/json"),
        "allowedDays": [(io.BytesIO(day), "blob", "application/json") for day in (b"1", b"2")],
        "callingHour": (io.BytesIO(b'{"start":"09:00","end":"17:00"}'), "blob", "application/json"),
        "retryOn": ["busy", "failed"],
        "useCalleeZone": (io.BytesIO(b"false"), "blob", "application/json"),
        "maxConcurrent": "20",
        "startsAt": "",
    }
    answer = call_api("upload", method="POST", data=parts, content_type="multipart/form-data")
    assert answer.status_code == 200, answer.text
    stored = call_api(f"batch/{answer.json['batch']['_id']}").json["data"]
    expected = {
        "retry": 2,
        "retryOn": ["busy", "failed"],
        "useCalleeZone": False,
        "maxConcurrent": 20,
        "startsAt": None,
    }
    assert stored | expected == stored
    parts["file"] = (io.BytesIO(b"phoneNumber\n+12025550101\n"), "contacts.csv")
    parts |= {"retry": (io.BytesIO(b"\xff"), "blob", "application/json"), "allowedDays": "1", "callingHour": ""}
    parts["useCalleeZone"] = "true"
    answer = call_api("upload", method="POST", data=parts, content_type="multipart/form-data")
    assert answer.status_code == 400
    assert "retry" in answer.json["errorMessage"]
