"""Decide whether a call may be placed now, and if not, why and until when it is held. No SQL and no clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date
from functools import lru_cache, partial

from portal.dialing.windows import ANY_TIME, MINUTE_MS, Opening, Window, first_common_time, next_opening
from portal.models.call import HeldFor
from portal.times import DAY_MS, datetime_at, day_start_ms

# The hours in which people may be called, in their own time: 47 CFR 64.1200(c)(1).
CALLEE_WINDOW = Window("08:00", "21:00")

# Clock changes repeat every year. Rules without a common time in a year have none.
YEAR_MS = 366 * DAY_MS
NEVER = 1 << 62


@dataclass(frozen=True)
class DialingRules:
    """The rules of a batch: its window in its own zone, whether callees' zones count, and the limit of attempts.

    `attempts_per_day` limits the attempts per phone number in any 24 hours; 0 = no limit.
    """

    window: Window = ANY_TIME
    zone: str = "UTC"
    use_callee_zone: bool = True
    attempts_per_day: int = 0


@dataclass(frozen=True)
class DueCall:
    """What the rules need to know of a call: all times are milliseconds since 1970 UTC.

    `zones` are those of the contact (callee_zones.py), and `attempted_at` the times of all attempts to the phone number
    in the last 24 hours, by any batch of the owner.
    """

    zones: tuple[str, ...] = ()
    due_at: int = 0
    attempted_at: Sequence[int] = ()


@dataclass(frozen=True)
class Hold:
    """Why a call is held, and the first time at which the rules allow it; None if they never do."""

    reason: HeldFor
    until: int | None


def find_hold(rules: DialingRules, call: DueCall, now: int) -> Hold | None:
    """Return why the call must not be placed now; None if it may be placed."""
    openings: dict[HeldFor, Opening] = {HeldFor.DELAY: partial(max, call.due_at)}
    if rules.attempts_per_day:
        openings[HeldFor.DAY] = partial(next_attempt_time, call.attempted_at, rules.attempts_per_day)
    openings[HeldFor.WINDOW] = partial(next_window_time, rules, call.zones)
    reason = next((reason for reason, opening in openings.items() if opening(now) > now), None)
    if reason is None:
        return None
    return Hold(reason, first_common_time(list(openings.values()), now, now + YEAR_MS))


def next_attempt_time(attempted_at: Sequence[int], limit: int, moment: int) -> int:
    """Return the first time from `moment` on with fewer than `limit` attempts in the 24 hours before it."""
    counted = sorted(at for at in attempted_at if at > moment - DAY_MS)
    return moment if len(counted) < limit else counted[-limit] + DAY_MS


def next_window_time(rules: DialingRules, zones: tuple[str, ...], moment: int) -> int:
    """Return the first time from `moment` on in the windows of the batch and of a callee in these zones, or NEVER."""
    return max(moment, next_window_minute(rules, zones, moment // MINUTE_MS) * MINUTE_MS)


@lru_cache(maxsize=16_384)  # all calls of one minute ask for the same few zones
def next_window_minute(rules: DialingRules, zones: tuple[str, ...], minute: int) -> int:
    """Return the same for a minute since 1970 UTC."""
    now = minute * MINUTE_MS
    openings: list[Opening] = [partial(next_opening, rules.window, rules.zone)]
    if rules.use_callee_zone:
        in_zones = choose_callee_zones(zones, rules.zone, datetime_at(now, UTC).year)
        openings += [partial(next_opening, CALLEE_WINDOW, zone) for zone in in_zones]
    opens = first_common_time(openings, now, now + YEAR_MS)
    return NEVER if opens is None else opens // MINUTE_MS


@lru_cache(maxsize=4096)
def choose_callee_zones(zones: tuple[str, ...], batch_zone: str, year: int) -> tuple[str, ...]:
    """Return the zones in whose hours a callee may be called: all of them, if they have a common hour in that year.

    Otherwise, and if no zone is known, it is the batch's zone.
    """
    return zones if zones and have_common_hours(zones, year) else (batch_zone,)


@lru_cache(maxsize=4096)
def have_common_hours(zones: tuple[str, ...], year: int) -> bool:
    """Return whether there is a time in the year at which people may be called in all of the zones."""
    start = day_start_ms(date(year, 1, 1), UTC)
    openings = [partial(next_opening, CALLEE_WINDOW, zone) for zone in zones]
    return first_common_time(openings, start, start + YEAR_MS) is not None
