"""Calls as pages show them."""

from __future__ import annotations

import pytest

from portal.calls.presenter import CallRow, call_view, field_columns, outcome_views
from portal.models import Call, CallStatus
from portal.models.call import ProgressPart
from portal.times import format_duration


def view(number: str = "+12015550100", **fields: str) -> CallRow:
    return CallRow("0" * 24, number, CallStatus.PENDING, None, 0, None, fields)


@pytest.mark.parametrize(
    ("number", "region", "text"),
    [
        ("+12015550100", "US", "(201) 555-0100"),
        ("+12015550100", "", "+1 201-555-0100"),
        ("+12015550100", "PT", "+1 201-555-0100"),
    ],
)
def test_a_number_is_formatted_for_the_readers_region(number: str, region: str, text: str) -> None:
    call = Call(id="0" * 24, phone_number=number, status="busy", duration_seconds=0, attempts=0, fields={})
    row = call_view(call, region)
    assert row.number == text
    assert row.attempts == 1  # a busy call was attempted, even if no attempt was reported


def test_the_first_three_fields_are_columns_and_the_others_open_below() -> None:
    calls = [view(city="Faro"), view(age="56", city="Beja", plan="s", note="late")]
    columns = field_columns(calls)
    assert columns == ["city", "age", "plan"]
    assert calls[1].others(columns) == {"note": "late"}


def test_outcomes_are_all_statuses_with_their_shares() -> None:
    counts = dict.fromkeys(CallStatus, 0) | {CallStatus.PENDING: 1, CallStatus.COMPLETED: 3}
    views = outcome_views(counts)
    assert {view.status for view in views} == set(CallStatus)
    assert [(view.status.label, view.part, view.count, view.share, view.length) for view in views if view.count] == [
        ("Completed", "completed", 3, 75, 75.0),
        ("Pending", "rest", 1, 25, 25.0),
    ]
    assert {view.share for view in outcome_views(dict.fromkeys(CallStatus, 0))} == {None}


def test_every_status_belongs_to_one_part_of_the_progress_bar() -> None:
    parts = {part: {status.value for status in part.statuses} for part in ProgressPart}
    assert parts == {
        "completed": {"completed"},
        "picked": {"in-progress", "dropped"},
        "called": {"dialing", "no-answer", "busy", "failed"},
        "rest": {"pending", "canceled"},
    }
    for status in CallStatus:
        part = ProgressPart.of(status)
        assert (part is not ProgressPart.REST) == status.is_called
        assert (part in (ProgressPart.COMPLETED, ProgressPart.PICKED)) == status.is_picked


@pytest.mark.parametrize(("seconds", "text"), [(48, "48 s"), (192, "3 min 12 s"), (3720, "1 h 02 min")])
def test_durations_are_formatted(seconds: int, text: str) -> None:
    assert format_duration(seconds) == text
