"""Windows: the times of day and the weekdays on which calls may start, as clocks in a time zone show them.

The wall clock alone decides: an hour that a clock change skips is never open, and an hour that it repeats counts twice.
No other module of the portal computes windows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from itertools import cycle
from zoneinfo import ZoneInfo

from portal.times import DAY_MS, MILLISECOND, datetime_at

MINUTE_MS = 60_000
MIDNIGHT = "00:00"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """From `start` to before `end` ("HH:MM"), on `days` (0 = Sunday; empty = every day).

    If start equals end, calls may start all day. If start is later than end, the window runs past midnight and belongs
    to the day on which it begins.
    """

    start: str = MIDNIGHT
    end: str = MIDNIGHT
    days: tuple[int, ...] = ()

    @property
    def is_all_day(self) -> bool:
        """Return whether the window lasts from midnight to midnight."""
        return self.start == self.end

    @property
    def is_always_open(self) -> bool:
        """Return whether the window never closes."""
        return self.is_all_day and len(set(self.days)) in (0, 7)

    def has_day(self, day: datetime) -> bool:
        """Return whether the window opens on that day."""
        return not self.days or day.isoweekday() % 7 in self.days

    def bounds_on(self, day: datetime) -> tuple[datetime, datetime]:
        """Return the first wall-clock time of the window that begins on a day (its midnight), and the end."""
        if self.is_all_day:
            return day, day + DAY
        start, end = (datetime.combine(day, time.fromisoformat(text)) for text in (self.start, self.end))
        return start, end if start < end else end + DAY

    def next_wall_time(self, wall_time: datetime) -> datetime:
        """Return the first wall-clock time at or after `wall_time` that is in the window."""
        midnight = datetime.combine(wall_time, time())
        for offset in range(-1, 8):  # yesterday's window may run past midnight
            day = midnight + offset * DAY
            start, end = self.bounds_on(day)
            if self.has_day(day) and wall_time < end:
                return max(wall_time, start)
        raise AssertionError("one of seven days is in the window")


ANY_TIME = Window()


def next_opening(window: Window, zone: str, now: int) -> int:
    """Return the first time from now on at which clocks in `zone` show a time in the window; `now` if they do so now.

    Times are milliseconds since 1970 UTC. Raises ZoneInfoNotFoundError for a zone that this machine does not know.
    """
    if window.is_always_open:
        return now
    return max(now, next_opening_minute(window, zone, now // MINUTE_MS) * MINUTE_MS)


@lru_cache(maxsize=16_384)  # all calls of one minute ask for the same few zones
def next_opening_minute(window: Window, zone: str, minute: int) -> int:
    """Return the first minute since 1970 UTC from `minute` on in which the window is open.

    Windows and clock changes begin at full minutes.
    """
    zone_info, moment = ZoneInfo(zone), minute * MINUTE_MS
    while True:
        wall_time = datetime_at(moment, zone_info).replace(tzinfo=None)
        opens = moment + (window.next_wall_time(wall_time) - wall_time) // MILLISECOND
        change = next_clock_change(zone_info, moment, opens)
        if change is None:
            return opens // MINUTE_MS
        moment = change


def next_clock_change(zone: ZoneInfo, after: int, until: int) -> int | None:
    """Return the first time after `after` and not after `until` with another UTC offset than at `after`."""
    offset = datetime_at(after, zone).utcoffset()

    def has_changed(minute: int) -> bool:
        return datetime_at(minute * MINUTE_MS, zone).utcoffset() != offset

    while after < until:
        day_end = min(after + DAY_MS, until)
        if has_changed(day_end // MINUTE_MS):
            minutes = range(after // MINUTE_MS + 1, day_end // MINUTE_MS + 1)
            return minutes[bisect_left(minutes, True, key=has_changed)] * MINUTE_MS
        after = day_end
    return None


Opening = Callable[[int], int]  # returns the first time from a time on at which one rule allows calls


def first_common_time(openings: Sequence[Opening], now: int, before: int) -> int | None:
    """Return the first time from now on at which all rules allow calls; None if there is none before `before`.

    Each step goes to the next time that one rule allows, so that no common time is skipped.
    """
    moment, agreeing = now, 0
    for opening in cycle(openings):
        allowed = opening(moment)
        if allowed >= before:
            return None
        agreeing = agreeing + 1 if allowed == moment else 1
        moment = allowed
        if agreeing == len(openings):
            return moment
    return now
