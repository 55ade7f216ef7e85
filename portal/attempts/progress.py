"""Compute the attempts and the state of one call from its rows: its attempts and its events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.attempts.division import (
    NO_ATTEMPT,
    AttemptProgress,
    CallOutcome,
    Division,
    Report,
    TakenAttempt,
    decide_outcome,
    sum_up_attempts,
)
from portal.attempts.retries import RetryRule
from portal.calls.events import CallState, clamp_time
from portal.models import AttemptState, CallStatus

STATES = list(AttemptState)


@dataclass(frozen=True)
class CallProgress:
    """The attempts of a call, those of them that keep their numbers, its state, and the attempt of each report."""

    attempts: list[AttemptProgress]
    taken: Mapping[int, TakenAttempt]
    outcome: CallOutcome
    numbers: list[int]


def read_report(event: Mapping[str, Any]) -> Report:
    """Return what an event reports, by its columns. Earlier releases stored times of the future."""
    since = clamp_time(event["occurred_at"], event["received_at"])
    state = CallState(CallStatus(event["status"]), since, event["duration_seconds"])
    return Report(state, event["attempt_number"] if event["names_attempt"] else None)


def read_taken(row: Any, reports: Sequence[Report]) -> TakenAttempt:
    """Return a stored attempt that keeps its number. A report of its end outweighs that it was lost."""
    state = AttemptState(row.state)
    is_known = state is AttemptState.ENDED and not (
        row.lost and any(report.number == row.number and not report.state.status.is_open for report in reports)
    )
    if is_known:
        reached = CallState(CallStatus(row.outcome), row.ended_at, row.duration_seconds)
    elif state is AttemptState.ANSWERED:
        reached = CallState(CallStatus.IN_PROGRESS, row.answered_at or row.taken_at, 0)
    else:
        reached = CallState(CallStatus.DIALING, row.taken_at, 0)
    return TakenAttempt(
        row.number, row.taken_at, reached, row.worker is not None, placed_at=row.placed_at, answered_at=row.answered_at
    )


def measure_progress(
    call: Any, rows: Sequence[Any], stored: Sequence[Report], new: Sequence[Report], rule: RetryRule, now: int
) -> CallProgress:
    """Return the progress of a call (a row of STATE_COLUMNS) with these attempts, and stored and new reports."""
    reports = [*stored, *new]
    taken = [read_taken(row, reports) for row in rows if row.taken_at is not None]
    if not rows:
        taken = recall_past(call, stored, now)
    first = min([*(row.number for row in rows), *(attempt.number for attempt in taken)], default=1)
    numbers = Division(rule, taken, reports, first).numbers
    states = [report.state for report in reports]
    attempts = sum_up_attempts(taken, zip(numbers, states, strict=True))
    cancellations = [
        state
        for number, state in zip(numbers, states, strict=True)
        if number == NO_ATTEMPT and state.status is CallStatus.CANCELED
    ]
    outcome = decide_outcome(attempts, cancellations, rule)
    return CallProgress(attempts, {attempt.number: attempt for attempt in taken}, outcome, numbers)


def recall_past(call: Any, reports: Sequence[Report], now: int) -> list[TakenAttempt]:
    """Return the attempts of a call that ended before attempts were recorded: in a history or an earlier release.

    They keep the call's outcome: no setting of the batch leads to another try.
    """
    status = CallStatus(call.status)
    if status.is_open:
        return []
    numbers = Division(RetryRule(), [], reports).numbers
    attempts = sum_up_attempts([], zip(numbers, (report.state for report in reports), strict=True))
    if any(not report.state.status.is_open for report in reports):
        states = [(attempt.begun_at, attempt.state) for attempt in attempts]
    elif status.is_called or call.attempts:
        ended_at = clamp_time(call.last_event_at or call.created_at, now)
        states = [(ended_at - call.duration_seconds * 1000, CallState(status, ended_at, call.duration_seconds))]
    else:
        states = []
    first = max(call.attempts - len(states), 0) + 1
    return [TakenAttempt(number, at, state, may_retry=False) for number, (at, state) in enumerate(states, first)]


def attempt_values(progress: AttemptProgress, taken: TakenAttempt | None, row: Any | None) -> dict[str, Any]:
    """Return the columns of an attempt that its reports decide; `row` is the stored attempt, if there is one."""
    status = progress.state.status
    is_ended = not status.is_open
    state = AttemptState.ANSWERED if status is CallStatus.IN_PROGRESS else AttemptState.PLACED
    if taken and row and not is_ended:
        reported = AttemptState.TAKEN if progress.placed_at is None and progress.answered_at is None else state
        state = max(AttemptState(row.state), reported, key=STATES.index)
    return {
        "state": AttemptState.ENDED if is_ended else state,
        "taken_at": taken.taken_at if taken else None,
        "placed_at": progress.placed_at,
        "answered_at": progress.answered_at,
        "ended_at": progress.state.since if is_ended else None,
        "outcome": status if is_ended else None,
        "duration_seconds": progress.state.duration if is_ended else 0,
        "lost": bool(row and row.lost and progress.state.since == row.ended_at),
    }
