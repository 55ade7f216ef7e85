"""Get All Batches: contract, section 1."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from portal.models import User
from tests.batches.lists import names, total
from tests.support.builders import MAY_2025, Builder


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
