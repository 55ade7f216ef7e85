"""The list's menus: every choice leads to one view, and the closed menu says which is in force."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from portal.batches.list_menus import created_date_menu, sort_menu
from portal.batches.parameters import BatchListParameters
from portal.web.parameters import parse_query

LISBON = ZoneInfo("Europe/Lisbon")
TODAY = date(2026, 11, 23)


def asked(query: str) -> BatchListParameters:
    return parse_query(query.encode(), BatchListParameters, zone=LISBON).or_refuse()


def test_choices_reach_back_from_the_readers_today_and_go_to_the_first_page() -> None:
    menu = created_date_menu(asked("page=4&search=may&createdTo=2020-01-01"), TODAY, LISBON)
    assert {choice.word: choice.query for choice in menu.choices} == {
        "any time": "?search=may",
        "today": "?search=may&createdFrom=2026-11-23",
        "last 7 days": "?search=may&createdFrom=2026-11-17",
        "last 30 days": "?search=may&createdFrom=2026-10-25",
        "this year": "?search=may&createdFrom=2026-01-01",
    }


def test_every_choice_once_followed_is_the_one_in_force() -> None:
    for choice in created_date_menu(asked(""), TODAY, LISBON).choices:
        followed = created_date_menu(asked(choice.query.removeprefix("?")), TODAY, LISBON)
        assert followed.word == choice.word
        assert [other.word for other in followed.choices if other.chosen] == [choice.word]
    for choice in sort_menu(asked("")).choices:
        assert sort_menu(asked(choice.query.removeprefix("?"))).word == choice.word


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("createdFrom=2025-05-01", "since 1 May 2025"),
        ("createdTo=2025-05-01", "until 1 May 2025"),
        ("createdFrom=2025-05-01&createdTo=2025-05-31", "1 May 2025 – 31 May 2025"),
        ("createdFrom=2025-05-01&createdTo=2025-05-01", "1 May 2025"),
        ("createdFrom=2025-05-01T12:00:00Z", "since 2025-05-01T12:00:00Z"),
        ("createdFrom=0001-01-01&createdTo=9999-12-31", "1 Jan 1 – 31 Dec 9999"),
    ],
)
def test_bounds_of_ones_own_are_said_in_words(query: str, words: str) -> None:
    menu = created_date_menu(asked(query), TODAY, LISBON)
    assert menu.word == words
    assert not any(choice.chosen for choice in menu.choices)


def test_newest_first_is_the_default_and_needs_no_address() -> None:
    menu = sort_menu(asked("page=2"))
    assert menu.word == "newest first"
    assert menu.choices[0].query == ""
