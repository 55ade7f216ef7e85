"""The transitions of a batch, as the contract defines them."""

from __future__ import annotations

import pytest

from portal.batches.transitions import IllegalTransition, available_actions, target_status
from portal.models import BatchAction, QueueStatus

# Status, and the status after start, pause, resume and stop: "same" = no change, "-" = refused.
TABLE = """
pending    active  -       -       stopped
active     same    paused  same    stopped
paused     active  same    active  stopped
stopped    active  -       -       same
completed  active  -       -       -
"""
ROWS = [
    (status, action, target)
    for status, *cells in (line.split() for line in TABLE.strip().splitlines())
    for action, target in zip(("start", "pause", "resume", "stop"), cells, strict=True)
]


@pytest.mark.parametrize(("status", "action", "target"), ROWS)
def test_every_transition_matches_the_contract(status: str, action: str, target: str) -> None:
    current = QueueStatus(status)
    if target == "-":
        with pytest.raises(IllegalTransition, match=status):
            target_status(current, BatchAction(action), has_open=True)
    else:
        expected = current if target == "same" else QueueStatus(target)
        assert target_status(current, BatchAction(action), has_open=True) is expected


@pytest.mark.parametrize("status", ["pending", "paused", "stopped", "completed"])
def test_a_batch_without_an_open_call_cannot_be_started(status: str) -> None:
    with pytest.raises(IllegalTransition, match="no calls left"):
        target_status(QueueStatus(status), BatchAction.START, has_open=False)


def test_starting_an_active_batch_changes_nothing_even_without_an_open_call() -> None:
    assert target_status(QueueStatus.ACTIVE, BatchAction.START, has_open=False) is QueueStatus.ACTIVE


@pytest.mark.parametrize(
    ("status", "has_open", "expected"),
    [
        ("pending", True, ["start", "stop"]),
        ("pending", False, ["stop"]),
        ("active", True, ["pause", "stop"]),
        ("paused", True, ["resume", "stop"]),
        ("stopped", True, ["start"]),
        ("stopped", False, []),
        ("completed", True, ["start"]),
        ("completed", False, []),
    ],
)
def test_only_actions_that_change_the_status_are_available(status: str, has_open: bool, expected: list[str]) -> None:
    assert available_actions(QueueStatus(status), has_open=has_open) == [BatchAction(action) for action in expected]
