"""Windows: their description, and their next opening across clock changes."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfoNotFoundError

import pytest

from portal.dialing.descriptions import describe_opening, describe_window
from portal.dialing.windows import ANY_TIME, Window, next_opening
from portal.times import format_iso, parse_moment_range

WORKDAYS = (1, 2, 3, 4, 5)


def ms(text: str) -> int:
    return parse_moment_range(text, UTC)[0]


def opens_at(window: Window, zone: str, now: str) -> str | None:
    """Return the next opening, or None if the window is open."""
    opening = next_opening(window, zone, ms(now))
    return None if opening == ms(now) else format_iso(opening).replace(":00.000Z", "Z")


# --- description ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ((Window("09:00", "17:00", WORKDAYS), "Europe/Lisbon"), "Monday to Friday, 09:00 to 17:00, Europe/Lisbon"),
        ((Window("09:00", "17:00"), "UTC"), "Every day, 09:00 to 17:00, UTC"),
        ((Window("09:00", "17:00", (0, 1, 2, 3, 4, 5, 6)), "UTC"), "Every day, 09:00 to 17:00, UTC"),
        ((Window("00:00", "00:00", (0, 6)), "UTC"), "Saturday and Sunday, all day, UTC"),
        ((Window("08:30", "08:30"), "UTC"), "At any time"),
        ((ANY_TIME, "Europe/Lisbon"), "At any time"),
        ((Window("22:00", "02:00", (1, 3, 5)), "UTC"), "Monday, Wednesday and Friday, 22:00 to 02:00, UTC"),
        ((Window("09:00", "17:00", (0,)), "UTC"), "Sunday, 09:00 to 17:00, UTC"),
        ((Window("09:00", "17:00", (0, 5, 6)), "UTC"), "Friday to Sunday, 09:00 to 17:00, UTC"),
        ((Window("09:00", "17:00", (0, 1, 6)), "UTC"), "Monday, Saturday and Sunday, 09:00 to 17:00, UTC"),
        ((Window("09:00", "17:00", (1, 2, 3, 5)), "UTC"), "Monday to Wednesday and Friday, 09:00 to 17:00, UTC"),
        (
            (Window("09:00", "17:00", (0, 1, 2, 4, 5)), "UTC"),
            "Monday, Tuesday, Thursday, Friday and Sunday, 09:00 to 17:00, UTC",
        ),
    ],
)
def test_a_window_is_described_in_words(hours: tuple[Window, str], expected: str) -> None:
    assert describe_window(*hours) == expected


def test_the_next_opening_is_described_in_the_zone_of_the_window() -> None:
    assert describe_opening(Window("09:00", "17:00"), "Europe/Paris", ms("2026-11-29T20:00Z")) == (
        "Mon 30 Nov, 09:00 (Paris)"
    )
    assert describe_opening(Window("09:00", "17:00"), "Europe/Paris", ms("2026-11-29T12:00Z")) == ""


# --- openings ---------------------------------------------------------------------------------------------------------

OFFICE = (Window("09:00", "17:00", WORKDAYS), "UTC")
NIGHT = (Window("22:00", "02:00", (5,)), "UTC")  # Friday night


@pytest.mark.parametrize(
    ("hours", "now", "expected"),
    [  # 2026-11-20 is a Friday
        (OFFICE, "2026-11-20T08:59:59.999Z", "2026-11-20T09:00Z"),
        (OFFICE, "2026-11-20T09:00Z", None),
        (OFFICE, "2026-11-20T16:59:59.999Z", None),
        (OFFICE, "2026-11-20T17:00Z", "2026-11-23T09:00Z"),
        (OFFICE, "2026-11-22T12:00Z", "2026-11-23T09:00Z"),
        (NIGHT, "2026-11-20T21:59Z", "2026-11-20T22:00Z"),
        (NIGHT, "2026-11-20T23:00Z", None),
        (NIGHT, "2026-11-21T01:59:59.999Z", None),
        (NIGHT, "2026-11-21T02:00Z", "2026-11-27T22:00Z"),
        (NIGHT, "2026-11-20T01:00Z", "2026-11-20T22:00Z"),  # Friday 01:00 belongs to Thursday night
        ((Window("10:00", "10:00", (0, 6)), "UTC"), "2026-11-20T12:00Z", "2026-11-21T00:00Z"),
        ((Window("10:00", "10:00", (0, 6)), "UTC"), "2026-11-22T23:59Z", None),
        ((Window("10:00", "10:00", (0, 6)), "UTC"), "2026-11-23T00:00Z", "2026-11-28T00:00Z"),
        ((Window("10:00", "10:00"), "UTC"), "2026-11-23T00:00Z", None),
        ((Window("10:00", "09:59"), "UTC"), "2026-11-20T09:58Z", None),
        ((Window("10:00", "09:59"), "UTC"), "2026-11-20T09:59Z", "2026-11-20T10:00Z"),
        ((Window("09:00", "17:00", (1,)), "Asia/Kolkata"), "2026-11-22T20:00Z", "2026-11-23T03:30Z"),
        ((Window("09:00", "17:00", (1,)), "Pacific/Auckland"), "2026-11-22T19:59Z", "2026-11-22T20:00Z"),
    ],
)
def test_calls_may_start_from_the_start_until_before_the_end_on_allowed_days(
    hours: tuple[Window, str], now: str, expected: str | None
) -> None:
    assert opens_at(*hours, now) == expected


@pytest.mark.parametrize(
    ("zone", "start", "end", "now", "expected"),
    [
        # Lisbon, 2026-03-29: 01:00 becomes 02:00, at 01:00 UTC.
        ("Europe/Lisbon", "01:30", "05:00", "2026-03-29T00:00Z", "2026-03-29T01:00Z"),
        ("Europe/Lisbon", "22:00", "01:30", "2026-03-29T00:59Z", None),
        ("Europe/Lisbon", "22:00", "01:30", "2026-03-29T01:00Z", "2026-03-29T21:00Z"),
        ("Europe/Lisbon", "01:10", "01:50", "2026-03-29T00:30Z", "2026-03-30T00:10Z"),  # not on that day at all
        ("Europe/Lisbon", "01:10", "02:00", "2026-03-29T00:30Z", "2026-03-30T00:10Z"),
        ("Europe/Lisbon", "09:00", "17:00", "2026-03-28T17:00Z", "2026-03-29T08:00Z"),
        # Lisbon, 2026-10-25: 02:00 becomes 01:00, at 01:00 UTC; 01:30 is at 00:30 UTC and at 01:30 UTC.
        ("Europe/Lisbon", "01:30", "05:00", "2026-10-25T00:00Z", "2026-10-25T00:30Z"),
        ("Europe/Lisbon", "01:30", "05:00", "2026-10-25T01:15Z", "2026-10-25T01:30Z"),
        ("Europe/Lisbon", "01:30", "01:45", "2026-10-25T00:45Z", "2026-10-25T01:30Z"),  # opens twice
        ("Europe/Lisbon", "22:00", "01:30", "2026-10-25T00:30Z", "2026-10-25T01:00Z"),
        ("Europe/Lisbon", "09:00", "17:00", "2026-10-24T16:00Z", "2026-10-25T09:00Z"),
        # Lord Howe, 2026-10-04: 02:00 becomes 02:30, at 15:30 UTC the day before.
        ("Australia/Lord_Howe", "02:15", "09:00", "2026-10-03T15:00Z", "2026-10-03T15:30Z"),
        # Casablanca, 2026-02-15: 03:00 becomes 02:00 for the Ramadan, at 02:00 UTC.
        ("Africa/Casablanca", "02:30", "09:00", "2026-02-15T00:00Z", "2026-02-15T01:30Z"),
        # São Paulo, 2018-11-04: midnight is skipped; 2018-02-17: the last hour is repeated.
        ("America/Sao_Paulo", "00:00", "09:00", "2018-11-04T02:59Z", "2018-11-04T03:00Z"),
        ("America/Sao_Paulo", "23:30", "00:30", "2018-02-18T02:15Z", "2018-02-18T02:30Z"),
        # St. John's, 2010-11-07: 00:01 became 23:01 of the day before, at 02:31 UTC.
        ("America/St_Johns", "00:00", "09:00", "2010-11-07T02:40Z", "2010-11-07T03:30Z"),
        # Apia, 2011: all of 30 December is skipped, at 10:00 UTC.
        ("Pacific/Apia", "09:00", "17:00", "2011-12-30T04:00Z", "2011-12-30T19:00Z"),
    ],
)
def test_a_window_is_open_exactly_when_clocks_show_its_times(
    zone: str, start: str, end: str, now: str, expected: str | None
) -> None:
    assert opens_at(Window(start, end), zone, now) == expected


def test_a_day_skipped_by_the_calendar_opens_a_week_later() -> None:
    assert opens_at(Window(days=(5,)), "Pacific/Apia", "2011-12-29T12:00Z") == "2012-01-05T10:00Z"


def test_an_unknown_zone_is_an_error() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        next_opening(Window("09:00", "17:00"), "Europe/Nowhere", 0)
