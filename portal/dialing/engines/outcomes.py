"""Outcomes of calls, and the Q.850 causes that lead to them."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of a call. The values are those of the portal's final call statuses."""

    COMPLETED = "completed"
    DROPPED = "dropped"
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    FAILED = "failed"


# Causes by their numbers in ITU-T Q.850, table 1.
NO_CAUSE = 0  # no cause was reported: the engine itself ended the call after the ring time
UNALLOCATED_NUMBER = 1
NORMAL_CLEARING = 16
USER_BUSY = 17
NO_USER_RESPONDING = 18
NO_ANSWER_FROM_USER = 19
SUBSCRIBER_ABSENT = 20
CALL_REJECTED = 21
NORMAL_UNSPECIFIED = 31
NO_CIRCUIT_AVAILABLE = 34

BUSY_CAUSES = frozenset({USER_BUSY})
NO_ANSWER_CAUSES = frozenset(
    {NO_CAUSE, NORMAL_CLEARING, NO_USER_RESPONDING, NO_ANSWER_FROM_USER, SUBSCRIBER_ABSENT, NORMAL_UNSPECIFIED}
)


def outcome_of(cause: int, *, is_answered: bool, is_finished: bool = True) -> Outcome:
    """Return the outcome of a call that ended with a Q.850 cause.

    `is_finished`: an answered call reached the end of what it was to say. Sources: ITU-T Q.850 for the causes, and
    RFC 3398, section 8.2.6.1, for the SIP responses that lead to them: 404 is 1, 486 is 17, 480 is 18 (Asterisk: 19),
    403 and 603 are 21, 503 is 41 (Asterisk: 34). A rejected call is failed, not busy: carriers reject calls that they
    block in the same way, and must not see a retry.
    """
    if is_answered:
        return Outcome.COMPLETED if is_finished else Outcome.DROPPED
    if cause in BUSY_CAUSES:
        return Outcome.BUSY
    return Outcome.NO_ANSWER if cause in NO_ANSWER_CAUSES else Outcome.FAILED
