"""Background tasks of the server: each runs in a thread of its own, at intervals, independently of requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from portal.batches.actions import start_scheduled_batches
from portal.db.outages import find_outage
from portal.dialing.sweep import sweep_leases
from portal.server import hourly_tasks

FIRST_RUN_SECONDS = 2  # after the start
RETRY_SECONDS = 60  # after a failure, so that an outage does not fill the log


class PeriodicTask:
    """A task that starts every `seconds`, unless its last run has not ended."""

    def __init__(self, name: str, seconds: float, task: Callable[[], object]) -> None:
        self.name = name
        self.seconds = seconds
        self.task = task
        self.next_run = time.monotonic() + FIRST_RUN_SECONDS
        self.thread: threading.Thread | None = None

    def start_if_due(self, app: Flask) -> None:
        """Start the task in a thread if its time has come."""
        if time.monotonic() < self.next_run or (self.thread and self.thread.is_alive()):
            return
        self.next_run = time.monotonic() + self.seconds
        self.thread = threading.Thread(target=self.run, args=(app,), daemon=True)
        self.thread.start()

    def run(self, app: Flask) -> None:
        """Run the task. A failure is logged, and the next run is not before RETRY_SECONDS."""
        with app.app_context():
            try:
                self.task()
                return
            except SQLAlchemyError as error:
                app.logger.warning("%s skipped: %s", self.name, find_outage(error) or type(error).__name__)
            except Exception:
                app.logger.exception("unexpected failure: %s", self.name)
        self.next_run = max(self.next_run, time.monotonic() + RETRY_SECONDS)


def server_tasks() -> tuple[PeriodicTask, ...]:
    """Return the tasks of one server process, each due soon."""
    return (
        PeriodicTask("hourly tasks", 3600, hourly_tasks.run),
        PeriodicTask("scheduled starts", 5, start_scheduled_batches),
        PeriodicTask("lost attempts", 5, sweep_leases),
    )
