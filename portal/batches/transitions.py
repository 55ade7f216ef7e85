"""The table of moves: what may become of a batch's status, and by what (contract, section 5)."""

from __future__ import annotations

from portal.models import BatchAction, QueueStatus


class IllegalTransition(Exception):
    """A move that is not legal now; the message is the reason."""


def target_status(status: QueueStatus, move: BatchAction, *, has_open: bool) -> QueueStatus:
    """Where the move leads from `status`; that very status where nothing changes.

    `has_open`: whether the batch has a call that is still open. Raises Refused.
    """
    found = status.find_target(move)
    if found is None:
        raise IllegalTransition(f"This batch is {status}: it cannot be {move.result}")
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
