"""What reports of the dialer make of a call, whatever the order in which they come.

A call stands at the greatest of all that was reported of it. A final word outweighs every open one, and of two final
words the later one counts; of two open ones the one that is further on. The greatest of a set does not depend on the
order of its members, so that reports that come late, or twice, lead to the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from portal.models import CallStatus
from portal.models.call import NOT_CALLED, OPEN_STATUSES, PICKED_STATUSES

ORDER = {status: number for number, status in enumerate(CallStatus)}


@dataclass(frozen=True)
class CallState:
    """Where a call stands: its status, since when (milliseconds), and how long was talked (seconds)."""

    status: CallStatus
    since: int
    duration: int

    @property
    def weight(self) -> tuple[int, ...]:
        """What makes one standing outweigh another; equal for equal standings alone."""
        if self.status in OPEN_STATUSES:
            return (0, ORDER[self.status], self.since, self.duration)
        return (1, self.since, ORDER[self.status], self.duration)


def latest_state(*standings: CallState) -> CallState:
    """The standing that all of them add up to."""
    return max(standings, key=lambda standing: standing.weight)


@dataclass(frozen=True)
class CountDelta:
    """What one call adds to its batch's counts."""

    called: int
    picked: int
    completed: int


def count_delta(status: CallStatus) -> CountDelta:
    """What a call of that status adds."""
    return CountDelta(
        int(status not in NOT_CALLED), int(status in PICKED_STATUSES), int(status is CallStatus.COMPLETED)
    )
