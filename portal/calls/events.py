"""Compute the state of an attempt from the dialer's events, independent of the order in which they arrive.

An attempt takes the greatest of all states that were reported for it. A final status outranks every open one; of two
final statuses the later one wins, of two open ones the more advanced one. The maximum of a set does not depend on the
order of its members, so late and repeated events lead to the same state. portal/attempts/division.py divides the events
of a call into attempts.
"""

from __future__ import annotations

from dataclasses import dataclass

from portal.models import CallStatus

RANK = {status: number for number, status in enumerate(CallStatus)}
MAX_AHEAD_MS = 5 * 60_000


@dataclass(frozen=True)
class CallState:
    """The status of a call or of an attempt, the time it was reached (milliseconds), and the talk time (seconds)."""

    status: CallStatus
    since: int
    duration: int

    @property
    def rank(self) -> tuple[int, ...]:
        """The sort key that decides which of two states wins; only equal states have equal ranks."""
        if self.status.is_open:
            return (0, RANK[self.status], self.since, self.duration)
        return (1, self.since, RANK[self.status], self.duration)


def clamp_time(ms: int, now: int) -> int:
    """Return the time of an event, or `now` if the sender's clock is more than five minutes ahead.

    A time in the far future would win over every later report.
    """
    return now if ms > now + MAX_AHEAD_MS else ms


def latest_state(*states: CallState) -> CallState:
    """Return the state that wins."""
    return max(states, key=lambda state: state.rank)


def count_call(status: CallStatus, attempts: int, answered_at: int | None) -> dict[str, int]:
    """Return the contribution of a call to the counts in its batch's row, by their columns.

    A call was called, or picked up, if one of its attempts was. Its status alone shows the same for calls without
    recorded attempts, such as those of an imported history.
    """
    is_picked = status.is_picked or answered_at is not None
    return {
        "calls_called": int(status.is_called or attempts > 0 or is_picked),
        "calls_picked": int(is_picked),
        "calls_completed": int(status is CallStatus.COMPLETED),
    }
