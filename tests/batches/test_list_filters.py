"""GET /api/call/batches/{userId}: search, filters and sorting; contract, section 1."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from portal.models import User
from tests.batches.lists import names, total
from tests.support.builders import MAY_2025, Builder


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
