"""A dialer within this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from flask import Flask

from portal.dialing.dialers.process import DialerProcess

STOP_SECONDS = 30


@contextmanager
def running_dialer(app: Flask) -> Iterator[DialerProcess]:
    """Run a dialer in a thread within the block."""
    process = DialerProcess(app)
    thread = Thread(target=process.run)
    thread.start()
    try:
        yield process
    finally:
        process.stopping.set()
        thread.join(STOP_SECONDS)
        assert not thread.is_alive()
