"""Present attempts on pages. No SQL, no request, no HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from portal.contacts.phone_numbers import format_national
from portal.models import AttemptState, CallStatus
from portal.models.call import FINAL_STATUSES
from portal.times import format_duration
from portal.web.listing import percent

# Causes in ITU-T Q.850, table 1, in short.
CAUSES = {
    0: "ring time over",
    1: "unallocated number",
    16: "normal clearing",
    17: "user busy",
    18: "no user responding",
    19: "no answer",
    20: "subscriber absent",
    21: "call rejected",
    22: "number changed",
    27: "destination out of order",
    28: "invalid number format",
    31: "normal, unspecified",
    34: "no circuit available",
    38: "network out of order",
    41: "temporary failure",
    42: "equipment congestion",
    102: "timer expired",
}
ORDINALS = ("1st", "2nd", "3rd", "4th or later")


@dataclass(frozen=True)
class AttemptView:
    """One attempt on a page: `caller` is the number that it was made from, `length` that of the talk; "" = unknown.

    `at` is the time at which it began, in milliseconds, or the earliest one that is known.
    """

    number: int
    status: CallStatus
    at: int
    length: str
    caller: str
    is_lost: bool


def attempt_status(attempt: Any) -> CallStatus:
    """Return the outcome of an attempt, or the status of its call until it ends."""
    return CallStatus(attempt.outcome) if attempt.outcome else AttemptState(attempt.state).call_status


def attempt_view(attempt: Any, region: str) -> AttemptView:
    """Return an attempt as shown to a reader of that region ("" = none)."""
    return AttemptView(
        number=attempt.number,
        status=attempt_status(attempt),
        at=attempt.placed_at or attempt.taken_at or attempt.answered_at or attempt.ended_at,
        length=format_duration(attempt.duration_seconds) if attempt.duration_seconds else "",
        caller=format_national(attempt.from_number, region) if attempt.from_number else "",
        is_lost=attempt.lost,
    )


@dataclass(frozen=True)
class AttemptDetails:
    """An attempt on the page of its call. `rang` is the time until the answer or the end; "" = unknown."""

    view: AttemptView
    rang: str
    answered_by: str
    cause: str
    recording_url: str
    transcript: str


def attempt_details(attempt: Any, recording: Any | None, region: str) -> AttemptDetails:
    """Return an attempt with its recording for a reader of that region."""
    begun_at, heard_at = attempt.placed_at or attempt.taken_at, attempt.answered_at or attempt.ended_at
    rang = max(heard_at - begun_at, 0) // 1000 if begun_at and heard_at else None
    return AttemptDetails(
        view=attempt_view(attempt, region),
        rang="" if rang is None else format_duration(rang),
        answered_by=f"Answered by a {attempt.answered_by}" if attempt.answered_by else "",
        cause="" if attempt.cause is None else describe_cause(attempt.cause),
        recording_url=recording.recording_url if recording else "",
        transcript=recording.transcript if recording else "",
    )


def describe_cause(cause: int) -> str:
    """Return a Q.850 cause in words: "17, user busy"."""
    return f"{cause}, {CAUSES[cause]}" if cause in CAUSES else str(cause)


@dataclass(frozen=True)
class AttemptResults:
    """The outcomes of a batch's attempts: `columns` are the numbers of attempts, each row has a count for each.

    `picked_shares` are percentages. Of the calls that people answered, `abandoned` were dropped.
    """

    columns: Sequence[str]
    rows: Sequence[tuple[CallStatus, Sequence[int]]]
    picked_shares: Sequence[int | None]
    answered: int
    abandoned: int

    @property
    def abandoned_share(self) -> str:
        """Return the share of abandoned calls in the calls that people answered: "1.4%"."""
        return f"{100 * self.abandoned / self.answered:.1f}%" if self.answered else ""


def attempt_results(counts: Iterable[Any]) -> AttemptResults:
    """Return the results from rows of `query.fetch_counts`."""
    by_column, by_people = Counter[tuple[CallStatus, int]](), Counter[CallStatus]()
    last = 0
    for row in counts:
        column = min(row.number, len(ORDINALS)) - 1
        by_column[CallStatus(row.outcome), column] += row.attempts
        by_people[CallStatus(row.outcome)] += 0 if row.by_machine else row.attempts
        last = max(last, column + 1)
    rows = [(status, [by_column[status, column] for column in range(last)]) for status in FINAL_STATUSES]
    totals = [sum(numbers[column] for _, numbers in rows) for column in range(last)]
    picked = [sum(numbers[column] for status, numbers in rows if status.is_picked) for column in range(last)]
    return AttemptResults(
        columns=ORDINALS[:last],
        rows=[(status, numbers) for status, numbers in rows if any(numbers)],
        picked_shares=[percent(part, whole) for part, whole in zip(picked, totals, strict=True)],
        answered=sum(count for status, count in by_people.items() if status.is_picked),
        abandoned=by_people[CallStatus.DROPPED],
    )
