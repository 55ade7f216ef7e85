"""The dialer's events lead to the same state in any order."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from portal.calls.events import CallState, clamp_time, count_call, latest_state
from portal.models import CallStatus
from portal.models.call import OPEN_STATUSES

STATES = st.builds(CallState, st.sampled_from(CallStatus), st.integers(0, 4), st.integers(0, 2))


@given(
    st.lists(STATES, min_size=1, max_size=6).flatmap(lambda states: st.tuples(st.just(states), st.permutations(states)))
)
def test_order_and_repetition_do_not_matter(orders: tuple[list[CallState], list[CallState]]) -> None:
    one, other = orders
    assert reduce(latest_state, one) == reduce(latest_state, [*other, *other])


def test_a_call_advances_through_its_statuses() -> None:
    statuses = [CallStatus.PENDING, CallStatus.DIALING, CallStatus.IN_PROGRESS, CallStatus.COMPLETED]
    for before, after in pairwise(statuses):
        assert latest_state(CallState(before, 9, 0), CallState(after, 5, 0)).status is after


@given(STATES, STATES)
def test_a_final_status_is_never_replaced_by_an_open_one(one: CallState, other: CallState) -> None:
    if one.status not in OPEN_STATUSES:
        assert latest_state(one, other).status not in OPEN_STATUSES


def test_the_later_of_two_final_statuses_wins() -> None:
    busy, talked = CallState(CallStatus.BUSY, 10, 0), CallState(CallStatus.COMPLETED, 20, 60)
    assert latest_state(talked, busy) == talked


def test_a_time_more_than_five_minutes_ahead_is_the_time_of_receipt() -> None:
    now = 1_790_000_000_000
    for sent, expected in ((0, 0), (now, now), (now + 300_000, now + 300_000), (now + 300_001, now), (now * 2, now)):
        assert clamp_time(sent, now) == expected


def test_the_contribution_of_each_status_to_the_counts() -> None:
    def counts(status: CallStatus, attempts: int = 0, answered_at: int | None = None) -> tuple[int, int, int]:
        by_column = count_call(status, attempts, answered_at)
        return by_column["calls_called"], by_column["calls_picked"], by_column["calls_completed"]

    assert counts(CallStatus.PENDING) == counts(CallStatus.CANCELED) == (0, 0, 0)
    assert counts(CallStatus.DIALING) == counts(CallStatus.BUSY) == (1, 0, 0)
    assert counts(CallStatus.IN_PROGRESS) == counts(CallStatus.DROPPED) == (1, 1, 0)
    assert counts(CallStatus.COMPLETED) == (1, 1, 1)
    assert counts(CallStatus.PENDING, attempts=1) == counts(CallStatus.CANCELED, attempts=1) == (1, 0, 0)
    assert counts(CallStatus.NO_ANSWER, attempts=2, answered_at=0) == (1, 1, 0)
