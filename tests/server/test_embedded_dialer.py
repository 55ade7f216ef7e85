"""The server starts one dialer, keeps one running, and takes it along when it ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from flask import Flask

from portal.dialing.dialers.query import list_dialers
from portal.times import now_ms
from tests.support.servers import kill
from tests.trials.app import run_portal

TIMEOUT_SECONDS = 60


def children(pid: int) -> list[int]:
    """Return the process ids of the children of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def has_ended(pid: int) -> bool:
    """Return whether a process has ended; its parent may not have noticed yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_for(find: Callable[[], object]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not find():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_one_dialer_runs_as_long_as_the_server(make_app: Callable[..., Flask]) -> None:
    app = make_app("sqlite")

    def started() -> list[int]:
        """Return the process ids of the dialers that have written their rows."""
        with app.app_context():
            return [int(row.worker.split("-")[-2]) for row in list_dialers(now_ms())]

    with run_portal(app.config["SQLALCHEMY_DATABASE_URI"], DIALER="embedded") as server:
        (supervisor,) = [pid for pid in server.workers() if b"embedded_dialer" in read_command(pid)]

        def dialer() -> int | None:
            """Return the process id of the dialer once it works."""
            running = [pid for pid in children(supervisor) if pid in started()]
            assert len(children(supervisor)) <= 1
            return running[0] if running else None

        wait_for(dialer)
        first = dialer()
        kill(first)
        wait_for(lambda: dialer() not in (None, first))
        second = dialer()
        os.kill(server.process.pid, signal.SIGHUP)
        wait_for(lambda: dialer() not in (None, second))
        assert second not in started()  # a dialer that ends deletes its row
        assert len([pid for pid in server.workers() if b"embedded_dialer" in read_command(pid)]) == 1
        third, workers = dialer(), server.workers()
        kill(server.process.pid)
        wait_for(lambda: all(map(has_ended, (third, supervisor, *workers))))
        assert third not in started()


def read_command(pid: int) -> bytes:
    """Return the command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()
