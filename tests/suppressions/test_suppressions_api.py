"""Do-not-call lists in the API, and the contacts that uploads leave out; contract, section 5."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.models import AccountLogEntry, Scope, User
from portal.suppressions import query
from portal.times import DAY_MS, now_ms
from tests.support.builders import Builder

ONE, TWO, THREE = "+12025550101", "+12025550102", "+12025550103"


def numbers_on(call_api: Callable, search: str = "") -> list[tuple[str, str]]:
    rows = call_api(f"suppressions?limit=100{search}").json["data"]["suppressions"]
    return [(row["phoneNumber"], row["source"]) for row in rows]


@pytest.fixture
def load(call_api: Callable) -> Callable[..., Any]:
    """Upload a list: `load("+1…\\n", source="TPS")`."""

    def send(content: str, path: str = "suppressions/upload", **form: str) -> Any:
        data = form | {"file": (io.BytesIO(content.encode()), "list.csv")}
        return call_api(path, method="POST", data=data, content_type="multipart/form-data")

    return send


def test_numbers_are_added_once_per_list(app: Flask, call_api: Callable) -> None:
    first = call_api("suppressions", {"phoneNumbers": [ONE, "+1 (202) 555-0102", ONE]})
    assert (first.status_code, first.json["data"]) == (200, {"added": 2, "known": 0})
    again = call_api("suppressions", {"phoneNumbers": [TWO, THREE], "source": "own", "until": None})
    assert again.json["data"] == {"added": 1, "known": 1}
    assert call_api("suppressions", {"phoneNumbers": [ONE], "source": "TPS"}).json["data"]["added"] == 1
    page = call_api("suppressions?limit=2").json["data"]
    assert page["pagination"] == {"total": 4, "page": 1, "limit": 2, "totalPages": 2}
    assert list(page["suppressions"][0]) == ["phoneNumber", "source", "addedAt", "until"]
    assert [(row["source"], row["numbers"]) for row in page["lists"]] == [("own", 3), ("TPS", 1)]
    assert numbers_on(call_api) == [(ONE, "TPS"), (THREE, "own"), (TWO, "own"), (ONE, "own")]
    assert numbers_on(call_api, "&search=(202) 555-0101") == [(ONE, "TPS"), (ONE, "own")]
    assert numbers_on(call_api, "&search=5550103&source=own") == [(THREE, "own")]
    with app.app_context():
        entries = db.session.execute(select(AccountLogEntry)).scalars().all()
    details = [entry.details for entry in entries if entry.what == "suppressions-added"]
    assert details[0] == {"source": "own", "added": 2, "known": 0, "removed": 0}
    assert "555" not in str([entry.details for entry in entries])


def test_a_number_keeps_the_later_end(call_api: Callable) -> None:
    for until, stored in [
        ("2100-01-01", "2100-01-02T00:00:00.000Z"),
        ("2090-01-01T00:00:00Z", "2100-01-02T00:00:00.000Z"),
        ("2101-01-01", "2101-01-02T00:00:00.000Z"),
        (None, None),
        ("2101-01-01", None),
    ]:
        assert call_api("suppressions", {"phoneNumbers": [ONE], "until": until}).status_code == 200
        (row,) = call_api("suppressions").json["data"]["suppressions"]
        assert row["until"] == stored


def test_a_number_is_removed_from_one_list_or_from_all(call_api: Callable) -> None:
    for source in ("own", "TPS", "CTPS"):
        call_api("suppressions", {"phoneNumbers": [ONE, TWO], "source": source})
    answer = call_api(f"suppressions/{ONE}?source=TPS", method="DELETE")
    assert (answer.status_code, answer.json["data"]) == (200, {"removed": 1})
    assert call_api("suppressions/%2B12025550101", method="DELETE").json["data"] == {"removed": 2}
    assert call_api(f"suppressions/{ONE}", method="DELETE").status_code == 404
    assert call_api("suppressions/12", method="DELETE").status_code == 400
    assert len(numbers_on(call_api)) == 3


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "phoneNumbers is required"),
        ({"phoneNumbers": []}, "phoneNumbers must have at least 1 item"),
        ({"phoneNumbers": [ONE, "12"]}, "phoneNumbers[1] "),
        ({"phoneNumbers": [ONE], "source": " "}, "source must not be empty"),
        ({"phoneNumbers": [ONE], "until": "2001-01-01"}, "until must be in the future"),
        ({"phoneNumbers": [ONE], "reason": "a"}, "reason is not a known parameter"),
    ],
)
def test_a_wrong_body_is_refused(call_api: Callable, body: dict, message: str) -> None:
    answer = call_api("suppressions", body)
    assert answer.status_code == 400
    assert answer.json["errorMessage"].startswith(message)
    assert numbers_on(call_api) == []


def test_a_list_is_uploaded_and_replaced(load: Callable, call_api: Callable) -> None:
    answer = load(f"{ONE}\n{TWO}\n{TWO}\n", source="TPS", validDays="28")
    assert answer.status_code == 200, answer.json
    data = answer.json["data"]
    assert [data[name] for name in ("added", "known", "removed")] == [2, 0, 0]
    assert (data["skipped"]["duplicate"], data["read"]["headerRow"]) == (1, 0)
    (listed,) = call_api("suppressions").json["data"]["lists"]
    assert (listed["source"], listed["numbers"], listed["validDays"]) == ("TPS", 2, 28)
    replaced = load(f"number\n{TWO}\n{THREE}\n", source="TPS", replace="true").json["data"]
    assert [replaced[name] for name in ("added", "known", "removed")] == [1, 1, 1]
    assert sorted(numbers_on(call_api)) == [(TWO, "TPS"), (THREE, "TPS")]
    assert call_api("suppressions").json["data"]["lists"][0]["validDays"] == 28
    invalid = load(f"{ONE}\nunknown\n", source="TPS")
    assert (invalid.status_code, invalid.json["data"]["total"]) == (422, 1)
    assert load(f"{ONE}\nunknown\n", source="TPS", type="true").json["data"]["skipped"]["invalid"] == 1
    for form, name in [({"replace": "true"}, "replace"), ({"validDays": "28"}, "validDays")]:
        refused = load(f"{ONE}\n", **form)
        assert (refused.status_code, refused.json["errorMessage"].split()[0]) == (400, name)


def test_lists_belong_to_one_owner_and_need_a_scope(
    app: Flask, call_api: Callable, build: Builder, owner: User, stranger: User
) -> None:
    call_api("suppressions", {"phoneNumbers": [ONE]})
    other = build.create_token(stranger, *Scope)
    assert call_api("suppressions", token=other).json["data"]["suppressions"] == []
    assert call_api(f"suppressions/{ONE}", method="DELETE", token=other).status_code == 404
    reader = build.create_token(owner)
    assert call_api("suppressions", {"phoneNumbers": [ONE]}, token=reader).status_code == 403
    assert call_api(f"suppressions/{ONE}", method="DELETE", token=reader).status_code == 403
    with app.app_context():
        assert query.find_suppressed(owner.key, [ONE, TWO], now_ms(), every_list=False) == {ONE}
        assert query.find_suppressed(stranger.key, [ONE, TWO], now_ms(), every_list=True) == set()


def test_own_opt_outs_always_count_and_other_lists_on_request(
    app: Flask, call_api: Callable, build: Builder, owner: User
) -> None:
    call_api("suppressions", {"phoneNumbers": [ONE]})
    call_api("suppressions", {"phoneNumbers": [ONE, TWO], "source": "TPS", "until": "2100-01-01"})
    batch = build.create_batch(owner, total_calls=4)
    for number in (ONE, TWO, THREE):
        build.create_call(batch, phone_number=number)
    build.create_call(batch, phone_number=ONE, status="completed")
    numbers, now, after = (ONE, TWO, THREE), now_ms(), now_ms() + 80 * 366 * DAY_MS
    with app.app_context():
        assert query.find_suppressed(owner.key, numbers, now, every_list=False) == {ONE}
        assert query.find_suppressed(owner.key, numbers, now, every_list=True) == {ONE, TWO}
        assert query.find_suppressed(owner.key, numbers, after, every_list=True) == {ONE}
        assert query.count_listed_calls(owner.key, batch.id, now) == (1, 1)
        assert query.count_listed_calls(owner.key, batch.id, after) == (1, 0)


def test_an_upload_leaves_suppressed_contacts_out(load: Callable, call_api: Callable, owner: User) -> None:
    call_api("suppressions", {"phoneNumbers": [ONE]})
    call_api("suppressions", {"phoneNumbers": [TWO], "source": "TPS"})
    form = {"path": "upload", "userId": owner.id, "batchName": "Spring", "callingNumbers": "+12025550100"}
    content = f"phone\n{ONE}\n{TWO}\n{THREE}\n"
    answer = load(content, **form).json
    assert (answer["batch"]["totalCalls"], answer["skipped"]["suppressed"]) == (2, 1)
    answer = load(content, **form, enableDNC="true").json
    assert (answer["batch"]["totalCalls"], answer["skipped"]["suppressed"]) == (1, 2)
    nothing = load(f"phone\n{ONE}\n", **form)
    assert nothing.status_code == 400
    assert nothing.json["errorMessage"] == "file cannot be imported: all its numbers are on a do-not-call list"
