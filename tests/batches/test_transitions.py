"""The table of moves, row by row, as the contract has it."""

from __future__ import annotations

import pytest

from portal.batches.transitions import IllegalTransition, available_actions, target_status
from portal.models import BatchAction, QueueStatus

# From, and what start, pause, resume and stop lead to: a status, "same", or "-" for a refusal.
TABLE = """
pending    active  -       -       stopped
active     same    paused  same    stopped
paused     active  same    active  stopped
stopped    active  -       -       same
completed  active  -       -       -
"""
ROWS = [
    (status, move, leads)
    for status, *cells in (line.split() for line in TABLE.strip().splitlines())
    for move, leads in zip(("start", "pause", "resume", "stop"), cells, strict=True)
]


@pytest.mark.parametrize(("status", "move", "leads"), ROWS)
def test_every_cell_of_the_table(status: str, move: str, leads: str) -> None:
    stands = QueueStatus(status)
    if leads == "-":
        with pytest.raises(IllegalTransition, match=status):
            target_status(stands, BatchAction(move), has_open=True)
    else:
        expected = stands if leads == "same" else QueueStatus(leads)
        assert target_status(stands, BatchAction(move), has_open=True) is expected


@pytest.mark.parametrize("status", ["pending", "paused", "stopped", "completed"])
def test_a_batch_without_an_open_call_cannot_be_started(status: str) -> None:
    with pytest.raises(IllegalTransition, match="no calls left"):
        target_status(QueueStatus(status), BatchAction.START, has_open=False)


def test_starting_what_is_active_does_no_harm_even_without_an_open_call() -> None:
    assert target_status(QueueStatus.ACTIVE, BatchAction.START, has_open=False) is QueueStatus.ACTIVE


@pytest.mark.parametrize(
    ("status", "has_open", "moves"),
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
def test_only_moves_that_change_something_are_offered(status: str, has_open: bool, moves: list[str]) -> None:
    assert available_actions(QueueStatus(status), has_open=has_open) == [BatchAction(move) for move in moves]
