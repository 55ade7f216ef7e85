"""Whether this process has been told to stop; the server's worker says so (portal/server/worker.py)."""

from __future__ import annotations

from collections.abc import Callable

asked: list[Callable[[], bool]] = []


def set_stop_check(question: Callable[[], bool]) -> None:
    """Ask this from now on, and nothing else."""
    asked[:] = [question]


def is_stopping() -> bool:
    """Whether the process has been told to stop."""
    return any(question() for question in asked)
