"""The page of do-not-call lists, and what other pages say about suppressed contacts."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from portal.models import User
from portal.times import DAY_MS
from tests.conftest import csrf_token
from tests.support.builders import Builder

ONE, TWO, THREE = "+12025550101", "+12025550102", "+12025550103"
PATH = "/settings/suppressions"

# Pages do not depend on the database; tests/suppressions/test_suppressions_api.py runs the actions on both.
pytestmark = pytest.mark.parametrize("app", ["sqlite"], indirect=True)


@pytest.fixture
def post(signed_in: FlaskClient) -> Callable[..., Any]:
    """Send a form of the page and return the page that follows."""

    def send(path: str = "", headers: dict | None = None, **form: Any) -> Any:
        token = csrf_token(signed_in.get(PATH).text)
        data = form | {"csrf_token": token}
        return signed_in.post(PATH + path, data=data, headers=headers, follow_redirects=True)

    return send


def test_numbers_are_added_found_and_removed(
    post: Callable, signed_in: FlaskClient, build: Builder, owner: User
) -> None:
    build.change(owner, region="US")
    page = post(phoneNumbers="(202) 555-0101\n+1 202 555 0102, +12025550103", source="own", until="2100-01-01").text
    assert "3 numbers added." in page
    assert "Own opt-outs" in page
    assert "2 Jan 2100" in page or "Sat 2 Jan" in page
    found = signed_in.get(f"{PATH}?search=555-0102").text
    assert "(202) 555-0102" in found
    assert "(202) 555-0101" not in found
    again = post(phoneNumbers=ONE, source="own").text
    assert "0 numbers added, 1 already listed." in again
    assert "Number removed." in post("/remove", phoneNumber=ONE, source="own").text
    assert "no longer on the list" in post("/remove", phoneNumber=ONE, source="own").text
    assert "List removed." in post("/lists/remove", source="own").text
    assert "No suppressed numbers yet" in signed_in.get(PATH).text


def test_problems_are_beside_their_fields(post: Callable) -> None:
    page = post(phoneNumbers=f"{ONE}\n12", source="own", until="2001-01-01")
    assert page.status_code == 400
    assert "Number 2 has no country code" in page.text or "Number 2 must" in page.text
    assert "Until must be in the future." in page.text
    assert f"{ONE}\n12" in page.text


def test_a_list_is_uploaded_with_its_validity(post: Callable, signed_in: FlaskClient, monkeypatch: Any) -> None:
    def upload(content: str, **form: str) -> Any:
        file = (io.BytesIO(content.encode()), "list.csv")
        return post("/upload", file=file, **{"source": "TPS", "validDays": "", "until": ""} | form)

    assert "2 numbers added." in upload(f"{ONE}\n{TWO}\n", validDays="28").text
    page = upload(f"{TWO}\n{THREE}\n", replace="true").text
    assert "1 number added, 1 already listed, 1 removed." in page
    assert "for 28 days" in page
    invalid = upload(f"{ONE}\nunknown\n")
    assert (invalid.status_code, "The file has invalid rows: 1." in invalid.text) == (400, True)
    assert "1 number added" in upload(f"{ONE}\nunknown\n", type="true").text
    opt_outs = upload(f"{ONE}\n", source="own", replace="true")
    assert (opt_outs.status_code, 'id="replace-problem"' in opt_outs.text) == (400, True)
    monkeypatch.setattr("portal.web.clock.now_ms", lambda: 4_000 * DAY_MS * 10)
    assert "older than 28 days" in signed_in.get(PATH).text


def test_an_upload_reports_its_progress(post: Callable) -> None:
    file = (io.BytesIO(f"{ONE}\n".encode()), "list.csv")
    answer = post("/upload", {"Accept": "application/x-ndjson"}, file=file, source="TPS", validDays="")
    assert json.loads(answer.text.strip().splitlines()[-1]) == {"to": PATH}


def test_pages_count_suppressed_contacts(signed_in: FlaskClient, build: Builder, owner: User) -> None:
    build.suppress(owner, ONE)
    build.suppress(owner, TWO, source="TPS")
    upload = build.create_upload(owner, f"phone\n{ONE}\n{TWO}\n{THREE}\n".encode())
    preview = signed_in.get(f"/batches/new/{upload}").text
    assert "1 on yours, left out" in preview
    assert 'name="enableDNC" value="true" checked' in preview
    form = {"batchName": "Spring", "callingNumbers": "+12025550100", "csrf_token": csrf_token(preview)}
    page = signed_in.post(f"/batches/new/{upload}", data=form, follow_redirects=True).text
    assert "1 contact is only on other lists, which this batch does not use." in page
    batch = build.create_batch(owner, total_calls=2, settings={"enableDNC": True})
    for number in (ONE, TWO):
        build.create_call(batch, phone_number=number)
    page = signed_in.get(f"/batches/{batch.id}").text
    assert "2 contacts are on a do-not-call list and will not be called." in page
    build.change(batch, status="active")
    assert "do-not-call list and" not in signed_in.get(f"/batches/{batch.id}").text
