"""Present the dialing of a batch on its page. No SQL, request or HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from portal.dialing.callee_zones import split_zone_set
from portal.dialing.panel.query import MAX_COUNTED, WaitingGroup
from portal.dialing.rules import DialingRules, DueCall, find_hold
from portal.dialing.windows import next_opening
from portal.models.call import HeldFor
from portal.times import datetime_at, format_minute, local_day, zone_city
from portal.trunks.presenter import TrunkState, trunk_state
from portal.web.clock import RequestClock

MAX_LINES = 6  # reasons that are listed; the others are added up
OTHERS = "other reasons"
MAX_MINUTES = 90 * 60 * 24


@dataclass(frozen=True)
class WaitingLine:
    """Calls that wait for one thing: "08:00 in Los Angeles", 312."""

    text: str
    calls: int


@dataclass(frozen=True)
class TrunkLine:
    """A trunk over which a batch is dialed."""

    name: str
    lines: int
    in_use: int
    problem: str  # "" = it can be used


@dataclass(frozen=True)
class DialingPanel:
    """The panel of a batch. `rate` and `time_left` are "" if nothing was dialed lately.

    `waiting` says for what calls wait, or before the start what would happen to the first `counted` of them. `next_at`
    is the time of the first one in milliseconds, if none may be placed before.
    """

    is_active: bool
    dialing: int
    talking: int
    pending: int
    rate: str
    time_left: str
    waiting: Sequence[WaitingLine]
    note: str
    trunks: Sequence[TrunkLine]
    problems: Sequence[str]
    counted: int
    next_at: int | None = None

    @property
    def heading(self) -> str:
        """Return the heading of `waiting`."""
        if self.is_active:
            return "Waiting for"
        return "If calling starts now" + (f" (first {self.counted:,} contacts)" if self.pending > self.counted else "")


def trunk_line(row: Any, now: int, *, is_dialed: bool) -> TrunkLine:
    """Return a trunk from a row of `query.find_trunks`; `is_dialed`: a dialer listens to its engine."""
    trunk, state = row.Trunk, trunk_state(row, now)
    if state is TrunkState.TROUBLE:
        problem = f"Trunk “{trunk.name}” cannot be used: {trunk.trouble.rstrip('.')}."
    elif state is TrunkState.HELD or (state is TrunkState.SILENT and is_dialed):
        problem = f"Trunk “{trunk.name}” is {state}. {state.explanation}"
    else:
        problem = ""
    return TrunkLine(trunk.name, trunk.lines, row.in_use, problem)


# --- what calls wait for ----------------------------------------------------------------------------------------------


def waiting_lines(
    groups: Sequence[WaitingGroup], pending: int, due_text: str, rules: DialingRules, clock: RequestClock
) -> list[WaitingLine]:
    """Return what the pending calls of an active batch wait for, the most calls first.

    Those that are not in a group may be placed now and wait for what `due_text` says, unless the groups are cut off.
    """
    lines, first_at = Counter[str](), dict[HeldFor, int]()
    counts = Counter[HeldFor]()
    for group in groups:
        if group.reason is HeldFor.WINDOW:
            lines[describe_opening_of(group, rules, clock)] += group.calls
        else:
            counts[group.reason] += group.calls
            first_at[group.reason] = min(group.first_at, first_at.get(group.reason, group.first_at))
    for reason, calls in counts.items():
        lines[describe_reason(reason, describe_clock(clock, first_at[reason]))] += calls
    counted = sum(group.calls for group in groups)
    if pending > counted:
        lines[due_text if counted < MAX_COUNTED else OTHERS] += pending - counted
    return shorten(lines)


def find_next(groups: Sequence[WaitingGroup], pending: int) -> int | None:
    """Return when the first call may be placed, if all of them wait for a time."""
    if not groups or sum(group.calls for group in groups) < min(pending, MAX_COUNTED):
        return None
    return min(group.first_at for group in groups)


def shorten(lines: Counter[str]) -> list[WaitingLine]:
    """Return the lines with the most calls, and the sum of the others."""
    ordered = [WaitingLine(text, calls) for text, calls in lines.most_common()]
    if len(ordered) <= MAX_LINES:
        return ordered
    others = ordered[MAX_LINES - 1 :]
    return [*ordered[: MAX_LINES - 1], WaitingLine(OTHERS, sum(line.calls for line in others))]


def describe_reason(reason: HeldFor, first: str) -> str:
    """Return what calls wait for, other than the time of day; `first` is when the first of them may be placed."""
    match reason:
        case HeldFor.DAY:
            return f"the limit of attempts in 24 hours, from {first}"
        case HeldFor.LIMIT:
            return "the end of a call to the same number"
        case _:
            return f"the next attempt, from {first}"


def describe_opening_of(group: WaitingGroup, rules: DialingRules, clock: RequestClock) -> str:
    """Return the time of day for which calls wait: in the batch's zone, or where the contacts are."""
    zones = split_zone_set(group.zones)
    if len(zones) == 1 and group.first_at != next_opening(rules.window, rules.zone, clock.now):
        return f"{describe_clock(clock, group.first_at, ZoneInfo(zones[0]))} in {zone_city(zones[0])}"
    return f"{describe_clock(clock, group.first_at, ZoneInfo(rules.zone))} in {zone_city(rules.zone)}"


def lines_if_started(zones: Iterable[tuple[str, int]], rules: DialingRules, clock: RequestClock) -> list[WaitingLine]:
    """Return what would happen to the pending calls of a batch if it were started now."""
    lines, unknown = Counter[str](), "an unknown time zone"
    for zone_set, calls in zones:
        hold = find_hold(rules, DueCall(split_zone_set(zone_set) if zone_set else ()), clock.now)
        if hold is None:
            lines["called at once"] += calls
        elif hold.until is None:
            lines["never: no calling hour suits " + (zone_set or unknown)] += calls
        else:
            group = WaitingGroup(hold.reason, zone_set or "-", calls, hold.until)
            lines[f"from {describe_opening_of(group, rules, clock)}"] += calls
    return shorten(lines)


def describe_clock(clock: RequestClock, ms: int, zone: tzinfo | None = None) -> str:
    """Return a time as clocks in a zone (default: the reader's) show it, with its day unless that is today: "14:32"."""
    there = zone or clock.zone
    is_today = local_day(ms, there) == local_day(clock.now, there)
    return f"{datetime_at(ms, there):%H:%M}" if is_today else format_minute(ms, there)


# --- how fast ---------------------------------------------------------------------------------------------------------


def describe_rate(per_minute: float) -> str:
    """Return calls per minute: 18, or 0.5; "" for none."""
    return "" if not per_minute else f"{per_minute:,.0f}" if per_minute >= 1 else f"{max(per_minute, 0.1):.1f}"


def describe_time_left(calls: int, per_minute: float) -> str:
    """Return how long calls take at a rate: "2 h 10 min"; "" without one."""
    if not calls or not per_minute:
        return ""
    minutes = round(calls / per_minute)
    if minutes < 1:
        return "< 1 min"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{round(minutes / 1440):,} days" if minutes < MAX_MINUTES else "> 90 days"
