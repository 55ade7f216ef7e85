"""How calls are shown."""

from __future__ import annotations

import pytest

from portal.calls.presenter import CallRow, call_view, field_columns, format_duration, outcome_views
from portal.models import Call, CallStatus


def view(number: str = "+12015550100", **fields: str) -> CallRow:
    return CallRow("0" * 24, number, CallStatus.PENDING, None, 0, None, fields)


@pytest.mark.parametrize(
    ("number", "region", "words"),
    [
        ("+12015550100", "US", "(201) 555-0100"),
        ("+12015550100", "", "+1 201-555-0100"),
        ("+12015550100", "PT", "+1 201-555-0100"),
    ],
)
def test_a_number_is_written_as_the_readers_region_does(number: str, region: str, words: str) -> None:
    call = Call(id="0" * 24, phone_number=number, status="busy", duration_seconds=0, attempts=0, fields={})
    shown = call_view(call, region)
    assert shown.number == words
    assert shown.attempts == 1  # it was tried, whatever was counted


def test_the_first_three_fields_are_columns_and_no_other_is_lost() -> None:
    calls = [view(city="Faro"), view(age="56", city="Beja", plan="s", note="late")]
    columns = field_columns(calls)
    assert columns == ["city", "age", "plan"]
    assert calls[1].others(columns) == {"note": "late"}


def test_outcomes_are_those_that_some_call_has_with_their_share_of_all() -> None:
    counts = dict.fromkeys(CallStatus, 0) | {CallStatus.PENDING: 1, CallStatus.COMPLETED: 3}
    assert [(one.status.label, one.count, one.share, one.length) for one in outcome_views(counts)] == [
        ("Completed", 3, 75, 75.0),
        ("Not called yet", 1, 25, 25.0),
    ]
    assert outcome_views(dict.fromkeys(CallStatus, 0)) == []


@pytest.mark.parametrize(("seconds", "words"), [(48, "48 s"), (192, "3 min 12 s"), (3720, "1 h 02 min")])
def test_a_talks_length_in_words(seconds: int, words: str) -> None:
    assert format_duration(seconds) == words
