"""The list's menus: every item leads to one view, and the closed menu shows the selected item."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from portal.batches.list_menus import created_date_menu, sort_menu
from portal.batches.parameters import BatchListParameters
from portal.web.parameters import parse_query

LISBON = ZoneInfo("Europe/Lisbon")
TODAY = date(2026, 11, 23)


def parse(query: str) -> BatchListParameters:
    return parse_query(query.encode(), BatchListParameters, zone=LISBON).or_refuse()


def test_date_items_count_back_from_the_users_today_and_lead_to_the_first_page() -> None:
    menu = created_date_menu(parse("page=4&search=may&createdTo=2020-01-01"), TODAY, LISBON)
    assert {choice.word: choice.query for choice in menu.choices} == {
        "any time": "?search=may",
        "today": "?search=may&createdFrom=2026-11-23",
        "last 7 days": "?search=may&createdFrom=2026-11-17",
        "last 30 days": "?search=may&createdFrom=2026-10-25",
        "this year": "?search=may&createdFrom=2026-01-01",
    }


def test_every_item_is_selected_in_its_own_view() -> None:
    for choice in created_date_menu(parse(""), TODAY, LISBON).choices:
        followed = created_date_menu(parse(choice.query.removeprefix("?")), TODAY, LISBON)
        assert followed.word == choice.word
        assert [other.word for other in followed.choices if other.chosen] == [choice.word]
    for choice in sort_menu(parse("")).choices:
        assert sort_menu(parse(choice.query.removeprefix("?"))).word == choice.word


@pytest.mark.parametrize(
    ("query", "label"),
    [
        ("createdFrom=2025-05-01", "since 1 May 2025"),
        ("createdTo=2025-05-01", "until 1 May 2025"),
        ("createdFrom=2025-05-01&createdTo=2025-05-31", "1 May 2025 – 31 May 2025"),
        ("createdFrom=2025-05-01&createdTo=2025-05-01", "1 May 2025"),
        ("createdFrom=2025-05-01T12:00:00Z", "since 2025-05-01T12:00:00Z"),
        ("createdFrom=0001-01-01&createdTo=9999-12-31", "1 Jan 1 – 31 Dec 9999"),
    ],
)
def test_a_custom_range_is_shown_as_text(query: str, label: str) -> None:
    menu = created_date_menu(parse(query), TODAY, LISBON)
    assert menu.word == label
    assert not any(choice.chosen for choice in menu.choices)


def test_newest_first_is_the_default_and_has_no_query() -> None:
    menu = sort_menu(parse("page=2"))
    assert menu.word == "newest first"
    assert menu.choices[0].query == ""
