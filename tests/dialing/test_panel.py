"""What the page of a batch says about its dialing."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.attempts import query as attempts_query
from portal.attempts.presenter import attempt_results
from portal.dialing.panel import query
from portal.dialing.panel.presenter import (
    WaitingLine,
    describe_rate,
    describe_time_left,
    find_next,
    lines_if_started,
    waiting_lines,
)
from portal.dialing.panel.query import MAX_COUNTED, WaitingGroup
from portal.dialing.rules import DialingRules
from portal.dialing.windows import Window
from portal.models import Batch, User
from portal.models.call import HeldFor
from portal.times import now_ms, parse_moment_range
from portal.web.clock import RequestClock
from tests.support.builders import Builder

HOUR = 3_600_000
NOON = parse_moment_range("2026-11-25T12:00:00Z", UTC)[0]  # 07:00 in New York, a Wednesday
CLOCK = RequestClock(NOON, UTC)
NEW_YORK, LOS_ANGELES = "America/New_York", "America/Los_Angeles"
on_sqlite = pytest.mark.parametrize("app", ["sqlite"], indirect=True)


def group(reason: HeldFor, calls: int, first_at: int, zones: str = "") -> WaitingGroup:
    return WaitingGroup(reason, zones, calls, first_at)


def test_waiting_calls_are_listed_by_what_they_wait_for() -> None:
    groups = [
        group(HeldFor.WINDOW, 312, NOON + 4 * HOUR, LOS_ANGELES),
        group(HeldFor.WINDOW, 40, NOON + 4 * HOUR, f"{NEW_YORK},{LOS_ANGELES}"),
        group(HeldFor.DELAY, 9, NOON + HOUR // 2),
        group(HeldFor.DAY, 3, NOON + 20 * HOUR),
        group(HeldFor.LIMIT, 1, NOON + 1),
    ]
    lines = waiting_lines(groups[:4], 500, "a free line", DialingRules(zone="UTC"), CLOCK)
    assert lines == [
        WaitingLine("08:00 in Los Angeles", 312),
        WaitingLine("a free line", 136),
        WaitingLine("16:00 in UTC", 40),
        WaitingLine("the next attempt, from 12:30", 9),
        WaitingLine("the limit of attempts in 24 hours, from Thu 26 Nov, 08:00", 3),
    ]
    extra = group(HeldFor.WINDOW, 2, NOON + 5 * HOUR, "Asia/Tokyo")
    shortened = waiting_lines([*groups, extra], 500, "a free line", DialingRules(zone="UTC"), CLOCK)
    assert shortened[5] == WaitingLine("other reasons", 3)
    assert sum(line.calls for line in shortened) == 500


def test_the_next_call_is_known_if_all_wait_for_a_time() -> None:
    groups = [group(HeldFor.WINDOW, 3, NOON + 5, LOS_ANGELES), group(HeldFor.DELAY, 2, NOON + 3)]
    assert find_next(groups, 5) == NOON + 3
    assert find_next(groups, 6) is None
    assert find_next([], 0) is None


def test_a_closed_window_of_the_batch_is_named_in_its_zone() -> None:
    rules = DialingRules(Window("09:00", "11:00"), "Europe/Lisbon")
    opens = NOON + 21 * HOUR
    lines = waiting_lines([group(HeldFor.WINDOW, 5, opens, LOS_ANGELES)], 5, "", rules, CLOCK)
    assert lines == [WaitingLine("Thu 26 Nov, 09:00 in Lisbon", 5)]


def test_calls_beyond_the_counted_ones_wait_for_something() -> None:
    lines = waiting_lines([group(HeldFor.DELAY, MAX_COUNTED, NOON)], 41_188, "a free line", DialingRules(), CLOCK)
    assert lines[0] == WaitingLine("other reasons", 41_188 - MAX_COUNTED)


def test_the_start_is_foretold() -> None:
    zones = [("Europe/Lisbon", 100), (LOS_ANGELES, 312), (NEW_YORK, 7), ("-", 4), ("", 1)]
    lines = lines_if_started(zones, DialingRules(zone="Europe/Lisbon"), CLOCK)
    assert lines == [
        WaitingLine("from 08:00 in Los Angeles", 312),
        WaitingLine("called at once", 105),
        WaitingLine("from 08:00 in New York", 7),
    ]
    never = DialingRules(Window("02:00", "03:00"), "Europe/Lisbon")
    assert lines_if_started([("Europe/Lisbon", 2)], never, CLOCK)[0].text.startswith("never")


@pytest.mark.parametrize(
    ("calls", "per_minute", "rate", "left"),
    [
        (0, 0.0, "", ""),
        (100, 0.0, "", ""),
        (0, 5.0, "5", ""),
        (5, 18.2, "18", "< 1 min"),
        (529, 18.2, "18", "29 min"),
        (41_188, 300, "300", "2 h 17 min"),
        (1_000_000, 60, "60", "12 days"),
        (1_000_000, 0.04, "0.1", "> 90 days"),
    ],
)
def test_rate_and_time_left(calls: int, per_minute: float, rate: str, left: str) -> None:
    assert (describe_rate(per_minute), describe_time_left(calls, per_minute)) == (rate, left)


# --- queries ----------------------------------------------------------------------------------------------------------


def test_waiting_calls_are_grouped_and_the_rate_is_measured(app: Flask, owner: User, build: Builder) -> None:
    now = now_ms()
    batch = build.create_batch(owner, total_calls=7)
    other = build.create_batch(owner, total_calls=1)
    for zone in (LOS_ANGELES, LOS_ANGELES, NEW_YORK):
        build.create_call(batch, held_for="window", due_at=now + HOUR, zone_set=zone)
    for minutes in (5, 6):
        build.create_call(batch, due_at=now + minutes * 60_000, zone_set=NEW_YORK)
    build.create_call(batch, due_at=now - 1)
    build.create_call(other, due_at=now + HOUR)
    for number, seconds in enumerate((20, 40, 400), 1):
        call = build.create_call(batch, status="no-answer")
        build.create_attempt(call, number=number, taken_at=now - seconds * 1000, ended_at=now, outcome="no-answer")
    build.create_attempt(build.create_call(other, status="busy"), taken_at=now - 5000, outcome="busy")
    with app.app_context():
        groups = query.fetch_waiting(owner.key, batch.id, now)
        assert sorted((group.reason, group.zones, group.calls, group.first_at - now) for group in groups) == [
            ("delay", "", 2, 300_000),
            ("window", LOS_ANGELES, 2, HOUR),
            ("window", NEW_YORK, 1, HOUR),
        ]
        assert sorted(query.count_zones(owner.key, batch.id)) == [("", 1), (LOS_ANGELES, 2), (NEW_YORK, 3)]
        assert query.measure_rate(owner.key, batch.id, now) == pytest.approx(3.0)


def test_outcomes_are_counted_by_attempt(app: Flask, owner: User, build: Builder, is_consistent: Callable) -> None:
    batch = build.create_batch(owner, total_calls=4, calls_called=4)
    calls = [build.create_call(batch, status="completed", attempts=1) for _ in range(4)]
    build.create_attempt(calls[0], outcome="busy")
    second = build.create_attempt(calls[0], number=2)
    build.create_attempt(calls[1], outcome="dropped")
    build.create_attempt(calls[2], answered_by="machine")
    last = build.create_attempt(calls[3], outcome=None)
    build.change(second, outcome="dropped")
    build.change(last, state="ended", outcome="no-answer", ended_at=last.taken_at)
    build.change(last, outcome="completed", answered_by="human")
    with app.app_context():
        results = attempt_results(attempts_query.fetch_counts(owner.key, batch.id))
    assert results.columns == ("1st", "2nd")
    assert [(str(status), counts) for status, counts in results.rows] == [
        ("completed", [2, 0]),
        ("dropped", [1, 1]),
        ("busy", [1, 0]),
    ]
    assert list(results.picked_shares) == [75, 100]
    assert (results.abandoned, results.answered, results.abandoned_share) == (2, 3, "66.7%")
    with app.app_context():
        assert attempts_query.find_miscounted(owner.key) == {}


# --- the page ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def show(signed_in: FlaskClient) -> Callable[[Batch], str]:
    """Return the text of a batch's panel, without markup."""

    def read(batch: Batch) -> str:
        page = signed_in.get(f"/batches/{batch.id}").text
        panel = re.search(r'<section class="panel dialing-panel.*?</section>', page, re.DOTALL)
        return " ".join(re.sub(r"<[^>]+>", " ", panel.group()).split()) if panel else ""

    return read


