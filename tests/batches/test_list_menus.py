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
    assert {item.label: item.query for item in menu.items} == {
        "any time": "?search=may",
        "today": "?search=may&createdFrom=2026-11-23",
        "last 7 days": "?search=may&createdFrom=2026-11-17",
        "last 30 days": "?search=may&createdFrom=2026-10-25",
        "this year": "?search=may&createdFrom=2026-01-01",
    }


def test_every_item_is_selected_in_its_own_view() -> None:
    for item in created_date_menu(parse(""), TODAY, LISBON).items:
        followed = created_date_menu(parse(item.query.removeprefix("?")), TODAY, LISBON)
        assert followed.label == item.label
        assert [other.label for other in followed.items if other.is_selected] == [item.label]
    for item in sort_menu(parse("")).items:
        assert sort_menu(parse(item.query.removeprefix("?"))).label == item.label


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
    assert menu.label == label
    assert not any(item.is_selected for item in menu.items)


def test_newest_first_is_the_default_and_has_no_query() -> None:
    menu = sort_menu(parse("page=2"))
    assert menu.label == "newest first"
    assert menu.items[0].query == ""
