"""Query strings to parameters and back, and the messages for invalid values."""

from __future__ import annotations

import re
from datetime import UTC
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts.parameters import AccountForm
from portal.batches.parameters import BatchListParameters
from portal.batches.query.list_query import SortBy
from portal.models import QueueStatus
from portal.text import find_forbidden_character
from portal.times import parse_moment_range
from portal.web.field_types import MomentRange
from portal.web.pagination import SortOrder
from portal.web.parameters import MAX_PARAMETERS, InvalidParameter, parse_form, parse_query

clean_texts = st.text(max_size=200).map(str.strip).filter(lambda text: not find_forbidden_character(text))
date_bounds = st.none() | st.sampled_from(["2025-05-01", "2025-05-01T12:00:00+02:00", "1999-12-31T23:59:59.999Z"])
views = st.builds(
    BatchListParameters,
    page=st.integers(1, 1_000_000_000),
    limit=st.integers(1, 100),
    search=clean_texts,
    status=st.sets(st.sampled_from(list(QueueStatus))).map(lambda chosen: [str(status) for status in chosen]),
    created_from=date_bounds,
    created_to=date_bounds,
    sort_by=st.sampled_from(list(SortBy)),
    sort_order=st.sampled_from(list(SortOrder)),
)


def read(query: str | bytes, **options: object) -> BatchListParameters:
    return parse_query(query.encode() if isinstance(query, str) else query, BatchListParameters, **options).or_refuse()


@given(views)
def test_parameters_survive_a_round_trip(parameters: BatchListParameters) -> None:
    assert read(parameters.query().removeprefix("?")) == parameters


@given(st.binary(max_size=300))
def test_every_query_string_is_parsed_or_rejected(query: bytes) -> None:
    parsed = parse_query(query, BatchListParameters)
    assert all(message.startswith(name[:60]) for name, message in parsed.problems.items())
    assert isinstance(parsed.values.page, int)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("page=0", "page must be between 1 and 1000000000"),
        ("page=-1", "page must be between 1 and 1000000000"),
        ("page=%2B1", "page must be between 1 and 1000000000"),
        ("page=1.0", "page must be between 1 and 1000000000"),
        ("page=1_0", "page must be between 1 and 1000000000"),
        ("page=+1", "page must be between 1 and 1000000000"),
        ("page=٣", "page must be between 1 and 1000000000"),
        ("page=" + "9" * 5000, "page must be between 1 and 1000000000"),
        ("limit=101", "limit must be between 1 and 100"),
        ("limit=1&limit=1", "limit is given more than once"),
        ("search=" + "x" * 201, "search must be at most 200 characters"),
        ("search=%00", "search must not hold a control character"),
        ("search=%C2%85", "search must not hold a control character"),
        ("search=%ED%A0%80", "search is not valid UTF-8"),
        ("search=a&search=a", "search is given more than once"),
        ("status=Active", "status must be one or more of active, paused, pending, stopped, completed"),
        ("sortOrder=DESC", "sortOrder must be one of asc, desc"),
        ("createdTo=2025-02-29", "createdTo must be an ISO date or date-time, such as"),
        ("created_from=2025-01-01", "created_from is not a known parameter; use page, limit, search, status"),
        ("%FF=1", "\ufffd is not a known parameter"),
        ("x" * 100 + "=1", "x" * 60 + "… is not a known parameter"),
        ("&".join(f"p{number}=1" for number in range(MAX_PARAMETERS + 1)), "query must have at most"),
    ],
)
def test_the_message_names_the_invalid_parameter(query: str, message: str) -> None:
    with pytest.raises(InvalidParameter) as error:
        read(quote(query, safe="=&%+"))
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("name", ["page", "limit"])
@given(text=st.text(alphabet="0123456789+-. _e٣²１x\u200b", min_size=1, max_size=25))
def test_a_whole_number_is_ascii_digits_only(name: str, text: str) -> None:
    maximum = {"page": 1_000_000_000, "limit": 100}[name]
    valid = re.fullmatch("[0-9]{1,20}", text) is not None and 1 <= int(text) <= maximum
    parsed = parse_query(f"{name}={quote(text)}".encode(), BatchListParameters)
    message = f"{name} must be between 1 and {maximum}"
    problems = [problem.removesuffix(", as a whole number") for problem in parsed.problems.values()]
    assert problems == ([] if valid else [message])
    assert getattr(parsed.values, name) == (int(text) if valid else getattr(BatchListParameters(), name))


