"""The calling window of a batch: at which hours of which days, on the clocks of its zone, calls may begin."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from portal.times import datetime_at, datetime_to_ms

SUNDAY_FIRST = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
SHORTEST_RANGE = 3  # days in a row that are said as "Monday to Wednesday"


@dataclass(frozen=True)
class CallingHours:
    """From `start` to `end` ("HH:MM", the latter excluded) in an IANA `zone`, on `days` (0 = Sunday; none = every day).

    The same start and end mean the whole day; a start after the end runs over midnight and belongs to the day on
    which it begins.
    """

    zone: str
    start: str
    end: str
    days: tuple[int, ...] = ()

    @property
    def all_day(self) -> bool:
        """Whether it takes the days whole, from midnight to midnight."""
        return self.start == self.end


def describe_hours(window: CallingHours) -> str:
    """A window as people say it: Monday to Friday, 09:00 to 17:00, Europe/Lisbon."""
    hours = "all day" if window.all_day else f"{window.start} to {window.end}"
    return f"{describe_days(window.days)}, {hours}, {window.zone}"


def describe_days(days: tuple[int, ...]) -> str:
    """Days (0 = Sunday) in the order of a week that begins on Monday, three or more in a row as a range."""
    if len(set(days)) in (0, len(SUNDAY_FIRST)):
        return "Every day"
    runs: list[list[int]] = []
    for day in sorted(day or 7 for day in set(days)):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    said: list[str] = []
    for run in runs:
        names = [SUNDAY_FIRST[day % 7] for day in run]
        said += [f"{names[0]} to {names[-1]}"] if len(names) >= SHORTEST_RANGE else names
    return " and ".join([", ".join(said[:-1]), said[-1]] if len(said) > 1 else said)


def is_open(window: CallingHours, now_ms: int) -> bool:
    """Whether calls may begin at that moment. Raises ZoneInfoNotFoundError for a zone that this machine lacks."""
    return next_opening(window, now_ms) is None


def next_opening(window: CallingHours, now_ms: int) -> int | None:
    """When the window opens next, in milliseconds since 1970 UTC; None while it is open. Raises as is_open does."""
    zone = ZoneInfo(window.zone)
    today = datetime_at(now_ms, zone).date()
    for ahead in count(-1):  # yesterday's may run over midnight
        day = today + timedelta(days=ahead)
        if window.days and day.isoweekday() % 7 not in window.days:
            continue
        opens, closes = opening_bounds(window, day, zone)
        if max(opens, now_ms) < closes:  # an hour that the clocks leave out can be a whole window
            return None if opens <= now_ms else opens
    raise AssertionError("there is always a next day")


def opening_bounds(window: CallingHours, day: date, zone: ZoneInfo) -> tuple[int, int]:
    """The milliseconds at which the window of that day opens and closes; the same ones when it does not open at all."""
    start = time() if window.all_day else time.fromisoformat(window.start)
    end = time() if window.all_day else time.fromisoformat(window.end)
    last = day + timedelta(days=1) if end <= start else day
    return first_ms_at(datetime.combine(day, start), zone), first_ms_at(datetime.combine(last, end), zone)


def first_ms_at(wall: datetime, zone: ZoneInfo) -> int:
    """The first millisecond at which clocks in `zone` have come to `wall`: the end of a gap when they leap over it."""
    late = datetime_to_ms(wall, zone)  # the first of two, or past a gap by as much as the clocks leap
    if datetime_at(late, zone).replace(tzinfo=None) == wall:
        return late
    early = datetime_to_ms(wall.replace(fold=1), zone)
    return early + bisect_left(
        range(early, late), True, key=lambda moment: datetime_at(moment, zone).replace(tzinfo=None) >= wall
    )
