"""The table of moves: what may become of a batch's status, and by what (contract, section 5)."""

from __future__ import annotations

from enum import StrEnum

from portal.models import QueueStatus


class Move(StrEnum):
    """What a person or a program may do to a batch."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


# Where each move leads; to where the batch stands already = no change; what is not here is refused.
TABLE: dict[QueueStatus, dict[Move, QueueStatus]] = {
    QueueStatus.PENDING: {Move.START: QueueStatus.ACTIVE, Move.STOP: QueueStatus.STOPPED},
    QueueStatus.ACTIVE: {
        Move.START: QueueStatus.ACTIVE,
        Move.PAUSE: QueueStatus.PAUSED,
        Move.RESUME: QueueStatus.ACTIVE,
        Move.STOP: QueueStatus.STOPPED,
    },
    QueueStatus.PAUSED: {
        Move.START: QueueStatus.ACTIVE,
        Move.PAUSE: QueueStatus.PAUSED,
        Move.RESUME: QueueStatus.ACTIVE,
        Move.STOP: QueueStatus.STOPPED,
    },
    QueueStatus.STOPPED: {Move.START: QueueStatus.ACTIVE, Move.STOP: QueueStatus.STOPPED},
    QueueStatus.COMPLETED: {Move.START: QueueStatus.ACTIVE},
}

# What the API calls a batch after each move, and people read.
DONE = {Move.START: "started", Move.PAUSE: "paused", Move.RESUME: "resumed", Move.STOP: "stopped"}


class Refused(Exception):
    """A move that is not legal now; the message is the reason."""


def target(status: QueueStatus, move: Move, *, has_open: bool) -> QueueStatus:
    """Where the move leads from `status`; that very status where nothing changes.

    `has_open`: whether the batch has a call that is still open. Raises Refused.
    """
    found = TABLE[status].get(move)
    if found is None:
        raise Refused(f"This batch is {status}: it cannot be {DONE[move]}")
    if move is Move.START and found is not status and not has_open:
        raise Refused(f"This batch is {status} and has no call left to make: add calls before it can be started")
    return found


def legal(status: QueueStatus, *, has_open: bool) -> list[Move]:
    """The moves that would change something now; where two lead to the same, the one that people would say."""
    found: dict[QueueStatus, Move] = {}
    for move in (Move.RESUME, Move.START, Move.PAUSE, Move.STOP):
        try:
            there = target(status, move, has_open=has_open)
        except Refused:
            continue
        if there is not status:
            found.setdefault(there, move)
    return list(found.values())
