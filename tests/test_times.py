"""Parsing and formatting of times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.times import (
    DAY_MS,
    EPOCH,
    TimeFormatError,
    find_zone,
    format_exact,
    format_iso,
    format_relative,
    list_zones,
    parse_moment_range,
)

LISBON = ZoneInfo("Europe/Lisbon")
HOUR = 3_600_000
NOON = 1_746_100_800_000  # 2025-05-01T12:00:00.000Z


@given(st.datetimes(), st.integers(-14 * 60, 14 * 60))
def test_a_date_time_is_one_moment_with_any_offset(moment: datetime, minutes: int) -> None:
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    expected = (moment - EPOCH) // timedelta(milliseconds=1) - minutes * 60_000
    assert parse_moment_range(zoned.isoformat(timespec="milliseconds"), UTC) == (expected, expected)


@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_iso_round_trip(ms: int) -> None:
    assert len(format_iso(ms)) == len("2025-05-01T12:00:00.000Z")
    assert parse_moment_range(format_iso(ms), UTC) == (ms, ms)


@given(st.dates(), st.sampled_from(["UTC", "Europe/Lisbon", "Pacific/Auckland", "America/St_Johns", "Asia/Kolkata"]))
def test_days_follow_each_other_without_a_gap(day: object, zone: str) -> None:
    first, last = parse_moment_range(day.isoformat(), ZoneInfo(zone))
    assert 22 * HOUR < last - first < 26 * HOUR
    if day.isoformat() < "9999-12-31":
        assert parse_moment_range((day + timedelta(days=1)).isoformat(), ZoneInfo(zone))[0] == last + 1


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2025-10-26", 25), ("2025-05-01", 24)])
def test_a_day_of_a_clock_change_has_23_or_25_hours(day: str, hours: int) -> None:
    first, last = parse_moment_range(day, LISBON)
    assert last - first + 1 == hours * HOUR


@pytest.mark.parametrize(
    ("day", "zone", "begins", "hours"),
    [
        ("2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00.000Z", 23),  # its midnight was skipped
        ("2018-02-17", "America/Sao_Paulo", "2018-02-17T02:00:00.000Z", 25),  # its last hour was repeated
        ("2025-11-02", "America/Havana", "2025-11-02T04:00:00.000Z", 25),  # its first hour was repeated
        ("2011-12-30", "Pacific/Apia", "2011-12-30T10:00:00.000Z", 0),  # skipped entirely
        ("2011-12-31", "Pacific/Apia", "2011-12-30T10:00:00.000Z", 24),
        ("2025-04-06", "Australia/Lord_Howe", "2025-04-05T13:00:00.000Z", 24.5),
        ("0001-01-01", "UTC", "0001-01-01T00:00:00.000Z", 24),
        ("9999-12-31", "UTC", "9999-12-31T00:00:00.000Z", 24),
    ],
)
def test_the_length_of_a_day_depends_on_its_zone(day: str, zone: str, begins: str, hours: float) -> None:
    first, last = parse_moment_range(day, ZoneInfo(zone))
    assert format_iso(first) == begins
    assert last - first + 1 == hours * HOUR


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-03-30T00:59:59", "2025-03-30T00:59:59.000Z"),
        ("2025-03-30T01:30:00", "2025-03-30T01:30:00.000Z"),  # skipped: parsed as if the clocks had not changed
        ("2025-03-30T02:00:00", "2025-03-30T01:00:00.000Z"),
        ("2025-10-26T01:30:00", "2025-10-26T00:30:00.000Z"),  # repeated: the first one
        ("2025-10-26T01:30:00Z", "2025-10-26T01:30:00.000Z"),  # the offset decides
        ("2025-10-26T01:30:00+01:00", "2025-10-26T00:30:00.000Z"),
        ("2025-10-26T02:00:00", "2025-10-26T02:00:00.000Z"),
    ],
)
def test_a_skipped_or_repeated_time(text: str, moment: str) -> None:
    first, last = parse_moment_range(text, LISBON)
    assert (format_iso(first), last) == (moment, first)


@given(st.datetimes(), st.integers(0, 999_999_999), st.integers(1, 9))
def test_a_fraction_is_compared_exactly(moment: datetime, nanos: int, digits: int) -> None:
    fraction = f"{nanos:09}"[:digits]
    begin, end = parse_moment_range(f"{moment.replace(microsecond=0).isoformat()}.{fraction}Z", UTC)
    second = (moment.replace(microsecond=0) - EPOCH) // timedelta(milliseconds=1)
    exact = int(fraction.ljust(9, "0"))
    assert (end - second) * 1_000_000 <= exact <= (begin - second) * 1_000_000
    assert begin - end == (exact % 1_000_000 != 0)


@given(st.text(alphabet="0123456789-:.TZ+ ٣\u2212Wz", max_size=30) | st.text(max_size=30))
def test_every_text_is_parsed_or_rejected(text: str) -> None:
    try:
        first, last = parse_moment_range(text, LISBON)
    except TimeFormatError:
        return
    assert text.isascii()
    assert abs(last - first) < 26 * HOUR


@given(st.sampled_from(["0001-01-01", "9999-12-31"]), st.sampled_from([*list_zones()]))
def test_the_first_and_last_day_work_in_every_zone(day: str, zone: str) -> None:
    first, last = parse_moment_range(day, ZoneInfo(zone))
    assert first < last


@pytest.mark.parametrize(
    ("zone", "offset"), [("UTC", "+00:00"), ("Asia/Kathmandu", "+05:45"), ("America/St_Johns", "-02:30")]
)
def test_an_exact_time_shows_the_offset_in_minutes(zone: str, offset: str) -> None:
    assert format_exact(NOON, ZoneInfo(zone)).endswith(f"{zone} (UTC{offset})")


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2025-05-01", NOON - 12 * HOUR, NOON + 12 * HOUR - 1),
        ("2025-05-01T12:00", NOON, NOON),
        ("2025-05-01T12:00:00Z", NOON, NOON),
        ("2025-05-01T14:00:00+02:00", NOON, NOON),
        ("2025-05-01T14:00:00+0200", NOON, NOON),
        ("2025-05-01T12:00:00.5Z", NOON + 500, NOON + 500),
        ("2025-05-01T12:00:00.0001Z", NOON + 1, NOON),  # between two milliseconds: in no range
        ("2024-02-29", 1_709_164_800_000, 1_709_164_800_000 + DAY_MS - 1),
    ],
)
def test_first_and_last_millisecond(text: str, first: int, last: int) -> None:
    assert parse_moment_range(text, UTC) == (first, last)


@pytest.mark.parametrize(
    "text",
    [
        "2025-02-29",
        "2025-13-01",
        "0000-01-01",
        "10000-01-01",
        "2025-5-1",
        "20250501",
        "2025-W18",
        "2025-05-01 12:00",
        "2025-05-01T24:00:00Z",
        "2025-05-01T12:00:60Z",
        "2016-12-31T23:59:60Z",
        "2025-05-01T12:00:00.0000000001Z",
        "2025-05-01T12:00:00,5Z",
        "2025-05-01T12:00:00 01:00",
        "2025-05-01T12:00:00\u221201:00",
        "2025-05-01T12:00:00+01:60",
        "2025-05-01T12:00:00ZZ",
        "2025-04-31",
        "1900-02-29",
        " 2025-05-01",
        "2025-05-01\n",
        "2025-05-01\x00",
        "\ud800",
        "+2025-05-01",
        "-001-05-01",
        "2025-121",
        "",
        "2025-05-01T12:00:00.Z",
        "2025-05-01T12:00:00+24:00",
        "2025-05-01T12",
        "２０２５-05-01",
        "now",
        "-1",
        "1746100800000",
    ],
)
def test_other_formats_are_rejected(text: str) -> None:
    with pytest.raises(TimeFormatError, match="must be an ISO date"):
        parse_moment_range(text, UTC)


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        (0, "just now"),
        (59_999, "just now"),
        (60_000, "1 min ago"),
        (HOUR - 1, "59 min ago"),
        (5 * HOUR, "5 h ago"),
        (7 * HOUR, "today, 06:00"),
        (14 * HOUR, "yesterday, 23:00"),
        (3 * DAY_MS, "3 days ago"),
        (10 * DAY_MS, "21 Apr"),
        (400 * DAY_MS, "27 Mar 2024"),
        (-HOUR, "today, 14:00"),
        (-DAY_MS, "2 May"),
    ],
)
def test_relative_times(ago: int, expected: str) -> None:
    assert format_relative(NOON - ago, NOON, LISBON) == expected


def test_an_exact_time_shows_its_zone() -> None:
    assert format_exact(NOON, LISBON) == "Thu 1 May 2025, 13:00:00 Europe/Lisbon (UTC+01:00)"


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Europe/Paris", "Europe/Paris"),
        ("europe/paris", "Europe/Paris"),
        ("Paris", "Europe/Paris"),
        ("new york", "America/New_York"),
        ("America/New York", "America/New_York"),
        ("São Paulo", "America/Sao_Paulo"),
        ("GMT", "GMT"),
        ("est", "EST"),
        ("Mars/Olympus", None),
        ("Pacific", None),
        ("../../etc/passwd", None),
        ("", None),
    ],
)
def test_a_zone_is_found_by_its_name_or_its_city(text: str, zone: str | None) -> None:
    assert find_zone(text) == zone
