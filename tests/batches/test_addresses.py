"""The address holds the whole state of the list page: parameters, error messages, links and forms."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.models import Batch, User
from tests.conftest import sign_in
from tests.support.builders import DAY_OF_MAY, Builder
from tests.support.pages import HTMX, extract_text

STATE = "search=round&status=active&limit=5&sortBy=batchName&sortOrder=asc&createdFrom=2025-01-01"


@pytest.fixture
def batches(build: Builder, owner: User) -> list[Batch]:
    return [build.create_batch(owner, f"Round {number}", status="active") for number in range(1, 13)]


def links(html: str) -> list[str]:
    """Return the addresses of the list's links."""
    return [unescape(address) for address in re.findall(r'href="(/batches[^"]*)"', html)]


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
def test_unknown_parameters_are_ignored_and_not_in_links(
    signed_in: FlaskClient, batches: list[Batch], headers: dict
) -> None:
    answer = signed_in.get("/batches?utm_source=mail&limit=10&fbclid=1&utm_source=again", headers=headers)
    assert answer.status_code == 200
    assert "1–10 of 12" in extract_text(answer.text)
    assert len(links(answer.text)) > 20
    assert not [address for address in links(answer.text) if "utm" in address or "fbclid" in address]


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "fragment"])
@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("limit=0", "limit must be between 1 and 100"),
        ("page=1e3", "page must be between 1 and 1000000000"),
        ("page=2&page=3", "page is given more than once"),
        ("sortBy=_id", "sortBy must be one of createdAt, updatedAt, batchName, totalCalls"),
        ("createdFrom=yesterday", "createdFrom must be an ISO date or date-time"),
        ("status=asleep", "status must be one or more of active, paused, pending, stopped, completed"),
        ("search=a%00b", "search must not hold a control character"),
        ("search=%ff", "search is not valid UTF-8"),
    ],
)
def test_an_invalid_value_shows_an_error_and_the_list(
    signed_in: FlaskClient, batches: list[Batch], headers: dict, query: str, message: str
) -> None:
    answer = signed_in.get(f"/batches?{query}", headers=headers)
    assert answer.status_code == 400
    assert message in extract_text(answer.text)
    assert "of 12" in extract_text(answer.text)
    assert "ETag" not in answer.headers


def test_an_invalid_value_does_not_affect_the_others(signed_in: FlaskClient, batches: list[Batch]) -> None:
    answer = signed_in.get("/batches?limit=0&search=round+1&page=1")
    assert "1–4 of 4" in extract_text(answer.text)


def test_past_the_end_an_invalid_value_shows_an_error_on_the_last_page(
    signed_in: FlaskClient, build: Builder, owner: User, batches: list[Batch]
) -> None:
    answer = signed_in.get("/batches?page=99&search=round&limit=0")
    assert answer.status_code == 400
    assert "limit must be between 1 and 100" in answer.text
    assert "11–12 of 12" in extract_text(answer.text)
    build.create_call(batches[0])
    answer = signed_in.get(f"/batches/{batches[0].id}?page=99&limit=0")
    assert answer.status_code == 400
    assert "1–1 of 1" in extract_text(answer.text)


def test_an_invalid_value_is_not_in_links(signed_in: FlaskClient, batches: list[Batch]) -> None:
    html = signed_in.get("/batches?sortBy=nonsense&search=round&limit=5").text
    assert not [address for address in links(html) if "nonsense" in address]
    assert "nonsense" not in str(form_fields(html))


def test_a_page_past_the_end_redirects_to_the_last_page(signed_in: FlaskClient, batches: list[Batch]) -> None:
    answer = signed_in.get("/batches?page=999&limit=5&search=round&status=active")
    assert answer.status_code == 302
    assert answer.location == "/batches?page=3&limit=5&search=round&status=active"
    assert signed_in.get("/batches?page=9&search=nowhere").location == "/batches?search=nowhere"
    assert signed_in.get("/batches?page=1000000000").location == "/batches?page=2"
    assert signed_in.get("/batches?page=1000000000", headers=HTMX).location == "/batches?page=2"
    followed = signed_in.get("/batches?page=99&utm_source=mail", headers=HTMX, follow_redirects=True)
    assert "11–12 of 12" in extract_text(followed.text)
    assert followed.request.full_path == "/batches?page=2"


