"""Whether this process is shutting down. The gunicorn worker registers the check (portal/server/worker.py)."""

from __future__ import annotations

from collections.abc import Callable

stop_checks: list[Callable[[], bool]] = []


def set_stop_check(check: Callable[[], bool]) -> None:
    """Use this check from now on, and no other."""
    stop_checks[:] = [check]


def is_stopping() -> bool:
    """Return whether the process is shutting down."""
    return any(check() for check in stop_checks)
