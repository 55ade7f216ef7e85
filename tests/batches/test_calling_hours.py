"""The calling hours of a batch: their description, and their next opening across clock changes."""

from __future__ import annotations

from datetime import UTC
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portal.batches.calling_hours import CallingHours, describe_hours, next_opening
from portal.times import DAY_MS, datetime_at, format_iso, parse_moment_range

ZONES = ["UTC", "Europe/Lisbon", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca"]
WORKDAYS = (1, 2, 3, 4, 5)

minutes = st.integers(0, 24 * 60 - 1).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
days = st.sets(st.integers(0, 6)).map(lambda chosen: tuple(sorted(chosen)))
all_hours = st.builds(CallingHours, st.sampled_from(ZONES), minutes, minutes, days)
timestamps = st.integers(1_577_836_800_000, 1_924_991_999_999)  # 2020 to 2030


def ms(text: str) -> int:
    return parse_moment_range(text, UTC)[0]


def is_open(hours: CallingHours, now_ms: int) -> bool:
    return next_opening(hours, now_ms) is None


def opens_at(hours: CallingHours, now: str) -> str | None:
    opening = next_opening(hours, ms(now))
    return None if opening is None else format_iso(opening).replace(":00.000Z", "Z")


# --- description ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (CallingHours("Europe/Lisbon", "09:00", "17:00", WORKDAYS), "Monday to Friday, 09:00 to 17:00, Europe/Lisbon"),
        (CallingHours("UTC", "09:00", "17:00"), "Every day, 09:00 to 17:00, UTC"),
        (CallingHours("UTC", "09:00", "17:00", (0, 1, 2, 3, 4, 5, 6)), "Every day, 09:00 to 17:00, UTC"),
        (CallingHours("UTC", "00:00", "00:00", (0, 6)), "Saturday and Sunday, all day, UTC"),
        (CallingHours("UTC", "08:30", "08:30"), "Every day, all day, UTC"),
        (CallingHours("UTC", "22:00", "02:00", (1, 3, 5)), "Monday, Wednesday and Friday, 22:00 to 02:00, UTC"),
        (CallingHours("UTC", "09:00", "17:00", (0,)), "Sunday, 09:00 to 17:00, UTC"),
        (CallingHours("UTC", "09:00", "17:00", (0, 5, 6)), "Friday to Sunday, 09:00 to 17:00, UTC"),
        (CallingHours("UTC", "09:00", "17:00", (0, 1, 6)), "Monday, Saturday and Sunday, 09:00 to 17:00, UTC"),
        (CallingHours("UTC", "09:00", "17:00", (1, 2, 3, 5)), "Monday to Wednesday and Friday, 09:00 to 17:00, UTC"),
        (
            CallingHours("UTC", "09:00", "17:00", (0, 1, 2, 4, 5)),
            "Monday, Tuesday, Thursday, Friday and Sunday, 09:00 to 17:00, UTC",
        ),
    ],
)
def test_calling_hours_are_described_in_words(hours: CallingHours, expected: str) -> None:
    assert describe_hours(hours) == expected


# --- openings ---------------------------------------------------------------------------------------------------------