def test_the_pager_shows_the_range_and_links(signed_in: FlaskClient, build: Builder, owner: User) -> None:
    for _ in range(32):
        build.create_batch(owner)
    page = signed_in.get("/batches?page=3").text
    assert "21–30 of 32" in extract_text(page)
    assert 'data-announcement="21–30 of 32 batches"' in page
    assert "26–32 of 32" in extract_text(signed_in.get("/batches?page=2&limit=25").text)
    rels = re.findall(r'id="page-(\w+)"[^>]* href="([^"]+)"', page)
    assert rels == [
        ("first", "/batches"),
        ("prev", "/batches?page=2"),
        ("next", "/batches?page=4"),
        ("last", "/batches?page=4"),
    ]
    last = signed_in.get("/batches?page=4").text
    assert re.findall(r'id="page-(\w+)"', last) == ["first", "prev"]


def test_links_include_the_whole_state(signed_in: FlaskClient, batches: list[Batch]) -> None:
    html = signed_in.get("/batches?search=round&status=active&limit=5&page=2&sortBy=batchName&sortOrder=asc").text
    following = re.search(r'id="page-next"[^>]* href="([^"]+)"', html)[1]
    assert parse_qs(urlsplit(unescape(following)).query) == {
        "page": ["3"],
        "limit": ["5"],
        "search": ["round"],
        "status": ["active"],
        "sortBy": ["batchName"],
        "sortOrder": ["asc"],
    }
    paused = re.search(r'id="chip-paused" href="([^"]+)"', html)[1]
    assert "page=" not in paused
    assert "status=paused" in paused


def form_fields(html: str) -> dict[str, dict[str, str]]:
    """Return the fields that a browser without JavaScript sends with the search form and the date form."""
    fields = {"search": {}, "created": {}}
    for tag in re.findall(r"<input[^>]*>", html):
        given = {name: unescape(value) for name, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}
        if given.get("form") == "list-form" or given.get("id") == "search":
            fields["search"][given["name"]] = given["value"]
        elif "name" in given and given["name"] not in ("csrf_token", "back", "id"):
            fields["created"][given["name"]] = given["value"]
    return fields


def test_forms_include_the_whole_state(signed_in: FlaskClient, batches: list[Batch]) -> None:
    state = {name: values[0] for name, values in parse_qs(STATE).items()}
    sent = form_fields(signed_in.get(f"/batches?{STATE}&page=2").text)
    assert sent["search"] == state
    assert sent["created"] == state | {"createdTo": ""}


def test_every_link_changes_one_parameter_only(signed_in: FlaskClient, batches: list[Batch]) -> None:
    state = parse_qs(STATE)
    changing = {"page", "limit", "status", "createdFrom", "sortBy", "sortOrder"}
    views = [parse_qs(urlsplit(address).query) for address in links(signed_in.get(f"/batches?{STATE}").text)]
    views = [view for view in views if view]
    assert len(views) > 20
    for view in views:
        changed = {name for name in view | state if view.get(name) != state.get(name)}
        assert changed <= changing
        assert len(changed - {"sortBy", "sortOrder"}) <= 1
        assert not (changed & {"sortBy", "sortOrder"} and changed - {"sortBy", "sortOrder"})


def test_dates_use_the_accounts_zone_on_pages_and_utc_in_the_api(
    app: Flask, api: Callable, build: Builder, owner: User
) -> None:
    build.change(owner, zone="Pacific/Auckland")  # 12 h before UTC in May
    late = build.create_batch(owner, "evening in UTC", created_at=DAY_OF_MAY + 23 * 3_600_000)
    page = sign_in(app, owner).get("/batches?createdFrom=2025-05-02").text
    assert f"/batches/{late.id}" in page
    assert api("?createdFrom=2025-05-02").json["data"]["batches"] == []


@pytest.mark.parametrize(
    ("bound", "on_page", "in_api"),
    [
        ("createdFrom=2025-05-02T11:00", True, False),  # without an offset: the account's zone on pages, UTC in the API
        ("createdFrom=2025-05-02T11:00:00.001", False, False),
        ("createdTo=2025-05-02T10:59:59.999", False, True),
        ("createdFrom=2025-05-01T23:00:00Z&createdTo=2025-05-02T11:00:00%2B12:00", True, True),
        ("createdFrom=2025-05-02&createdTo=2025-05-02", True, False),
        ("createdFrom=2025-05-01&createdTo=2025-05-01", False, True),
    ],
)
def test_times_without_offset_use_the_accounts_zone_on_pages(
    app: Flask, api: Callable, build: Builder, owner: User, bound: str, on_page: bool, in_api: bool
) -> None:
    build.change(owner, zone="Pacific/Auckland")
    batch = build.create_batch(owner, created_at=DAY_OF_MAY + 23 * 3_600_000)
    assert (f"/batches/{batch.id}" in sign_in(app, owner).get(f"/batches?{bound}").text) is on_page
    assert bool(api(f"?{bound}").json["data"]["batches"]) is in_api
