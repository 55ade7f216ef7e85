"""The calling hours of a batch: the times of day and the weekdays on which calls may start, in a time zone."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from portal.times import datetime_at, datetime_to_ms, format_minute, zone_city

WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MIN_RANGE_DAYS = 3  # consecutive days that are written as "Monday to Wednesday"


@dataclass(frozen=True)
class CallingHours:
    """From `start` to before `end` ("HH:MM") in an IANA `zone`, on `days` (0 = Sunday; empty = every day).

    If start equals end, calls may start all day. If start is later than end, the hours run past midnight and belong to
    the day on which they begin.
    """

    zone: str
    start: str
    end: str
    days: tuple[int, ...] = ()

    @property
    def is_all_day(self) -> bool:
        """Return whether the hours run from midnight to midnight."""
        return self.start == self.end


def describe_hours(hours: CallingHours) -> str:
    """Describe calling hours: "Monday to Friday, 09:00 to 17:00, Europe/Lisbon"."""
    times = "all day" if hours.is_all_day else f"{hours.start} to {hours.end}"
    return f"{describe_days(hours.days)}, {times}, {hours.zone}"


def describe_opening(hours: CallingHours, now_ms: int) -> str:
    """Describe the next time at which calls may start: "Mon 30 Nov, 09:00 (Paris)"; empty if they may start now.

    The time is in the zone of the calling hours, which may differ from the reader's.
    """
    opens_at = next_opening(hours, now_ms)
    if opens_at is None:
        return ""
    return f"{format_minute(opens_at, ZoneInfo(hours.zone))} ({zone_city(hours.zone)})"


def describe_days(days: tuple[int, ...]) -> str:
    """Describe days (0 = Sunday) in the order of a week from Monday, three or more consecutive days as a range."""
    if len(set(days)) in (0, len(WEEKDAYS)):
        return "Every day"
    ranges: list[list[int]] = []
    for day in sorted(day or 7 for day in set(days)):
        if ranges and ranges[-1][-1] == day - 1:
            ranges[-1].append(day)
        else:
            ranges.append([day])
    items: list[str] = []
    for consecutive in ranges:
        names = [WEEKDAYS[day % 7] for day in consecutive]
        items += [f"{names[0]} to {names[-1]}"] if len(names) >= MIN_RANGE_DAYS else names
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def next_opening(hours: CallingHours, now_ms: int) -> int | None:
    """Return the next time at which calls may start, in milliseconds since 1970 UTC; None if they may start now.

    Raises ZoneInfoNotFoundError for a zone that this machine does not know.
    """
    zone = ZoneInfo(hours.zone)
    today = datetime_at(now_ms, zone).date()
    for offset in count(-1):  # yesterday's hours may run past midnight
        day = today + timedelta(days=offset)
        if hours.days and day.isoweekday() % 7 not in hours.days:
            continue
        opens, closes = opening_bounds(hours, day, zone)
        if max(opens, now_ms) < closes:  # a clock change can skip the hours of a whole day
            return None if opens <= now_ms else opens
    raise AssertionError("there is always a next day")


def opening_bounds(hours: CallingHours, day: date, zone: ZoneInfo) -> tuple[int, int]:
    """Return the milliseconds at which the hours of that day begin and end; equal if a clock change skips them."""
    start = time() if hours.is_all_day else time.fromisoformat(hours.start)
    end = time() if hours.is_all_day else time.fromisoformat(hours.end)
    last_day = day + timedelta(days=1) if end <= start else day
    return first_ms_at(datetime.combine(day, start), zone), first_ms_at(datetime.combine(last_day, end), zone)


def first_ms_at(wall_time: datetime, zone: ZoneInfo) -> int:
    """Return the first millisecond at which clocks in `zone` show `wall_time`, or the end of the gap that skips it."""
    late = datetime_to_ms(wall_time, zone)  # the first of two, or past the gap by its length
    if datetime_at(late, zone).replace(tzinfo=None) == wall_time:
        return late
    early = datetime_to_ms(wall_time.replace(fold=1), zone)
    return early + bisect_left(
        range(early, late), True, key=lambda ms: datetime_at(ms, zone).replace(tzinfo=None) >= wall_time
    )
