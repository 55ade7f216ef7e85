"""The table of moves: what may become of a batch's status, and by what (contract, section 5)."""

from __future__ import annotations

from enum import StrEnum

from portal.models import QueueStatus


class BatchAction(StrEnum):
    """What a person or a program may do to a batch."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


# Where each move leads; to where the batch stands already = no change; what is not here is refused.
TRANSITIONS: dict[QueueStatus, dict[BatchAction, QueueStatus]] = {
    QueueStatus.PENDING: {BatchAction.START: QueueStatus.ACTIVE, BatchAction.STOP: QueueStatus.STOPPED},
    QueueStatus.ACTIVE: {
        BatchAction.START: QueueStatus.ACTIVE,
        BatchAction.PAUSE: QueueStatus.PAUSED,
        BatchAction.RESUME: QueueStatus.ACTIVE,
        BatchAction.STOP: QueueStatus.STOPPED,
    },
    QueueStatus.PAUSED: {
        BatchAction.START: QueueStatus.ACTIVE,
        BatchAction.PAUSE: QueueStatus.PAUSED,
        BatchAction.RESUME: QueueStatus.ACTIVE,
        BatchAction.STOP: QueueStatus.STOPPED,
    },
    QueueStatus.STOPPED: {BatchAction.START: QueueStatus.ACTIVE, BatchAction.STOP: QueueStatus.STOPPED},
    QueueStatus.COMPLETED: {BatchAction.START: QueueStatus.ACTIVE},
}

# What the API calls a batch after each move, and people read.
RESULT_WORDS = {
    BatchAction.START: "started",
    BatchAction.PAUSE: "paused",
    BatchAction.RESUME: "resumed",
    BatchAction.STOP: "stopped",
}


class IllegalTransition(Exception):
    """A move that is not legal now; the message is the reason."""


def target_status(status: QueueStatus, move: BatchAction, *, has_open: bool) -> QueueStatus:
    """Where the move leads from `status`; that very status where nothing changes.

    `has_open`: whether the batch has a call that is still open. Raises Refused.
    """
    found = TRANSITIONS[status].get(move)
    if found is None:
        raise IllegalTransition(f"This batch is {status}: it cannot be {RESULT_WORDS[move]}")
    if move is BatchAction.START and found is not status and not has_open:
        raise IllegalTransition(
            f"This batch is {status} and has no call left to make: add calls before it can be started"
        )
    return found


def available_actions(status: QueueStatus, *, has_open: bool) -> list[BatchAction]:
    """The moves that would change something now; where two lead to the same, the one that people would say."""
    found: dict[QueueStatus, BatchAction] = {}
    for move in (BatchAction.RESUME, BatchAction.START, BatchAction.PAUSE, BatchAction.STOP):
        try:
            there = target_status(status, move, has_open=has_open)
        except IllegalTransition:
            continue
        if there is not status:
            found.setdefault(there, move)
    return list(found.values())
