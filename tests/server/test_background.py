"""Background tasks: one run at a time, and an outage that does not fill the log."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from portal.server import background
from portal.server.background import PeriodicTask, server_tasks


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that sets the seconds since the start."""
    now = [0.0]
    monkeypatch.setattr(background.time, "monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, seconds)


@pytest.fixture
def bare_app() -> Flask:
    return Flask("background")


def test_a_task_runs_at_its_interval_and_never_twice_at_once(bare_app: Flask, clock: Callable) -> None:
    runs, may_end = [], threading.Event()
    task = PeriodicTask("counting", 5, lambda: (runs.append(1), may_end.wait(5)))
    for seconds, expected in ((1, 0), (2, 1), (30, 1)):
        clock(seconds)
        task.start_if_due(bare_app)
        assert len(runs) == expected
    may_end.set()
    task.thread.join()
    for seconds, expected in ((30, 2), (34, 2), (35, 3)):
        clock(seconds)
        task.start_if_due(bare_app)
        task.thread.join()
        assert len(runs) == expected


@pytest.mark.parametrize("error", [OperationalError("SELECT 1", {}, Exception("gone")), ZeroDivisionError()])
def test_after_a_failure_a_task_waits_longer(
    bare_app: Flask, clock: Callable, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def fail() -> None:
        raise error

    task = PeriodicTask("failing", 5, fail)
    for seconds, expected in ((2, 1), (7, 1), (61, 1), (62, 2)):
        clock(seconds)
        task.start_if_due(bare_app)
        task.thread.join()
        assert len(caplog.records) == expected
    assert "failing" in caplog.text


def test_a_server_process_has_these_tasks() -> None:
    assert {task.name: task.seconds for task in server_tasks()} == {
        "hourly tasks": 3600,
        "scheduled starts": 5,
        "lost attempts": 5,
    }
