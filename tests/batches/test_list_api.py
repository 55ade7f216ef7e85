"""Get All Batches: contract, section 1."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from portal.models import User
from tests.support.builders import MAY_2025, Builder


def names(answer: Any) -> list[str]:
    return [batch["batchName"] for batch in answer.json["data"]["batches"]]


def total(answer: Any) -> int:
    return answer.json["data"]["pagination"]["total"]


def test_the_response_equals_the_contract(api: Callable, build: Builder, owner: User) -> None:
    batch = build.create_batch(
        owner,
        "Marketing Campaign May 2025",
        status="active",
        total_calls=150,
        calls_called=130,
        calls_picked=120,
        calls_completed=100,
        created_at=MAY_2025,
        updated_at=MAY_2025 + 1_234_567,
    )
    answer = api("?page=1&limit=10&search=Marketing")
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert answer.text == (
        '{"message":"Batches fetched successfully","status":true,"code":200,"errorMessage":"",'
        '"data":{"batches":[{"_id":"' + batch.id + '","batchName":"Marketing Campaign May 2025",'
        '"totalCalls":150,"callsPicked":120,"callsCompleted":100,"queue_status":"active",'
        '"createdAt":"2025-05-01T12:00:00.000Z","updatedAt":"2025-05-01T12:20:34.567Z"}],'
        '"pagination":{"total":1,"page":1,"limit":10,"totalPages":1}}}\n'
    )
    assert re.fullmatch("[0-9a-f]{24}", batch.id)


def test_upper_case_user_id_is_accepted(api: Callable, build: Builder, owner: User) -> None:
    build.create_batch(owner)
    assert api(user_id=owner.id.upper()).status_code == 200


def test_only_live_batches_of_the_owner_are_listed(api: Callable, build: Builder, owner: User, stranger: User) -> None:
    build.create_batch(owner, "mine")
    build.create_batch(owner, "mine, deleted", deleted=True)
    build.create_batch(stranger, "not mine")
    answer = api("?search=mine")
    assert names(answer) == ["mine"]
    assert total(answer) == 1


def test_newest_first_then_by_id_and_pages_never_overlap(api: Callable, build: Builder, owner: User) -> None:
    same_time = [build.create_batch(owner, created_at=MAY_2025) for _ in range(7)]
    newest = build.create_batch(owner, created_at=MAY_2025 + 1)
    seen = [row["_id"] for page in (1, 2, 3) for row in api(f"?page={page}&limit=3").json["data"]["batches"]]
    assert seen == [newest.id, *sorted((batch.id for batch in same_time), reverse=True)]


def test_defaults_are_page_1_of_10(api: Callable, build: Builder, owner: User) -> None:
    for _ in range(11):
        build.create_batch(owner)
    data = api().json["data"]
    assert len(data["batches"]) == 10
    assert data["pagination"] == {"total": 11, "page": 1, "limit": 10, "totalPages": 2}


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("page=0", "page must be between 1 and 1000000000"),
        ("page=1000000001", "page must be between 1 and 1000000000"),
        ("page=9223372036854775807", "page must be between 1 and 1000000000"),
        ("page=" + "9" * 5000, "page must be between 1 and 1000000000"),
        ("page=-1", "page must be between 1 and 1000000000"),
        ("page=1e3", "page must be between 1 and 1000000000"),
        ("page=1.0", "page must be between 1 and 1000000000"),
        ("page=%2B1", "page must be between 1 and 1000000000"),
        ("page=%201", "page must be between 1 and 1000000000"),
        ("page=1_0", "page must be between 1 and 1000000000"),
        ("page=%D9%A3", "page must be between 1 and 1000000000"),
        ("page=null", "page must be between 1 and 1000000000"),
        ("page=1&page=1", "page is given more than once"),
        ("limit=0", "limit must be between 1 and 100"),
        ("limit=101", "limit must be between 1 and 100"),
        ("limit=ten", "limit must be between 1 and 100"),
        ("limit=5&limit=6", "limit is given more than once"),
        ("search=" + "a" * 201, "search must be at most 200 characters"),
        ("search=a%00b", "search must not hold a control character"),
        ("search=a%0Ab", "search must not hold a control character"),
        ("search=%7F", "search must not hold a control character"),
        ("search=%C2%85", "search must not hold a control character"),
        ("search=%ED%A0%80", "search is not valid UTF-8"),
        ("search=%FF", "search is not valid UTF-8"),
        ("search=a&search=b", "search is given more than once"),
        ("status=foo", "status must be one or more of active, paused, pending, stopped, completed"),
        ("status=active,foo", "status must be one or more of active, paused, pending, stopped, completed"),
        ("status=ACTIVE", "status must be one or more of active, paused, pending, stopped, completed"),
        ("sortBy=name", "sortBy must be one of createdAt, updatedAt, batchName, totalCalls"),
        ("sortBy=createdAt&sortBy=createdAt", "sortBy is given more than once"),
        ("sortOrder=up", "sortOrder must be one of asc, desc"),
        ("sortOrder=asc&sortOrder=asc", "sortOrder is given more than once"),
        ("createdFrom=2025-05-01&createdFrom=2025-05-02", "createdFrom is given more than once"),
        ("createdTo=2025-05-01&createdTo=2025-05-02", "createdTo is given more than once"),
        ("offset=3", "offset is not a known parameter"),
        ("deleted=true", "deleted must be one of exclude, only, include"),
    ],
)
def test_an_error_names_the_invalid_parameter(
    api: Callable, build: Builder, owner: User, query: str, sentence: str
) -> None:
    build.create_batch(owner)
    answer = api(f"?{query}")
    assert answer.status_code == 400
    assert answer.json["errorMessage"].startswith(sentence)
    assert answer.json == {
        "message": "Bad Request",
        "status": False,
        "code": 400,
        "errorMessage": answer.json["errorMessage"],
        "data": None,
    }


INVALID_TIMES = (
    "yesterday",
    "2025",
    "2025-5-1",
    "20250501",
    "2025-02-30",
    "2025-W01",
    "2025-W01-1",
    "0000-01-01",
    "2025-05-01T24:00:00Z",
    "2025-05-01T12:00:60Z",
    "2025-05-01T12Z",
    "2025-05-01 12:00:00Z",
    "2025-05-01T12:00:00+25:00",
    "1746100800",
    "%D9%A2025-05-01",
    "2025-05-01T12:00:00.Z",
    "2025-05-01%00",
)


@pytest.mark.parametrize("value", INVALID_TIMES)
@pytest.mark.parametrize("name", ["createdFrom", "createdTo"])
def test_an_error_names_the_invalid_time(api: Callable, build: Builder, owner: User, name: str, value: str) -> None:
    build.create_batch(owner)
    answer = api(f"?{name}={value}")
    assert answer.status_code == 400
    assert answer.json["errorMessage"] == (
        f"{name} must be an ISO date or date-time, such as 2025-05-01 or 2025-05-01T12:00:00Z"
    )


@pytest.mark.parametrize(
    "query", ["page=&limit=&search=&status=&createdFrom=&createdTo=&sortBy=&sortOrder=", "page=&page=1", "zz="]
)
def test_empty_values_are_ignored(api: Callable, build: Builder, owner: User, query: str) -> None:
    build.create_batch(owner)
    assert api(f"?{query}").status_code == 200


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("été", ["Campagne ÉTÉ"]),
        ("ÉTÉ", ["Campagne ÉTÉ"]),
        ("e\u0301te\u0301", ["Campagne ÉTÉ"]),
        ("STRASSE", ["Straße 100%"]),
        ("%", ["Straße 100%"]),
        ("100%", ["Straße 100%"]),
        ("_", ["a_b"]),
        ("\\", ["back\\slash"]),
        ("'", ["d'Or OR 1=1 --"]),
        ("or 1=1 --", ["d'Or OR 1=1 --"]),
        ('"', []),
        ("*", []),
        ("a*", []),
        ("NEAR", []),
        ("  a_b  ", ["a_b"]),
        ("🎉", ["🎉 party"]),
        ("nothing like it", []),
    ],
)
def test_search_is_literal_and_ignores_case_in_all_of_unicode(
    api: Callable, build: Builder, owner: User, search: str, expected: list[str]
) -> None:
    for name in ("Campagne ÉTÉ", "Straße 100%", "a_b", "axb", "back\\slash", "d'Or OR 1=1 --", "🎉 party"):
        build.create_batch(owner, name)
    answer = api(f"?search={quote(search)}")
    assert names(answer) == expected
    assert total(answer) == len(expected)


def test_search_finds_a_name_stored_with_combining_accents(api: Callable, build: Builder, owner: User) -> None:
    build.create_batch(owner, "E\u0301te\u0301")
    assert total(api("?search=%C3%A9t%C3%A9")) == 1


def test_search_matches_statuses_but_the_status_filter_matches_no_names(
    api: Callable, build: Builder, owner: User
) -> None:
    build.create_batch(owner, "one", status="active")
    build.create_batch(owner, "two", status="paused")
    build.create_batch(owner, "active in name only", status="stopped")
    assert names(api("?search=ACTI&sortBy=batchName&sortOrder=asc")) == ["active in name only", "one"]
    assert names(api("?status=active")) == ["one"]


@pytest.mark.parametrize(
    "query", ["status=active,paused", "status=active&status=paused", "status=paused,active,active"]
)
def test_filter_by_several_statuses(api: Callable, build: Builder, owner: User, query: str) -> None:
    for status in ("active", "paused", "pending", "stopped", "completed"):
        build.create_batch(owner, status, status=status)
    assert names(api(f"?{query}")) == ["paused", "active"]


DAY = 86_400_000


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("createdFrom=2025-05-01", ["start of 1st", "noon of 1st", "end of 1st", "2nd"]),
        ("createdTo=2025-05-01", ["30th", "start of 1st", "noon of 1st", "end of 1st"]),
        ("createdFrom=2025-05-01&createdTo=2025-05-01", ["start of 1st", "noon of 1st", "end of 1st"]),
        ("createdFrom=2025-05-01T12:00:00Z&createdTo=2025-05-01T12:00:00.000Z", ["noon of 1st"]),
        ("createdFrom=2025-05-01T12:00:00.0001Z&createdTo=2025-05-01T12:00:00.9Z", []),
        ("createdFrom=2025-05-01T14:00:00%2B02:00&createdTo=2025-05-01T07:00:00-05:00", ["noon of 1st"]),
        ("createdFrom=2025-05-01T12:00:00&createdTo=2025-05-01T12:00", ["noon of 1st"]),
        ("createdFrom=2025-05-02&createdTo=2025-05-01", []),
        ("createdFrom=0001-01-01&createdTo=9999-12-31", ["30th", "start of 1st", "noon of 1st", "end of 1st", "2nd"]),
        ("createdFrom=0001-01-01T00:00:00%2B23:59&createdTo=0001-01-01", []),
    ],
)
def test_filter_by_creation_time(api: Callable, build: Builder, owner: User, query: str, expected: list[str]) -> None:
    midnight = MAY_2025 - DAY // 2
    build.create_batch(owner, "30th", created_at=midnight - 1)
    build.create_batch(owner, "start of 1st", created_at=midnight)
    build.create_batch(owner, "noon of 1st", created_at=MAY_2025)
    build.create_batch(owner, "end of 1st", created_at=midnight + DAY - 1)
    build.create_batch(owner, "2nd", created_at=midnight + DAY)
    assert names(api(f"?sortOrder=asc&{query}")) == expected


@pytest.mark.parametrize(
    ("sort_by", "ascending"),
    [
        ("createdAt", ["b", "C", "a", "É"]),
        ("updatedAt", ["a", "b", "C", "É"]),
        ("batchName", ["a", "b", "C", "É"]),
        ("totalCalls", ["C", "a", "É", "b"]),
    ],
)
def test_sort_columns(api: Callable, build: Builder, owner: User, sort_by: str, ascending: list[str]) -> None:
    for name, created, updated, calls in (("b", 1, 2, 9), ("C", 2, 3, 1), ("a", 3, 1, 2), ("É", 4, 4, 3)):
        build.create_batch(owner, name, created_at=created, updated_at=updated, total_calls=calls)
    assert names(api(f"?sortBy={sort_by}&sortOrder=asc")) == ascending
    assert names(api(f"?sortBy={sort_by}")) == ascending[::-1]


def test_ties_are_sorted_by_id(api: Callable, build: Builder, owner: User) -> None:
    ids = sorted(build.create_batch(owner, "same", created_at=MAY_2025).id for _ in range(5))
    for sort_by in ("createdAt", "updatedAt", "batchName", "totalCalls"):
        rows = api(f"?sortBy={sort_by}&sortOrder=asc").json["data"]["batches"]
        assert [row["_id"] for row in rows] == ids


def test_a_page_past_the_end_is_empty_with_the_correct_total(api: Callable, build: Builder, owner: User) -> None:
    build.create_batch(owner)
    answer = api("?page=1000000000&limit=100")
    assert answer.status_code == 200
    assert answer.json["data"] == {
        "batches": [],
        "pagination": {"total": 1, "page": 1_000_000_000, "limit": 100, "totalPages": 1},
    }


def test_a_search_without_matches_returns_200_with_total_0(api: Callable, build: Builder, owner: User) -> None:
    build.create_batch(owner)
    answer = api("?search=nowhere")
    assert answer.status_code == 200
    assert answer.json["data"] == {"batches": [], "pagination": {"total": 0, "page": 1, "limit": 10, "totalPages": 0}}


def test_a_user_without_live_batches_gets_404_with_an_empty_page(api: Callable, build: Builder, owner: User) -> None:
    build.create_batch(owner, deleted=True)
    answer = api("?search=x")
    assert answer.status_code == 404
    assert answer.json["status"] is False
    assert answer.json["code"] == 404
    assert answer.json["data"] == {"batches": [], "pagination": {"total": 0, "page": 1, "limit": 10, "totalPages": 0}}


def test_invalid_parameters_take_precedence_over_404(api: Callable) -> None:
    assert api("?limit=0").status_code == 400
