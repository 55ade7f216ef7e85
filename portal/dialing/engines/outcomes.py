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
NUMBER_CHANGED = 22
INVALID_NUMBER_FORMAT = 28
NORMAL_UNSPECIFIED = 31
NO_CIRCUIT_AVAILABLE = 34
NETWORK_OUT_OF_ORDER = 38
TEMPORARY_FAILURE = 41
RECOVERY_ON_TIMER_EXPIRY = 102

BUSY_CAUSES = frozenset({USER_BUSY})
NO_ANSWER_CAUSES = frozenset(
    {NO_CAUSE, NORMAL_CLEARING, NO_USER_RESPONDING, NO_ANSWER_FROM_USER, SUBSCRIBER_ABSENT, NORMAL_UNSPECIFIED}
)


# RFC 3398, section 8.2.6.1: the cause that a final SIP response leads to.
CAUSES_BY_SIP_RESPONSE = {
    403: CALL_REJECTED,
    404: UNALLOCATED_NUMBER,
    408: RECOVERY_ON_TIMER_EXPIRY,
    410: NUMBER_CHANGED,
    480: NO_USER_RESPONDING,
    484: INVALID_NUMBER_FORMAT,
    486: USER_BUSY,
    500: TEMPORARY_FAILURE,
    502: NETWORK_OUT_OF_ORDER,
    503: TEMPORARY_FAILURE,
    504: RECOVERY_ON_TIMER_EXPIRY,
    600: USER_BUSY,
    603: CALL_REJECTED,
    604: UNALLOCATED_NUMBER,
}


def outcome_of(cause: int, *, is_answered: bool, is_finished: bool = True) -> Outcome:
    """Return the outcome of a call that ended with a Q.850 cause.

    `is_finished`: an answered call reached the end of what it was to say. Sources: ITU-T Q.850 for the causes, and
    RFC 3398 for the SIP responses that lead to them; Asterisk reports 480 as 19 and 503 as 34. A rejected call is
    failed, not busy: carriers reject calls that they block in the same way, and a retry would be blocked, too.
    """
    if is_answered:
        return Outcome.COMPLETED if is_finished else Outcome.DROPPED
    if cause in BUSY_CAUSES:
        return Outcome.BUSY
    return Outcome.NO_ANSWER if cause in NO_ANSWER_CAUSES else Outcome.FAILED
