"""From a query string to a view and back: what is read, what is refused, and how it is named."""

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
from portal.web.pagination import SortOrder
from portal.web.parameters import MAX_PARAMETERS, InvalidParameter, MomentRange, parse_form, parse_query

clean = st.text(max_size=200).map(str.strip).filter(lambda text: not find_forbidden_character(text))
whens = st.none() | st.sampled_from(["2025-05-01", "2025-05-01T12:00:00+02:00", "1999-12-31T23:59:59.999Z"])
views = st.builds(
    BatchListParameters,
    page=st.integers(1, 1_000_000_000),
    limit=st.integers(1, 100),
    search=clean,
    status=st.sets(st.sampled_from(list(QueueStatus))).map(lambda chosen: [str(status) for status in chosen]),
    created_from=whens,
    created_to=whens,
    sort_by=st.sampled_from(list(SortBy)),
    sort_order=st.sampled_from(list(SortOrder)),
)


def read(query: str | bytes, **how: object) -> BatchListParameters:
    return parse_query(query.encode() if isinstance(query, str) else query, BatchListParameters, **how).or_refuse()


@given(views)
def test_a_view_written_as_an_address_reads_as_the_same_view(asked: BatchListParameters) -> None:
    assert read(asked.query().removeprefix("?")) == asked


@given(st.binary(max_size=300))
def test_no_query_string_is_more_than_refused(query: bytes) -> None:
    reading = parse_query(query, BatchListParameters)
    assert all(says.startswith(name[:60]) for name, says in reading.problems.items())
    assert isinstance(reading.values.page, int)


@pytest.mark.parametrize(
    ("query", "says"),
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
        ("status=Active", "status must be one or several of active, paused, pending, stopped, completed"),
        ("sortOrder=DESC", "sortOrder must be one of asc, desc"),
        ("createdTo=2025-02-29", "createdTo must be an ISO date or date-time, such as"),
        ("created_from=2025-01-01", "created_from is not a parameter here; there are page, limit, search, status"),
        ("%FF=1", "\ufffd is not a parameter here"),
        ("x" * 100 + "=1", "x" * 60 + "… is not a parameter here"),
        ("&".join(f"p{number}=1" for number in range(MAX_PARAMETERS + 1)), "query holds more than"),
    ],
)
def test_what_is_refused_is_named(query: str, says: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        read(quote(query, safe="=&%+"))
    assert str(refused.value).startswith(says)


@pytest.mark.parametrize("name", ["page", "limit"])
@given(text=st.text(alphabet="0123456789+-. _e٣²１x\u200b", min_size=1, max_size=25))
def test_a_whole_number_is_ascii_digits_and_nothing_else(name: str, text: str) -> None:
    most = {"page": 1_000_000_000, "limit": 100}[name]
    fits = re.fullmatch("[0-9]{1,20}", text) is not None and 1 <= int(text) <= most
    reading = parse_query(f"{name}={quote(text)}".encode(), BatchListParameters)
    assert reading.problems == ({} if fits else {name: f"{name} must be between 1 and {most}"})
    assert getattr(reading.values, name) == (int(text) if fits else getattr(BatchListParameters(), name))


@pytest.mark.parametrize("name", ["page", "limit", "search", "createdFrom", "createdTo", "sortBy", "sortOrder"])
def test_given_twice_is_refused_even_when_both_say_the_same(name: str) -> None:
    text = {"search": "may", "sortBy": "createdAt", "sortOrder": "asc"}.get(name, "2025-05-01" if "ed" in name else "1")
    assert parse_query(f"{name}={text}&{name}={text}".encode(), BatchListParameters).problems == {
        name: f"{name} is given more than once"
    }
    assert read(f"{name}=&{name}={text}&{name}=") == read(f"{name}={text}")


def test_each_wrong_value_is_named_and_each_right_one_is_kept() -> None:
    reading = parse_query(b"page=0&limit=25&search=may&sortBy=size&createdFrom=soon&colour=red", BatchListParameters)
    assert list(reading.problems) == ["page", "createdFrom", "sortBy", "colour"]
    assert all(says.startswith(name) for name, says in reading.problems.items())
    assert reading.values == read("limit=25&search=may")


def test_only_so_many_parameters_are_read() -> None:
    assert read("&".join(["status=active"] * MAX_PARAMETERS)) == read("status=active")
    reading = parse_query(b"&".join([b"status=active"] * (MAX_PARAMETERS + 1)), BatchListParameters)
    assert (list(reading.problems), reading.values) == (["query"], BatchListParameters())


@pytest.mark.parametrize("search", ["%zz", "100%", "a;b", "a=b", "a&b", "a+b", "%2B1 201 555 0100", "#", "?", "été"])
def test_a_search_is_taken_as_it_was_typed(search: str) -> None:
    assert read(BatchListParameters(search=search).query().removeprefix("?")).search == search


def test_what_a_browser_cannot_have_typed_is_taken_literally() -> None:
    assert read("search=100%").search == "100%"
    assert read("search=%zz").search == "%zz"
    assert read("search=a;limit=5").search == "a;limit=5"


@pytest.mark.parametrize("character", ["\x00", "\t", "\n", "\x1b", "\x7f", "\x85", "\ud800"])
def test_a_form_holds_no_character_that_cannot_be_stored(character: str) -> None:
    reading = parse_form({"name": f"a{character}b", "zone": "UTC", "csrf_token": "x"}, AccountForm)
    assert list(reading.problems) == ["name"]
    assert reading.problems["name"].startswith("name must not hold a ")
    assert reading.values.zone == "UTC"


def test_what_counts_as_not_given() -> None:
    assert read("page=&limit=&search=&status=&createdFrom=&sortBy=&=") == BatchListParameters()
    assert read("") == BatchListParameters()
    assert read("status=,active,,") == read("status=active")
    assert read("search=%20may%20") == read("search=may")


def test_statuses_by_comma_or_repeated_in_any_order_are_one_view() -> None:
    expected = (QueueStatus.ACTIVE, QueueStatus.COMPLETED)
    for query in ("status=completed,active", "status=completed&status=active", "status=active,completed,active"):
        assert read(query).status == expected
    assert read("status=completed,active").query() == "?status=active,completed"


def test_a_page_leaves_names_out_that_it_does_not_know() -> None:
    assert read("utm_source=mail&page=2&utm_source=x&%FF=1", ignore_unknown=True).query() == "?page=2"


def test_a_plain_date_is_a_day_in_the_zone_of_the_reading() -> None:
    lisbon = ZoneInfo("Europe/Lisbon")
    assert read("createdFrom=2025-07-01", zone=lisbon).created_from == MomentRange(
        "2025-07-01", *parse_moment_range("2025-07-01", lisbon)
    )
    assert (
        read("createdFrom=2025-07-01").created_from.first_ms - 3_600_000 == parse_moment_range("2025-07-01", lisbon)[0]
    )
    exact = "createdFrom=2025-07-01T00:00:00Z"
    assert read(exact, zone=lisbon) == read(exact, zone=UTC)
