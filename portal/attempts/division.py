"""Divide the events of a call into attempts, independent of the order in which they arrive.

An event that names its attempt belongs to it. The others are divided by their times. In the order of time, an attempt
begins

- with the first event of the call,
- with an open status after the end of the attempt before it,
- with a final status after the end of the attempt before it, if the dialer reported only ends of that attempt and the
  call was to be tried again. Otherwise such an event corrects the outcome.

Attempts that a worker took keep their numbers and begin when they were taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portal.attempts.retries import RetryRule
from portal.calls.events import RANK, CallState, latest_state
from portal.models import CallStatus

NO_ATTEMPT = 0  # the number of an event that reports no try: a cancellation before or after the attempts


@dataclass(frozen=True)
class Report:
    """An event: what it reports, and the number of the attempt that it names, if it names one."""

    state: CallState
    number: int | None = None

    @property
    def order(self) -> tuple[int, ...]:
        """The sort key by time; only reports that are alike have equal keys."""
        return (self.state.since, RANK[self.state.status], self.state.duration, self.number or 0)


@dataclass(frozen=True)
class TakenAttempt:
    """An attempt that keeps its number. `may_retry`: its outcome can lead to another try, as that of a past one cannot.

    `state`, `placed_at` and `answered_at` are what the attempt's own row says.
    """

    number: int
    taken_at: int
    state: CallState
    may_retry: bool
    placed_at: int | None = None
    answered_at: int | None = None


@dataclass
class Segment:
    """An attempt during the division: its state so far, and whether more than its end was reported."""

    number: int
    state: CallState | None = None
    has_beginning: bool = False
    may_retry: bool = True

    @property
    def end(self) -> CallState | None:
        """The end of the attempt, if it has ended."""
        return None if self.state is None or self.state.status.is_open else self.state

    def add(self, state: CallState) -> None:
        """Add a report."""
        self.state = state if self.state is None else latest_state(self.state, state)
        self.has_beginning = self.has_beginning or state.status.is_open


class Division:
    """The division of one call's reports; `first` is the number of the first attempt."""

    def __init__(self, rule: RetryRule, taken: Iterable[TakenAttempt], reports: Sequence[Report], first: int = 1):
        self.rule = rule
        self.first = first
        self.taken = {attempt.number: attempt for attempt in taken}
        self.to_begin = sorted(self.taken.values(), key=lambda attempt: attempt.number)
        self.fixed = {*self.taken, *(report.number for report in reports if report.number)}
        self.segments: dict[int, Segment] = {}
        self.current: Segment | None = None
        self.is_finished = False
        self.numbers = [NO_ATTEMPT] * len(reports)
        for index in sorted(range(len(reports)), key=lambda index: reports[index].order):
            self.numbers[index] = self.place(reports[index])

    def place(self, report: Report) -> int:
        """Return the number of the attempt of the next report in the order of time."""
        state = report.state
        while self.to_begin and self.to_begin[0].taken_at <= state.since:
            self.enter(self.to_begin.pop(0).number)
        number = report.number or self.find_number(state)
        if number == NO_ATTEMPT:
            self.is_finished = self.is_finished or state.status is CallStatus.CANCELED
            return number
        self.enter(number)
        self.segments[number].add(state)
        return number

    def enter(self, number: int) -> None:
        """Begin the attempt unless it has begun; it becomes the current one unless a later one is."""
        if number in self.segments:
            return
        taken = self.taken.get(number)
        self.segments[number] = Segment(number, taken.state, True, taken.may_retry) if taken else Segment(number)
        if self.current is None or number > self.current.number:
            self.is_finished = self.is_finished or bool(self.current and self.current.end and not self.is_retried())
            self.current = self.segments[number]

    def find_number(self, state: CallState) -> int:
        """Return the attempt of a report that names none."""
        is_try = state.status not in (CallStatus.PENDING, CallStatus.CANCELED)
        if self.current is None:
            return self.first if is_try else NO_ATTEMPT
        end = self.current.end
        if end is None or state.since <= end.since:
            return self.current.number if state.status is not CallStatus.PENDING else NO_ATTEMPT
        if not is_try:
            return NO_ATTEMPT
        if not state.status.is_open and (self.current.has_beginning or not self.is_retried()):
            return self.current.number
        following = self.current.number + 1
        return self.current.number if following in self.fixed else following

    def is_retried(self) -> bool:
        """Return whether the call is tried again after the current attempt."""
        current = self.current
        if self.is_finished or current is None or current.end is None or not current.may_retry:
            return False
        return self.rule.allows_retry(current.number, current.end.status)


