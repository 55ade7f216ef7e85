"""Contact files on pages: preview, reading options, batch; without JavaScript, or with streamed progress."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.models import User
from portal.times import DAY_MS, now_ms
from portal.uploads.query import find_upload
from tests.conftest import sign_in
from tests.support.builders import Builder
from tests.support.pages import extract_text, send_form
from tests.uploads.sample_uploads import CALLER_ID, MAKERS, ROWS, csv_of

INVALID = [
    ["Phone No", "name"],
    ["(202) 555-0101", "a"],
    ["unknown", "b"],
    ["+1 202 555 0101", "c"],
    ["+12025550103", "d"],
]
LINES = {"Accept": "application/x-ndjson"}


@pytest.fixture
def browse(signed_in: FlaskClient) -> Callable[..., Any]:
    """Return a function that posts a form as a browser does."""

    def post(address: str, headers: dict | None = None, **fields: Any) -> Any:
        return send_form(signed_in, address, headers=headers, **fields)

    return post


@pytest.fixture
def send(browse: Callable) -> Callable[..., Any]:
    """Return a function that uploads a contact file on the page."""
    return lambda content, name="spring_offer.csv", **options: browse(
        "/batches/new", file=(io.BytesIO(content), name), **options
    )


def list_batches(api: Callable) -> list[dict[str, Any]]:
    """Return all batches of the owner."""
    return api().json["data"]["batches"]


def read_steps(answer: Any) -> list[dict[str, Any]]:
    """Return the reports of a stream; a blank line only shows that the connection is alive."""
    return [json.loads(line) for line in answer.text.splitlines() if line]


VALID_FORM = {"batchName": "Spring", "callingNumbers": f"{CALLER_ID}, +12025550109"}


def test_a_file_is_previewed_before_a_batch_is_created(
    send: Callable, signed_in: FlaskClient, api: Callable, build: Builder, owner: User
) -> None:
    build.change(owner, region="US")
    answer = send(csv_of(INVALID))
    assert answer.status_code == 303
    assert list_batches(api) == []
    text = extract_text(signed_in.get(answer.location).text)
    assert "Valid 2 become calls" in text
    assert "Duplicate 1" in text
    assert "Invalid 1" in text
    assert "3 Column Phone No Value unknown Problem must be a phone number" in text
    assert "First 4 rows" in text


@pytest.mark.parametrize("kind", MAKERS)
def test_a_batch_is_created_from_a_file_of_every_kind(
    send: Callable, browse: Callable, signed_in: FlaskClient, api: Callable, build: Builder, owner: User, kind: str
) -> None:
    build.change(owner, region="US")
    preview = send(MAKERS[kind](ROWS), f"a.{kind}").location
    answer = browse(
        preview,
        **VALID_FORM,
        start="09:00",
        end="17:00",
        timezone="Europe/Lisbon",
        retry="2",
        allowedDays=["1", "2", "3"],
    )
    assert answer.status_code == 303, extract_text(answer.text)
    (batch,) = list_batches(api)
    assert answer.location == f"/batches/{batch['_id']}"
    assert (batch["batchName"], batch["totalCalls"], batch["queue_status"]) == ("Spring", 2, "pending")
    text = extract_text(signed_in.get(answer.location).text)
    assert "Monday to Wednesday, 09:00 to 17:00, Europe/Lisbon" in text
    assert "and 1 more" in text
    assert "Created with 2 calls owner, web app" in text
    assert signed_in.get(preview).status_code == 404  # its content is deleted


def test_invalid_rows_prevent_the_batch_or_are_skipped(send: Callable, browse: Callable, api: Callable) -> None:
    preview = send(csv_of(INVALID)).location
    refused = browse(preview, **VALID_FORM, wrongRows="none")
    assert refused.status_code == 400
    assert "Correct the file and upload it again, or skip invalid rows." in refused.text
    assert 'value="Spring"' in refused.text  # the form keeps its values
    assert list_batches(api) == []
    assert browse(preview, **VALID_FORM, wrongRows="leave-out").status_code == 303
    assert list_batches(api)[0]["totalCalls"] == 2  # without a country the first row is invalid, too


def test_invalid_rows_are_downloaded_corrected_and_uploaded_again(
    send: Callable, browse: Callable, signed_in: FlaskClient, api: Callable
) -> None:
    preview = send(csv_of(INVALID)).location
    download = signed_in.get(f"{preview}/wrong.csv")
    text = download.data.decode("utf-8-sig")
    assert text.splitlines()[0] == "Phone No,name,problem (ignored on upload)"
    assert 'unknown,b,"Phone No must be a phone number' in text
    corrected = text.replace("unknown", "+12025550107").replace("(202) 555-0101", "+12025550108").encode()
    again = send(corrected).location
    assert browse(again, **VALID_FORM).status_code == 303
    assert list_batches(api)[0]["totalCalls"] == 2
    workbook = signed_in.get(f"{preview}/wrong.xlsx")
    assert workbook.data.startswith(b"PK")


def test_the_reading_options_can_be_changed(send: Callable, browse: Callable, signed_in: FlaskClient) -> None:
    preview = send("Telefon;Ort\n02025550101;Köln\n".encode("cp1252")).location
    first = signed_in.get(preview).text
    assert "Windows" in re.search(r"<option value=\"cp1252\" selected>([^<]*)", first)[1]
    answer = browse(f"{preview}/reading", delimiter="comma", region="US")
    assert answer.status_code == 303
    assert "Telefon;Ort" in signed_in.get(preview).text
    answer = browse(f"{preview}/reading", encoding="utf-32")
    assert "The previous options still apply" in extract_text(signed_in.get(answer.location).text)
    assert browse(f"{preview}/reading", region="XX").status_code == 400


def test_a_repeated_upload_is_recognized(
    send: Callable, browse: Callable, signed_in: FlaskClient, app: Flask, build: Builder, stranger: User
) -> None:
    content = csv_of([["phoneNumber"], ["+12025550101"]])
    browse(send(content).location, **VALID_FORM)
    again = signed_in.get(send(content, "another-name.csv").location).text
    assert "You already uploaded this file" in again
    assert ">Spring</bdi></a>" in again
    theirs = sign_in(app, stranger)
    sent = send_form(theirs, "/batches/new", file=(io.BytesIO(content), "a.csv"))
    assert "You already uploaded this file" not in theirs.get(sent.location).text


def test_submitting_twice_creates_one_batch(send: Callable, browse: Callable, api: Callable) -> None:
    preview = send(csv_of([["phoneNumber"], ["+12025550101"]])).location
    answers = [browse(preview, **VALID_FORM).status_code for _ in range(2)]
    assert answers == [303, 404]
    assert len(list_batches(api)) == 1


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "a.csv", "The file is empty"),
        (csv_of(ROWS), "a.doc", "The file must be a .csv, .tsv, .txt, .xls or .xlsx file"),
        (b"phoneNumber\n\x00\n", "a.csv", "NUL"),
        (MAKERS["xlsx"](ROWS)[:200], "a.xlsx", "The file was not stored"),
    ],
)
def test_a_file_without_contacts_is_refused_on_the_page(
    send: Callable, content: bytes, name: str, message: str
) -> None:
    answer = send(content, name)
    assert answer.status_code == 400
    assert message in extract_text(answer.text)
    streamed = read_steps(send(content, name, headers=LINES))
    assert list(streamed[-1]) == ["problem", "problems"]
    assert message in streamed[-1]["problem"]


def test_progress_is_streamed_line_by_line(send: Callable, browse: Callable, api: Callable) -> None:
    rows = [["phoneNumber"], *([f"+1202{number:07}"] for number in range(2_000_000, 2_001_200))]
    lines = read_steps(send(csv_of(rows), headers=LINES))
    assert [line["done"] for line in lines[:-1]] == [500, 1000, 1200]
    assert {line["of"] for line in lines[:-1]} == {1200}
    stored = browse(lines[-1]["to"], headers=LINES, **VALID_FORM)
    steps = read_steps(stored)
    assert {step["step"] for step in steps[:-1]} == {"Reading", "Storing"}
    (batch,) = list_batches(api)
    assert steps[-1] == {"to": f"/batches/{batch['_id']}"}
    assert batch["totalCalls"] == 1200


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"batchName": ""}, "Must not be empty"),
        ({"callingNumbers": ""}, "Must have at least 1 item"),
        ({"callingNumbers": "12"}, "Has no country code; add it, such as +1, or choose a country"),
        ({"start": "09:00"}, "Enter both times"),
        ({"start": "25:00", "end": "26:00"}, "Enter both times"),
        ({"timezone": "Mars"}, "Must be an IANA time zone"),
        ({"retry": "11"}, "Must be between 0 and 10"),
    ],
)
def test_an_invalid_field_is_named_beside_it(
    send: Callable, browse: Callable, api: Callable, changed: dict, message: str
) -> None:
    preview = send(csv_of([["phoneNumber"], ["+12025550101"]])).location
    answer = browse(preview, **VALID_FORM | changed)
    assert answer.status_code == 400
    assert message in extract_text(answer.text)
    assert list_batches(api) == []


def test_files_are_visible_only_to_their_owner_and_are_deleted_after_a_day(
    send: Callable, browse: Callable, signed_in: FlaskClient, app: Flask, build: Builder, stranger: User, owner: User
) -> None:
    theirs = build.create_upload(stranger, csv_of(ROWS))
    for path in ("", "/wrong.csv"):
        assert signed_in.get(f"/batches/new/{theirs}{path}").status_code == 404
    assert browse(f"/batches/new/{theirs}", **VALID_FORM).status_code == 404
    browse(f"/batches/new/{theirs}/discard")
    assert sign_in(app, stranger).get(f"/batches/new/{theirs}").status_code == 200
    old = send(csv_of(ROWS)).location
    with app.app_context():
        row = find_upload(owner.key, old.rpartition("/")[2])
    build.change(row, created_at=now_ms() - 2 * DAY_MS)
    new = send(csv_of(ROWS)).location
    assert signed_in.get(old).status_code == 404
    assert signed_in.get(new).status_code == 200
    browse(f"{new}/discard")
    assert signed_in.get(new).status_code == 404