@on_sqlite
def test_the_panel_says_who_calls_and_why_nothing_is_called(
    show: Callable, build: Builder, owner: User, trunk: Any, create_batch: Callable
) -> None:
    batch = create_batch(2)
    assert "No dialer process of the portal is running" in show(batch)
    assert "Try it : 0 of 10 lines in use" in show(batch)
    build.change(trunk, held=True)
    assert "is held. No call is placed over it until you release it." in show(batch)
    build.change(trunk, held=False, trouble="Connection refused")
    assert "cannot be used: Connection refused." in show(batch)
    assert "a dialer process 2" in show(batch)
    outside = create_batch(1, numbers=("+12025550155",))
    assert "An outside dialer calls this batch" in show(outside)
    assert "another dialer 1" in show(outside)
    paused = build.change(batch, status="paused")
    assert "If calling starts now called at once 2" in show(paused)
    assert show(build.create_batch(owner, status="completed")) == ""


@on_sqlite
def test_a_call_has_a_page_with_its_attempts(
    signed_in: FlaskClient, build: Builder, owner: User, stranger: User
) -> None:
    batch = build.create_batch(owner, total_calls=1, calls_called=1)
    call = build.create_call(batch, status="busy", attempts=2, fields={"name": "<b>Ann"})
    build.create_attempt(call, outcome="no-answer", answered_by="machine", lost=True)
    build.create_attempt(call, number=2, outcome="busy", cause=17)
    address = f"/batches/{batch.id}/calls/{call.id}"
    page = signed_in.get(address).text
    for text in ("&lt;b&gt;Ann", "Answered by a machine", "Result unknown", "17, user busy", "+1 202-555-0100"):
        assert text in page
    assert address in signed_in.get(f"/batches/{batch.id}").text
    other = build.create_call(build.create_batch(stranger, total_calls=1))
    for path in (f"/batches/{batch.id}/calls/{other.id}", f"/batches/{batch.id}/calls/nonsense"):
        assert signed_in.get(path).status_code == 404
    export = signed_in.get(f"/batches/{batch.id}/attempts.csv").text
    assert export.count(call.id) == 2
