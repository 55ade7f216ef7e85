"""Run one dialer next to the server: start it, restart it after a crash or a reload, and end it with the server.

gunicorn.conf.py runs this file as a program, which uses the standard library alone and so needs little memory. Signals:
SIGHUP restarts the dialer, SIGTERM and SIGINT end it. It ends too when the server does, even by SIGKILL.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
POLL_SECONDS = 0.2
STOP_SECONDS = 15  # more than the dialer's own limit
RESTART_SECONDS = 2.0
SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)


class EmbeddedDialer:
    """The dialer of a server, as this program's child."""

    def __init__(self, server: int) -> None:
        self.server = server
        self.process: subprocess.Popen[bytes] | None = None
        self.is_ending = False

    def run(self) -> None:
        """Keep one dialer running until the server ends or a signal says so."""
        for number in SIGNALS:
            signal.signal(number, self.receive)
        start_at = 0.0
        while not self.is_ending and os.getppid() == self.server:
            if self.process is None and time.monotonic() >= start_at:
                self.process = start_dialer()
            if self.process is not None and self.process.poll() is not None:
                self.process, start_at = None, time.monotonic() + RESTART_SECONDS
            time.sleep(POLL_SECONDS)
        self.stop()

    def receive(self, number: int, _frame: object) -> None:
        """Handle a signal. A reload ends the dialer; the loop starts the next one."""
        self.is_ending = self.is_ending or number != signal.SIGHUP
        if self.process is not None:
            self.process.terminate()

    def stop(self) -> None:
        """End the dialer: SIGTERM first, then SIGKILL."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_dialer() -> subprocess.Popen[bytes]:
    """Start the dialer, which ends with this process."""
    command = (sys.executable, "-m", "flask", "--app", "wsgi", "dial", "--parent", str(os.getpid()))
    return subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.DEVNULL)  # noqa: S603 (constant words)


if __name__ == "__main__":
    EmbeddedDialer(int(sys.argv[1])).run()
