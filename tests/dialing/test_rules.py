"""The rules of dialing: hand-made cases, and a moving clock."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.dialing.callee_zones import (
    find_number_zones,
    find_zone_set,
    find_zones,
    split_number,
    split_zone_set,
)
from portal.dialing.rules import DialingRules, DueCall, Hold, choose_callee_zones, find_hold
from portal.dialing.windows import Window
from portal.times import DAY_MS, UTC, datetime_at, format_iso, parse_moment_range

MINUTE = 60_000
HOUR = 60 * MINUTE
OFFICE = DialingRules(Window("09:00", "17:00", (1, 2, 3, 4, 5)), "America/New_York")
NIGHT = Window("22:00", "02:00", (5,))  # Friday night
UK_ZONES = ("Europe/Guernsey", "Europe/Isle_of_Man", "Europe/Jersey", "Europe/London")
LOS_ANGELES = ("America/Los_Angeles",)


def ms(text: str) -> int:
    return parse_moment_range(text, UTC)[0]


def described(hold: Hold | None) -> str:
    """Return a hold as text: "window until 2026-11-20T14:00Z"."""
    if hold is None:
        return "open"
    return f"{hold.reason} until {format_iso(hold.until).replace(':00.000Z', 'Z') if hold.until else 'never'}"


# --- the callee's zones -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "fields", "expected"),
    [
        ("+12125550100", {}, 1),
        ("+18005550100", {}, 42),
        ("+870773111632", {}, 0),  # a satellite
        ("+12125550100", {"Time zone": "Asia/Tokyo"}, 1),
        ("+18005550100", {"time_zone": "tokyo"}, 1),
        ("+18005550100", {"timezone": "Atlantis", "city": "Asia/Tokyo"}, 42),
    ],
)
def test_a_contact_is_in_the_zones_of_the_number_unless_a_column_names_one(
    number: str, fields: dict[str, str], expected: int
) -> None:
    zones = find_zones(number, fields)
    assert len(zones) == expected
    assert (zones == ("Asia/Tokyo",)) == (expected == 1 and bool(fields))


def test_the_prefix_of_an_unused_number_decides() -> None:
    assert find_number_zones("+447700900100")  # fictional
    assert set(find_number_zones("+447700900100")) <= set(UK_ZONES)


@pytest.mark.parametrize("number", ["+390612345678", "+39212345", "+12125550100", "+2250123456789", "+3780549123456"])
def test_a_number_is_split_as_phonenumbers_parses_it(number: str) -> None:
    assert split_number(number) == phonenumbers.parse(number)


@pytest.mark.parametrize("number", ["+12125550100", "+18005550100", "+870773111632"])
def test_the_zones_that_a_call_stores_are_read_back(number: str) -> None:
    assert split_zone_set(find_zone_set(number, {})) == find_number_zones(number)


def test_zones_without_a_common_hour_and_unknown_ones_are_replaced_by_the_zone_of_the_batch() -> None:
    around_the_world = ("Europe/Paris", "Asia/Tokyo", "America/Los_Angeles")
    assert choose_callee_zones(around_the_world, "Europe/Paris", 2026) == ("Europe/Paris",)
    assert choose_callee_zones((), "Europe/Paris", 2026) == ("Europe/Paris",)
    assert choose_callee_zones(UK_ZONES, "Europe/Paris", 2026) == UK_ZONES


# --- hand-made cases --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "zones", "now", "expected"),
    [  # 2026-11-20 is a Friday; New York is at UTC-5, Los Angeles at UTC-8
        (OFFICE, (), "2026-11-20T14:00Z", "open"),
        (OFFICE, (), "2026-11-20T13:59:59.999Z", "window until 2026-11-20T14:00Z"),
        (OFFICE, (), "2026-11-20T22:00Z", "window until 2026-11-23T14:00Z"),
        (OFFICE, (), "2026-11-21T15:00Z", "window until 2026-11-23T14:00Z"),
        (OFFICE, LOS_ANGELES, "2026-11-20T14:00Z", "window until 2026-11-20T16:00Z"),  # 08:00 in Los Angeles
        (OFFICE, ("Europe/Lisbon",), "2026-11-20T14:00Z", "open"),
        (OFFICE, ("Europe/Lisbon",), "2026-11-20T21:00Z", "window until 2026-11-23T14:00Z"),
        (OFFICE, ("Asia/Tokyo",), "2026-11-20T14:00Z", "window until never"),  # 23:00 to 07:00 in Tokyo
        (DialingRules(OFFICE.window, OFFICE.zone, use_callee_zone=False), ("Asia/Tokyo",), "2026-11-20T14:00Z", "open"),
        # Without hours of the batch, those of the callee remain, in the zone of the batch if no zone is known.
        (DialingRules(zone="Europe/Paris"), (), "2026-11-20T20:00Z", "window until 2026-11-21T07:00Z"),
        (DialingRules(zone="Europe/Paris"), UK_ZONES, "2026-11-20T20:00Z", "open"),
        (DialingRules(zone="Europe/Paris"), UK_ZONES, "2026-11-20T21:00Z", "window until 2026-11-21T08:00Z"),
        # All of 42 zones: from 08:00 in Honolulu and Guam until 21:00 in St. John's.
        (DialingRules(), find_number_zones("+18005550100"), "2026-11-20T21:59Z", "window until 2026-11-20T22:00Z"),
        (DialingRules(), find_number_zones("+18005550100"), "2026-11-21T00:29Z", "open"),
        (DialingRules(), find_number_zones("+18005550100"), "2026-11-21T00:30Z", "window until 2026-11-21T22:00Z"),
        # Over midnight: Saturday 01:00 belongs to Friday, and Friday 01:00 to Thursday.
        (DialingRules(NIGHT, use_callee_zone=False), (), "2026-11-21T01:59Z", "open"),
        (DialingRules(NIGHT, use_callee_zone=False), (), "2026-11-21T02:00Z", "window until 2026-11-27T22:00Z"),
        (DialingRules(NIGHT, use_callee_zone=False), (), "2026-11-20T01:00Z", "window until 2026-11-20T22:00Z"),
        (DialingRules(NIGHT, use_callee_zone=False), (), "2026-11-20T12:00Z", "window until 2026-11-20T22:00Z"),
        (DialingRules(NIGHT), ("Asia/Tokyo",), "2026-11-20T22:30Z", "window until 2026-11-20T23:00Z"),
        (DialingRules(NIGHT), ("Europe/Paris",), "2026-11-20T22:30Z", "window until never"),
        # New York, 2026-03-08: 02:00 becomes 03:00, at 07:00 UTC; 2026-11-01: 02:00 becomes 01:00, at 06:00 UTC.
        (DialingRules(), ("America/New_York",), "2026-03-08T11:59Z", "window until 2026-03-08T12:00Z"),
        (DialingRules(), ("America/New_York",), "2026-03-08T02:00Z", "window until 2026-03-08T12:00Z"),
        (DialingRules(), ("America/New_York",), "2026-11-01T12:59Z", "window until 2026-11-01T13:00Z"),
        # Paris and New York are five hours apart instead of six from 8 to 29 March.
        (
            DialingRules(Window("08:00", "13:30"), "Europe/Paris"), ("America/New_York",), "2026-02-01T12:00Z",
            "window until 2026-03-08T12:00Z",
        ),
    ],
)  # fmt: skip
def test_the_windows_of_batch_and_callee_both_hold(
    rules: DialingRules, zones: tuple[str, ...], now: str, expected: str
) -> None:
    assert described(find_hold(rules, DueCall(zones), ms(now))) == expected


@pytest.mark.parametrize(
    ("due", "attempts", "now", "expected"),
    [
        (0, [], "2026-11-20T14:00Z", "open"),
        ("2026-11-20T14:30Z", [], "2026-11-20T14:00Z", "delay until 2026-11-20T14:30Z"),
        ("2026-11-20T22:30Z", [], "2026-11-20T14:00Z", "delay until 2026-11-23T14:00Z"),  # then the window is closed
        (0, ["2026-11-20T14:00Z"], "2026-11-20T15:00Z", "open"),
        (0, ["2026-11-19T15:30Z", "2026-11-20T14:00Z"], "2026-11-20T15:00Z", "day until 2026-11-20T15:30Z"),
        (0, ["2026-11-20T14:00Z", "2026-11-19T15:30Z"], "2026-11-20T15:30Z", "open"),  # exactly 24 hours later
        (0, ["2026-11-20T14:00Z"] * 2, "2026-11-20T15:00Z", "day until 2026-11-23T14:00Z"),
        ("2026-11-20T15:10Z", ["2026-11-20T14:00Z"] * 2, "2026-11-20T15:00Z", "delay until 2026-11-23T14:00Z"),
    ],
)
def test_retries_wait_for_their_delay_and_the_limit_of_attempts(
    due: str | int, attempts: list[str], now: str, expected: str
) -> None:
    rules = DialingRules(OFFICE.window, OFFICE.zone, attempts_per_day=2)
    call = DueCall((), ms(due) if due else 0, [ms(at) for at in attempts])
    assert described(find_hold(rules, call, ms(now))) == expected


# --- a moving clock ---------------------------------------------------------------------------------------------------

ZONES = ["UTC", "Europe/Lisbon", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Sao_Paulo"]
clock_times = st.integers(0, 24 * 60 - 1).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
windows = st.builds(Window, clock_times, clock_times, st.sets(st.integers(0, 6)).map(tuple))
all_rules = st.builds(DialingRules, windows, st.sampled_from(ZONES), st.booleans(), st.integers(0, 3))
zone_sets = st.lists(st.sampled_from(ZONES), max_size=3, unique=True).map(tuple)
# Half of the clocks start a day before a clock change of one of the zones.
CHANGES = ["2026-03-28", "2026-10-24", "2026-03-07", "2026-10-31", "2026-04-03", "2026-10-02"]
starts = st.one_of(
    st.integers(1_767_225_600_000, 1_924_991_999_999),
    st.builds(lambda day, minute: ms(day) + minute * MINUTE, st.sampled_from(CHANGES), st.integers(0, 2 * 24 * 60)),
)


def shows_window(window: Window, zone: str, now: int) -> bool:
    """Return whether clocks in the zone show a time in the window: an independent statement of the rule."""
    then = datetime_at(now, ZoneInfo(zone))
    shown, yesterday = f"{then:%H:%M}", then.replace(tzinfo=None) - timedelta(days=1)
    days = [then.isoweekday() % 7 in (window.days or range(7)), yesterday.isoweekday() % 7 in (window.days or range(7))]
    if window.start == window.end:
        return days[0]
    if window.start < window.end:
        return days[0] and window.start <= shown < window.end
    return (days[0] and shown >= window.start) or (days[1] and shown < window.end)


def is_permitted(rules: DialingRules, call: DueCall, now: int) -> bool:
    """Return whether no rule is broken by an attempt at that time."""
    in_day = [at for at in call.attempted_at if now - DAY_MS < at <= now]
    zones = choose_callee_zones(call.zones, rules.zone, datetime_at(now, UTC).year) if rules.use_callee_zone else ()
    return (
        now >= call.due_at
        and (not rules.attempts_per_day or len(in_day) < rules.attempts_per_day)
        and shows_window(rules.window, rules.zone, now)
        and all(shows_window(Window("08:00", "21:00"), zone, now) for zone in zones)
    )


@settings(max_examples=40)
@given(
    rules=all_rules,
    zones=zone_sets,
    start=starts,
    delay=st.integers(0, 30 * HOUR),
    steps=st.lists(st.integers(0, 20 * HOUR), min_size=1, max_size=6),
)
@example(DialingRules(Window("22:00", "02:30"), "Europe/Lisbon", False), (), ms("2026-10-24T22:30Z"), 0, [HOUR] * 6)
@example(DialingRules(Window("01:30", "01:45"), "America/New_York", False), (), ms("2026-11-01T05:50Z"), 0, [MINUTE])
def test_no_attempt_is_outside_a_rule_and_a_held_call_is_due_at_the_first_permitted_time(
    rules: DialingRules, zones: tuple[str, ...], start: int, delay: int, steps: list[int]
) -> None:
    now, call = start, DueCall(zones)
    for step in steps:
        hold = find_hold(rules, call, now)
        assert (hold is None) == is_permitted(rules, call, now)
        if hold and hold.until:
            assert hold.until > now
            assert is_permitted(rules, call, hold.until)
            minutes = [*range(hold.until - 1, max(now, hold.until - 2 * HOUR), -MINUTE), *range(now, hold.until, HOUR)]
            assert not any(is_permitted(rules, call, moment) for moment in minutes)
            now = hold.until
        if hold is None or hold.until:
            call = DueCall(zones, now + delay, (*call.attempted_at, now))
        now += step
