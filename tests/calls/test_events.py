"""Reports of the dialer lead to the same, in whatever order they come."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from portal.calls.events import Share, Standing, greatest, share_of
from portal.models import CallStatus
from portal.models.call import OPEN

STANDINGS = st.builds(Standing, st.sampled_from(CallStatus), st.integers(0, 4), st.integers(0, 2))


@given(
    st.lists(STANDINGS, min_size=1, max_size=6).flatmap(lambda found: st.tuples(st.just(found), st.permutations(found)))
)
def test_the_order_does_not_matter_and_neither_do_repetitions(orders: tuple[list[Standing], list[Standing]]) -> None:
    one, other = orders
    assert reduce(greatest, one) == reduce(greatest, [*other, *other])


def test_a_call_goes_on_in_steps() -> None:
    steps = [CallStatus.PENDING, CallStatus.DIALING, CallStatus.IN_PROGRESS, CallStatus.COMPLETED]
    for before, after in pairwise(steps):
        assert greatest(Standing(before, 9, 0), Standing(after, 5, 0)).status is after


@given(STANDINGS, STANDINGS)
def test_what_is_final_stays_final(one: Standing, other: Standing) -> None:
    if one.status not in OPEN:
        assert greatest(one, other).status not in OPEN


def test_of_two_final_words_the_later_counts() -> None:
    busy, talked = Standing(CallStatus.BUSY, 10, 0), Standing(CallStatus.COMPLETED, 20, 60)
    assert greatest(talked, busy) == talked


def test_what_each_status_adds_to_the_counts() -> None:
    assert share_of(CallStatus.PENDING) == share_of(CallStatus.CANCELED) == Share(0, 0, 0)
    assert share_of(CallStatus.DIALING) == share_of(CallStatus.BUSY) == Share(1, 0, 0)
    assert share_of(CallStatus.IN_PROGRESS) == share_of(CallStatus.DROPPED) == Share(1, 1, 0)
    assert share_of(CallStatus.COMPLETED) == Share(1, 1, 1)