@pytest.mark.parametrize("name", ["page", "limit", "search", "createdFrom", "createdTo", "sortBy", "sortOrder"])
def test_a_repeated_parameter_is_rejected_even_with_the_same_value(name: str) -> None:
    text = {"search": "may", "sortBy": "createdAt", "sortOrder": "asc"}.get(name, "2025-05-01" if "ed" in name else "1")
    assert parse_query(f"{name}={text}&{name}={text}".encode(), BatchListParameters).problems == {
        name: f"{name} is given more than once"
    }
    assert read(f"{name}=&{name}={text}&{name}=") == read(f"{name}={text}")


def test_invalid_values_are_named_and_valid_ones_are_used() -> None:
    parsed = parse_query(b"page=0&limit=25&search=may&sortBy=size&createdFrom=soon&colour=red", BatchListParameters)
    assert list(parsed.problems) == ["page", "createdFrom", "sortBy", "colour"]
    assert all(message.startswith(name) for name, message in parsed.problems.items())
    assert parsed.values == read("limit=25&search=may")


def test_the_number_of_parameters_is_limited() -> None:
    assert read("&".join(["status=active"] * MAX_PARAMETERS)) == read("status=active")
    parsed = parse_query(b"&".join([b"status=active"] * (MAX_PARAMETERS + 1)), BatchListParameters)
    assert (list(parsed.problems), parsed.values) == (["query"], BatchListParameters())


@pytest.mark.parametrize("search", ["%zz", "100%", "a;b", "a=b", "a&b", "a+b", "%2B1 201 555 0100", "#", "?", "été"])
def test_a_search_is_literal(search: str) -> None:
    assert read(BatchListParameters(search=search).query().removeprefix("?")).search == search


def test_malformed_escapes_are_literal() -> None:
    assert read("search=100%").search == "100%"
    assert read("search=%zz").search == "%zz"
    assert read("search=a;limit=5").search == "a;limit=5"


@pytest.mark.parametrize("character", ["\x00", "\t", "\n", "\x1b", "\x7f", "\x85", "\ud800"])
def test_a_form_rejects_forbidden_characters(character: str) -> None:
    parsed = parse_form({"name": f"a{character}b", "zone": "UTC", "csrf_token": "x"}, AccountForm)
    assert list(parsed.problems) == ["name"]
    assert parsed.problems["name"].startswith("name must not hold a ")
    assert parsed.values.zone == "UTC"


def test_empty_values_count_as_not_given() -> None:
    assert read("page=&limit=&search=&status=&createdFrom=&sortBy=&=") == BatchListParameters()
    assert read("") == BatchListParameters()
    assert read("status=,active,,") == read("status=active")
    for query in ("status=,", "status=,,", "status=%20,", "status=,&status="):
        assert list(parse_query(query.encode(), BatchListParameters).problems) == ["status"]
    assert read("search=%20may%20") == read("search=may")


def test_lists_are_equal_in_any_order_and_notation() -> None:
    expected = (QueueStatus.ACTIVE, QueueStatus.COMPLETED)
    for query in ("status=completed,active", "status=completed&status=active", "status=active,completed,active"):
        assert read(query).status == expected
    assert read("status=completed,active").query() == "?status=active,completed"


def test_pages_drop_unknown_names() -> None:
    assert read("utm_source=mail&page=2&utm_source=x&%FF=1&=x&y=&z", ignore_unknown=True).query() == "?page=2"


def test_a_date_is_a_day_in_the_given_zone() -> None:
    lisbon = ZoneInfo("Europe/Lisbon")
    assert read("createdFrom=2025-07-01", zone=lisbon).created_from == MomentRange(
        "2025-07-01", *parse_moment_range("2025-07-01", lisbon)
    )
    assert (
        read("createdFrom=2025-07-01").created_from.first_ms - 3_600_000 == parse_moment_range("2025-07-01", lisbon)[0]
    )
    exact = "createdFrom=2025-07-01T00:00:00Z"
    assert read(exact, zone=lisbon) == read(exact, zone=UTC)
