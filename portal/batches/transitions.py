"""Decide which actions a batch allows and which status they lead to (contract, section 5)."""

from __future__ import annotations

from portal.models import BatchAction, QueueStatus


class IllegalTransition(Exception):
    """Raised for an action that the batch does not allow now; the message is the reason."""


def target_status(status: QueueStatus, action: BatchAction, *, has_open: bool) -> QueueStatus:
    """Return the status after the action, which is `status` itself if nothing changes.

    `has_open` says whether the batch has an open call. Raises IllegalTransition.
    """
    target = status.find_target(action)
    if target is None:
        raise IllegalTransition(f"This batch is {status} and cannot be {action.result}")
    if action is BatchAction.START and target is not status and not has_open:
        raise IllegalTransition(f"This batch is {status} and has no calls left: add calls before you start it")
    return target


def available_actions(status: QueueStatus, *, has_open: bool) -> list[BatchAction]:
    """Return the actions that change the status, one per target: Resume rather than Start for a paused batch."""
    by_target: dict[QueueStatus, BatchAction] = {}
    for action in (BatchAction.RESUME, BatchAction.START, BatchAction.PAUSE, BatchAction.STOP):
        try:
            target = target_status(status, action, has_open=has_open)
        except IllegalTransition:
            continue
        if target is not status:
            by_target.setdefault(target, action)
    return list(by_target.values())


def is_complete(status: QueueStatus, *, has_open: bool) -> bool:
    """Return whether a batch completes by itself: it is active, and none of its calls is open."""
    return status is QueueStatus.ACTIVE and not has_open
