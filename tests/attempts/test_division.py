"""Events in any order lead to the same attempts and to the same state of the call."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.attempts.division import Report
from portal.attempts.progress import measure_progress
from portal.attempts.retries import RetryRule
from portal.calls.events import CallState
from portal.models import CallStatus

DIALING, TALKING, COMPLETED = CallStatus.DIALING, CallStatus.IN_PROGRESS, CallStatus.COMPLETED
BUSY, NO_ANSWER, CANCELED, PENDING = CallStatus.BUSY, CallStatus.NO_ANSWER, CallStatus.CANCELED, CallStatus.PENDING


@dataclass(frozen=True)
class StoredCall:
    """A call as stored."""

    status: CallStatus = PENDING
    attempts: int = 0
    last_event_at: int | None = None
    duration_seconds: int = 0
    created_at: int = 0


@dataclass(frozen=True)
class StoredAttempt:
    """An attempt that a worker took, as stored."""

    number: int
    taken_at: int
    worker: str | None = "worker"
    state: str = "taken"
    placed_at: int | None = None
    answered_at: int | None = None
    ended_at: int | None = None
    outcome: str | None = None
    duration_seconds: int = 0
    lost: bool = False


def report(status: CallStatus, at: int, duration: int = 0, number: int | None = None) -> Report:
    """Return an event."""
    return Report(CallState(status, at, duration), number)


def outcome(*reports: Report, retry: int = 0, delay: int = 0, rows: list[StoredAttempt] | None = None) -> tuple:
    """Return the status of a call, the states of its attempts by number, and the time of the next one."""
    progress = measure_progress(StoredCall(), rows or [], [], reports, RetryRule(retry, delay), now=10**6)
    attempts = {attempt.number: attempt.state.status for attempt in progress.attempts}
    return progress.outcome.state.status, attempts, progress.outcome.due_at


TRIES = st.lists(
    st.sampled_from(
        [
            [(DIALING, 1), (NO_ANSWER, 20)],
            [(DIALING, 1), (BUSY, 3)],
            [(DIALING, 1), (DIALING, 4), (TALKING, 8), (COMPLETED, 68)],
            [(DIALING, 1), (TALKING, 8), (CallStatus.DROPPED, 12)],
            [(NO_ANSWER, 20)],
            [(COMPLETED, 68), (COMPLETED, 80)],
            [(CANCELED, 5)],
            [(DIALING, 1)],
        ]
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=300)
@given(TRIES, st.integers(0, 3), st.booleans(), st.randoms(use_true_random=False))
def test_events_in_any_order_end_in_the_same_state(
    tries: list, retry: int, names_attempts: bool, rng: random.Random
) -> None:
    """Whether they name their attempts or not, also if some arrive in a second request or twice."""
    reports = [
        report(status, 100 * number + at, at // 2, number if names_attempts else None)
        for number, steps in enumerate(tries, 1)
        for status, at in steps
    ]
    rows = [StoredAttempt(number, 100 * number) for number in range(1, len(tries) + 1)] if names_attempts else None
    in_order = outcome(*reports, retry=retry, rows=rows)
    shuffled = rng.sample(reports, len(reports))
    assert outcome(*shuffled, retry=retry, rows=rows) == in_order
    assert outcome(*shuffled, *rng.sample(reports, 1), retry=retry, rows=rows)[:2] == in_order[:2]


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(CallStatus), st.integers(0, 6)), max_size=7), st.integers(0, 2), st.randoms())
def test_any_events_end_in_the_same_state(events: list, retry: int, rng: random.Random) -> None:
    reports = [report(status, at, 0) for status, at in events]
    one, other = outcome(*reports, retry=retry), outcome(*rng.sample(reports, len(reports)), retry=retry)
    assert one == other
    assert list(one[1]) == list(range(1, len(one[1]) + 1))  # numbered without gaps


def test_a_try_with_tries_left_goes_back_to_pending() -> None:
    no_answer = (report(DIALING, 0), report(NO_ANSWER, 20))
    assert outcome(*no_answer, retry=1, delay=100) == (PENDING, {1: NO_ANSWER}, 120)
    again = (*no_answer, report(DIALING, 130))
    assert outcome(*again, retry=1, delay=100) == (DIALING, {1: NO_ANSWER, 2: DIALING}, 0)
    assert outcome(*again, report(BUSY, 140), retry=1) == (BUSY, {1: NO_ANSWER, 2: BUSY}, 0)
    assert outcome(*again, report(COMPLETED, 140), retry=5) == (COMPLETED, {1: NO_ANSWER, 2: COMPLETED}, 0)


def test_a_dialer_that_reports_only_ends_uses_up_its_tries() -> None:
    ends = [report(NO_ANSWER, 20), report(NO_ANSWER, 50), report(NO_ANSWER, 80)]
    assert outcome(*ends, retry=2) == (NO_ANSWER, {1: NO_ANSWER, 2: NO_ANSWER, 3: NO_ANSWER}, 0)
    assert outcome(*ends) == (NO_ANSWER, {1: NO_ANSWER}, 0)


def test_a_second_report_of_an_end_corrects_it() -> None:
    reports = (report(DIALING, 0), report(NO_ANSWER, 20), report(COMPLETED, 25, 3))
    assert outcome(*reports, retry=3) == (COMPLETED, {1: COMPLETED}, 0)


def test_a_finished_call_stays_finished_until_a_later_attempt_ends() -> None:
    reports = (report(COMPLETED, 60, 50), report(DIALING, 100))
    assert outcome(*reports, retry=3) == (COMPLETED, {1: COMPLETED, 2: DIALING}, 0)
    assert outcome(*reports, report(NO_ANSWER, 120), retry=3) == (NO_ANSWER, {1: COMPLETED, 2: NO_ANSWER}, 0)


def test_a_cancellation_is_no_attempt() -> None:
    assert outcome(report(CANCELED, 5)) == (CANCELED, {}, 0)
    waiting = (report(DIALING, 0), report(BUSY, 2), report(CANCELED, 50))
    assert outcome(*waiting, retry=3) == (CANCELED, {1: BUSY}, 0)
    assert outcome(report(DIALING, 0), report(CANCELED, 5)) == (CANCELED, {1: CANCELED}, 0)


def test_a_later_attempt_wins_over_a_later_report_of_an_earlier_one() -> None:
    rows = [StoredAttempt(1, 0), StoredAttempt(2, 100)]
    reports = (report(NO_ANSWER, 20, number=1), report(COMPLETED, 160, 50, number=2), report(BUSY, 900, number=1))
    assert outcome(*reports, retry=2, rows=rows) == (COMPLETED, {1: BUSY, 2: COMPLETED}, 0)


@pytest.mark.parametrize("worker", ["worker", None])
def test_only_attempts_of_a_worker_are_tried_again(worker: str | None) -> None:
    row = StoredAttempt(1, 0, worker, "ended", ended_at=20, outcome="busy")
    status = PENDING if worker else BUSY
    assert outcome(rows=[row], retry=1)[0] is status


def test_a_report_of_its_end_outweighs_that_an_attempt_was_lost() -> None:
    row = StoredAttempt(1, 0, "worker", "ended", ended_at=900, outcome="failed", lost=True)
    assert outcome(rows=[row], retry=0)[0] is CallStatus.FAILED
    assert outcome(report(COMPLETED, 60, 50, number=1), rows=[row])[0] is COMPLETED


def test_a_call_of_a_history_keeps_its_outcome_and_its_number_of_attempts() -> None:
    call = StoredCall(NO_ANSWER, attempts=3, last_event_at=500)
    progress = measure_progress(call, [], [], [report(DIALING, 900)], RetryRule(9), now=10**6)
    assert (progress.outcome.state.status, progress.outcome.attempts) == (NO_ANSWER, 4)
    assert [attempt.number for attempt in progress.attempts] == [3, 4]