@dataclass(frozen=True)
class AttemptProgress:
    """What the reports of an attempt add up to. Times are milliseconds; None = not reported."""

    number: int
    state: CallState
    begun_at: int
    placed_at: int | None
    answered_at: int | None
    may_retry: bool = True


def sum_up_attempts(taken: Iterable[TakenAttempt], reports: Iterable[tuple[int, CallState]]) -> list[AttemptProgress]:
    """Return the attempts by number, from the numbered states that were reported."""
    states: dict[int, list[CallState]] = {}
    by_number = {attempt.number: attempt for attempt in taken}
    for number, state in reports:
        states.setdefault(number, []).append(state)
    numbers = sorted({*states, *by_number} - {NO_ATTEMPT})
    return [sum_up(number, states.get(number, []), by_number.get(number)) for number in numbers]


def sum_up(number: int, states: Sequence[CallState], taken: TakenAttempt | None) -> AttemptProgress:
    """Return one attempt from the states that were reported for it."""
    state = latest_state(*states, *([taken.state] if taken else []))
    answered_at = taken and taken.answered_at
    if state.status.is_picked:
        answered_at = earliest(answered_at, first_time(states, CallStatus.IN_PROGRESS))
        if answered_at is None:  # only the end was reported
            answered_at = state.since - state.duration * 1000
    return AttemptProgress(
        number,
        state,
        begun_at=taken.taken_at if taken else min(reported.since for reported in states),
        placed_at=earliest(first_time(states, CallStatus.DIALING), taken and taken.placed_at),
        answered_at=answered_at,
        may_retry=taken is None or taken.may_retry,
    )


def earliest(*times: int | None) -> int | None:
    """Return the earliest time that is known."""
    return min((time for time in times if time is not None), default=None)


def first_time(states: Iterable[CallState], status: CallStatus) -> int | None:
    """Return the first time at which the status was reported."""
    return min((state.since for state in states if state.status is status), default=None)


@dataclass(frozen=True)
class CallOutcome:
    """The state of a call: that of its last attempt, or pending until `due_at` (0 = no time)."""

    state: CallState
    attempts: int
    answered_at: int | None
    due_at: int = 0


def decide_outcome(
    attempts: Sequence[AttemptProgress], cancellations: Iterable[CallState], rule: RetryRule
) -> CallOutcome:
    """Return the state of a call from its attempts, by number, and from the cancellations outside of them.

    The later attempt wins. A finished call stays finished: a later attempt replaces its outcome when it ends.
    """
    state = CallState(CallStatus.PENDING, 0, 0)
    due_at = 0
    for attempt, reported in order_entries(attempts, cancellations):
        if reported.status.is_open and not state.status.is_open:
            continue
        if (
            attempt
            and attempt.may_retry
            and state.status.is_open
            and rule.allows_retry(attempt.number, reported.status)
        ):
            state, due_at = CallState(CallStatus.PENDING, reported.since, 0), rule.next_at(reported.since)
        else:
            state, due_at = reported, 0
    answered_at = earliest(*(attempt.answered_at for attempt in attempts))
    return CallOutcome(state, attempts[-1].number if attempts else 0, answered_at, due_at)


def order_entries(
    attempts: Sequence[AttemptProgress], cancellations: Iterable[CallState]
) -> list[tuple[AttemptProgress | None, CallState]]:
    """Return the states of attempts by number, each after the cancellations that came before it."""
    begun_at, entries = 0, []
    for attempt in attempts:
        begun_at = max(begun_at, attempt.begun_at)
        entries.append((begun_at, attempt.number, attempt, attempt.state))
    entries += [(state.since, NO_ATTEMPT, None, state) for state in cancellations]
    return [(attempt, state) for *_, attempt, state in sorted(entries, key=lambda entry: entry[:2])]
