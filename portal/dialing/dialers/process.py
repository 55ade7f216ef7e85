"""The dialer process: finds the trunks with work each second, and dials over each of them in a thread."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import time
from threading import Event

from flask import Flask

from portal.db.outages import find_outage
from portal.dialing.dialers import actions, query
from portal.dialing.dialers.trunk_dialer import TrunkDialer
from portal.models.dialer import WORKER_LENGTH
from portal.telemetry import metrics
from portal.times import now_ms

POLL_SECONDS = 1.0
SEEN_SECONDS = 10.0
STOP_SECONDS = 10.0  # for the requests to engines that are under way

log = logging.getLogger("portal.dialer")


class DialerProcess:
    """One worker. It ends when `stopping` is set, or when its parent is no longer the process `parent`."""

    def __init__(self, app: Flask, parent: int | None = None) -> None:
        self.app = app
        self.parent = parent
        self.host = socket.gethostname()
        identity = f"-{os.getpid()}-{secrets.token_hex(2)}"
        self.worker = self.host[: WORKER_LENGTH - len(identity)] + identity
        self.started_at = now_ms()
        self.stopping = Event()
        self.dialers: dict[int, TrunkDialer] = {}
        self.seen_next = 0.0
        self.problem = ""

    def run(self) -> None:
        """Work until the process has to end. Calls that people talk on go on; the next dialer takes them over."""
        log.info("dialer %s started", self.worker)
        while not self.stopping.is_set():
            self.try_step()
            self.stopping.wait(POLL_SECONDS)
            if self.parent is not None and os.getppid() != self.parent:
                self.stopping.set()
        deadline = time.monotonic() + STOP_SECONDS
        for dialer in self.dialers.values():
            dialer.thread.join(max(0.0, deadline - time.monotonic()))
        self.forget()
        log.info("dialer %s ended", self.worker)

    def end_on_signals(self) -> None:
        """End at SIGTERM and SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())

    def try_step(self) -> None:
        """Take a step. An outage of the database is logged once; the trunks' threads retry by themselves."""
        try:
            with self.app.app_context():
                self.step()
        except Exception as error:
            problem = str(find_outage(error) or type(error).__name__)
            if problem != self.problem:
                log.warning("the dialer retries: %s", problem, exc_info=error)
            self.problem = problem
            return
        if self.problem:
            log.info("the dialer works again")
        self.problem = ""

    def step(self) -> None:
        """Give each trunk with work a thread, and let the threads of the others end."""
        trunks = {trunk.key: trunk for trunk in query.find_trunks_with_work()}
        for key, dialer in list(self.dialers.items()):
            dialer.is_wanted = key in trunks
            if not dialer.thread.is_alive():
                del self.dialers[key]
        for key, trunk in trunks.items():
            if key in self.dialers:
                self.dialers[key].trunk = trunk
            else:
                self.dialers[key] = TrunkDialer(self.app, self.worker, trunk, self.stopping)
                self.dialers[key].thread.start()
        if time.monotonic() >= self.seen_next:
            self.seen_next = time.monotonic() + SEEN_SECONDS
            self.record()

    def record(self) -> None:
        """Store that this dialer runs, and what it has counted."""
        counts = metrics.read_dialer_counts()
        actions.record_dialer(
            {
                "worker": self.worker,
                "host": self.host,
                "started_at": self.started_at,
                "seen_at": now_ms(),
                "events": round(metrics.engine_events._value.get()),
                "counts": counts,
            }
        )

    def forget(self) -> None:
        """Delete the row of this dialer, if the database is available."""
        try:
            with self.app.app_context():
                actions.remove_dialer(self.worker)
        except Exception as error:
            log.warning("the row of this dialer remains: %s", find_outage(error) or type(error).__name__)
