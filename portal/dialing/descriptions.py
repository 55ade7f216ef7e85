"""Describe windows and their next openings in words, for pages."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from portal.dialing.windows import Window, next_opening
from portal.times import format_minute, zone_city

WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MIN_RANGE_DAYS = 3  # consecutive days that are written as "Monday to Wednesday"


def describe_window(window: Window, zone: str) -> str:
    """Describe a window: "Monday to Friday, 09:00 to 17:00, Europe/Lisbon"."""
    if window.is_always_open:
        return "At any time"
    return f"{describe_days(window.days)}, {describe_hours(window)}, {zone}"


def describe_hours(window: Window) -> str:
    """Describe the times of day of a window: "09:00 to 17:00"."""
    return "all day" if window.is_all_day else f"{window.start} to {window.end}"


def describe_opening(window: Window, zone: str, now: int) -> str:
    """Describe the next time at which calls may start: "Mon 30 Nov, 09:00 (Paris)"; empty if they may start now.

    The time is in the zone of the window, which may differ from the reader's.
    """
    opens_at = next_opening(window, zone, now)
    return describe_time(opens_at, zone) if opens_at > now else ""


def describe_time(moment: int, zone: str) -> str:
    """Describe a time in a zone: "Mon 30 Nov, 09:00 (Paris)"."""
    return f"{format_minute(moment, ZoneInfo(zone))} ({zone_city(zone)})"


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
