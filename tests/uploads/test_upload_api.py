"""Contact files by the API: a batch of each, or a refusal that says what is wrong; contract, section 5."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.models import Scope, User
from tests.support.builders import Builder
from tests.uploads.sample_uploads import CALLER_ID, MAKERS, ROWS, csv_of


@pytest.fixture
def upload(call_api: Callable, owner: User, build: Builder) -> Callable[..., Any]:
    """Sends a file with its form; `changed` fields, None = left out."""
    build.change(owner, region="US")

    def send(content: bytes | None, name: str = "contacts.csv", **changed: Any) -> Any:
        how = {key: changed.pop(key) for key in ("token",) if key in changed}
        form = {"userId": owner.id, "batchName": "Spring", "callingNumbers": f'["{CALLER_ID}"]'} | changed
        data: dict[str, Any] = {field: value for field, value in form.items() if value is not None}
        if content is not None:
            data["file"] = (io.BytesIO(content), name)
        return call_api("upload", method="POST", data=data, content_type="multipart/form-data", **how)

    return send


@pytest.mark.parametrize("kind", MAKERS)
def test_a_file_of_every_kind_becomes_a_batch(upload: Callable, call_api: Callable, api: Callable, kind: str) -> None:
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
    assert answer.json == {
        "success": True,
        "batch": {"_id": batch_id, "batchName": "Spring", "callingNumbers": [CALLER_ID], "totalCalls": 2},
    }
    data = call_api(f"batch-details/{batch_id}").json["data"]
    assert data["batchStatus"] == "pending"
    assert [(call["phoneNumber"], call["name"], call["city"]) for call in data["data"]] == [
        ("+12025550101", "Zoë", "Lisbon"),
        ("+12025550102", "Ann", "Porto"),
    ]
    assert api().json["data"]["batches"][0]["totalCalls"] == 2


WRONG = [["phoneNumber", "name"], ["+12025550101", "a"], ["nobody", "b"], ["12", "c"], ["+12025550103", "d"]]


def test_wrong_rows_are_told_and_nothing_is_stored(upload: Callable, api: Callable) -> None:
    answer = upload(csv_of(WRONG))
    assert (answer.status_code, answer.json["code"]) == (422, 422)
    assert answer.json["data"]["total"] == 2
    first, second = answer.json["data"]["rows"]
    assert (first["row"], first["column"], first["value"]) == (3, "phoneNumber", "nobody")
    assert first["reason"].startswith("must be a phone number")
    assert (second["row"], second["value"]) == (4, "12")
    assert api().status_code == 404


def test_wrong_rows_are_left_out_and_counted_where_that_is_asked_for(upload: Callable, call_api: Callable) -> None:
    answer = upload(csv_of(WRONG), type="true")
    assert answer.status_code == 200
    assert (answer.json["batch"]["totalCalls"], answer.json["leftOut"]) == (2, 2)
    nothing_good = upload(csv_of([["phoneNumber"], ["nobody"]]), type="true")
    assert nothing_good.status_code == 422


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "a.csv", "file cannot be taken: the file is empty"),
        (csv_of(ROWS), "a.txt", "file cannot be taken: the file must be a .csv"),
        (csv_of(ROWS), "a.xlsx", "file cannot be taken: the file is not an .xlsx"),
        (MAKERS["xlsx"](ROWS), "a.csv", "file cannot be taken: the file is a workbook"),
        (b"phoneNumber\n+1202\x005550101\n", "a.csv", "file cannot be taken: "),
        (b"name\nZoe\n", "a.csv", "file cannot be taken: the file has no column phoneNumber"),
        (b"phoneNumber\n", "a.csv", "file cannot be taken: there is no row"),
        (b"phoneNumber" + b",a" * 5000, "a.csv", "file cannot be taken: "),
        (None, "", "file is required"),
    ],
)
def test_a_file_that_cannot_be_taken(
    upload: Callable, api: Callable, content: bytes | None, name: str, says: str
) -> None:
    answer = upload(content, name)
    assert answer.status_code == 400, answer.json
    assert answer.json["errorMessage"].startswith(says), answer.json["errorMessage"]
    assert api().status_code == 404


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"batchName": None}, "batchName is required"),
        ({"batchName": ""}, "batchName is required"),
        ({"userId": None}, "userId is required"),
        ({"callingNumbers": None}, "callingNumbers is required"),
        ({"callingNumbers": CALLER_ID}, "callingNumbers is not JSON"),
        ({"callingNumbers": '"x"'}, "callingNumbers must be a list"),
        ({"callingNumbers": '["x"]'}, "callingNumbers[0] must be a phone number"),
        ({"callingHour": "9-17"}, "callingHour "),
        ({"allowedDays": "monday"}, "allowedDays is not JSON"),
        ({"batchType": "inbound"}, "batchType must be one of outbound, mixed"),
        ({"enableDNC": "maybe"}, "enableDNC must be true or false"),
        ({"retry": "many"}, "retry must be between 0 and 10"),
        ({"color": "red"}, "color is not a known parameter"),
    ],
)
def test_what_is_wrong_with_its_form_is_named(upload: Callable, api: Callable, changed: dict, says: str) -> None:
    answer = upload(csv_of(ROWS), **changed)
    assert answer.status_code == 400
    assert answer.json["errorMessage"].startswith(says), answer.json["errorMessage"]
    assert api().status_code == 404


def test_a_form_that_cannot_be_read_is_said_to_be_so(call_api: Callable) -> None:
    """A file's name in Latin-1: the parser drops the whole form, and no field of it was missing."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="\xe9t\xe9.csv"\r\n\r\n'
    body = head + b"phoneNumber\n+12025550101\n\r\n--x--\r\n"
    answer = call_api("upload", method="POST", data=body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400
    assert answer.json["errorMessage"].startswith("The body is not a form that can be read; names")


def test_who_may_upload(
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
