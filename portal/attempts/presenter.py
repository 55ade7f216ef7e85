"""Present attempts on pages. No SQL, no request, no HTML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portal.contacts.phone_numbers import format_national
from portal.models import AttemptState, CallStatus
from portal.times import format_duration


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