OFFICE = CallingHours("UTC", "09:00", "17:00", WORKDAYS)
NIGHT = CallingHours("UTC", "22:00", "02:00", (5,))  # Friday night


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
        (CallingHours("UTC", "10:00", "10:00", (0, 6)), "2026-11-20T12:00Z", "2026-11-21T00:00Z"),
        (CallingHours("UTC", "10:00", "10:00", (0, 6)), "2026-11-22T23:59Z", None),
        (CallingHours("UTC", "10:00", "10:00", (0, 6)), "2026-11-23T00:00Z", "2026-11-28T00:00Z"),
        (CallingHours("UTC", "10:00", "10:00"), "2026-11-23T00:00Z", None),
        (CallingHours("UTC", "10:00", "09:59"), "2026-11-20T09:58Z", None),
        (CallingHours("UTC", "10:00", "09:59"), "2026-11-20T09:59Z", "2026-11-20T10:00Z"),
        (CallingHours("Asia/Kolkata", "09:00", "17:00", (1,)), "2026-11-22T20:00Z", "2026-11-23T03:30Z"),
        (CallingHours("Pacific/Auckland", "09:00", "17:00", (1,)), "2026-11-22T19:59Z", "2026-11-22T20:00Z"),
    ],
)
def test_calls_may_start_from_the_start_until_before_the_end_on_allowed_days(
    hours: CallingHours, now: str, expected: str | None
) -> None:
    assert opens_at(hours, now) == expected


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
        ("Europe/Lisbon", "01:30", "05:00", "2026-10-25T01:15Z", None),  # open for the whole repeated hour
        ("Europe/Lisbon", "01:30", "01:45", "2026-10-25T00:45Z", "2026-10-26T01:30Z"),  # opens only once
        ("Europe/Lisbon", "22:00", "01:30", "2026-10-25T00:30Z", "2026-10-25T22:00Z"),
        ("Europe/Lisbon", "09:00", "17:00", "2026-10-24T16:00Z", "2026-10-25T09:00Z"),
        # Lord Howe, 2026-10-04: 02:00 becomes 02:30, at 15:30 UTC the day before.
        ("Australia/Lord_Howe", "02:15", "09:00", "2026-10-03T15:00Z", "2026-10-03T15:30Z"),
        # Casablanca, 2026-02-15: 03:00 becomes 02:00 for the Ramadan, at 02:00 UTC.
        ("Africa/Casablanca", "02:30", "09:00", "2026-02-15T00:00Z", "2026-02-15T01:30Z"),
        # São Paulo, 2018-11-04: midnight is skipped; 2018-02-17: the last hour is repeated.
        ("America/Sao_Paulo", "00:00", "09:00", "2018-11-04T02:59Z", "2018-11-04T03:00Z"),
        ("America/Sao_Paulo", "23:30", "00:30", "2018-02-18T02:15Z", None),
        # St. John's, 2010-11-07: 00:01 became 23:01 of the day before, at 02:31 UTC.
        ("America/St_Johns", "00:00", "09:00", "2010-11-07T02:40Z", None),
        # Apia, 2011: all of 30 December is skipped, at 10:00 UTC.
        ("Pacific/Apia", "09:00", "17:00", "2011-12-30T04:00Z", "2011-12-30T19:00Z"),
    ],
)
def test_clock_changes_neither_skip_nor_repeat_an_opening(
    zone: str, start: str, end: str, now: str, expected: str | None
) -> None:
    assert opens_at(CallingHours(zone, start, end), now) == expected


def test_a_day_skipped_by_the_calendar_opens_a_week_later() -> None:
    assert opens_at(CallingHours("Pacific/Apia", "00:00", "00:00", (5,)), "2011-12-29T12:00Z") == "2012-01-05T10:00Z"


def test_an_unknown_zone_is_an_error() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        is_open(CallingHours("Europe/Nowhere", "09:00", "17:00"), 0)


@given(all_hours, timestamps, st.floats(0, 1, exclude_max=True))
def test_the_next_opening_is_the_first_millisecond_at_which_calls_may_start(
    hours: CallingHours, now: int, part: float
) -> None:
    opens = next_opening(hours, now)
    assume(opens is not None)
    assert opens > now
    assert is_open(hours, opens)
    assert not is_open(hours, opens - 1)
    assert not is_open(hours, now + int((opens - now) * part))


@given(all_hours, timestamps)
def test_without_a_clock_change_calls_may_start_when_the_clock_shows_the_hours(hours: CallingHours, now: int) -> None:
    zone = ZoneInfo(hours.zone)
    assume(len({datetime_at(now + offset * DAY_MS // 24, zone).utcoffset() for offset in range(-48, 49)}) == 1)
    then = datetime_at(now, zone)
    shown, today = f"{then:%H:%M}", then.isoweekday() % 7
    allowed = hours.days or range(7)
    if hours.start == hours.end:
        expected = today in allowed
    elif hours.start < hours.end:
        expected = today in allowed and hours.start <= shown < hours.end
    else:
        evening, morning = today in allowed and shown >= hours.start, (today - 1) % 7 in allowed and shown < hours.end
        expected = evening or morning
    assert is_open(hours, now) == expected


@given(all_hours, timestamps)
def test_at_an_opening_the_clock_shows_the_start_or_the_end_of_a_gap(hours: CallingHours, now: int) -> None:
    opens = next_opening(hours, now)
    assume(opens is not None)
    zone = ZoneInfo(hours.zone)
    then, before = datetime_at(opens, zone), datetime_at(opens - 1, zone)
    start = "00:00" if hours.start == hours.end else hours.start
    jumped = then.utcoffset() > before.utcoffset()
    assert f"{then:%H:%M:%S}" == f"{start}:00" or (jumped and f"{before:%H:%M}" < start < f"{then:%H:%M}")
    assert not hours.days or then.isoweekday() % 7 in hours.days
