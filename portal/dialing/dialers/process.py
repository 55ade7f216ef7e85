"""The dialer process: finds the trunks with work each second, and dials over each of them in a thread."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import time
from threading import Event
from typing import Any

from flask import Flask

from portal.db.outages import find_outage
from portal.dialing.dialers import actions, query
from portal.dialing.dialers.trunk_dialer import TrunkDialer
from portal.models import TrunkKind
from portal.models.dialer import WORKER_LENGTH
from portal.telemetry.dialing_metrics import read_counts
from portal.times import now_ms

STEP_SECONDS = 1.0
RECORD_SECONDS = 10.0
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
        self.next_record = 0.0
        self.has_simulators = False  # of this machine, as long as it is the first one
        self.problem = ""

    def run(self) -> None:
        """Work until the process has to end. Calls that people talk on go on; the next dialer takes them over."""
        log.info("dialer %s started", self.worker)
        while not self.stopping.is_set():
            self.try_step()
            self.stopping.wait(STEP_SECONDS)
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
        if time.monotonic() >= self.next_record:
            self.next_record = time.monotonic() + RECORD_SECONDS
            self.record()
        trunks = {trunk.key: trunk for trunk in query.find_trunks_with_work() if self.serves(trunk)}
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

    def serves(self, trunk: Any) -> bool:
        """Return whether this dialer dials over a trunk.

        The records of a simulator are a file. So the dialers of one machine use it, that of the first name.
        """
        return TrunkKind(trunk.kind).is_remote or self.has_simulators

    def record(self) -> None:
        """Store that this dialer runs, and what it has counted; find out which machine has the simulators."""
        counts = read_counts()
        actions.record_dialer(
            {
                "worker": self.worker,
                "host": self.host,
                "started_at": self.started_at,
                "seen_at": now_ms(),
                "events": round(sum(counts["portal_engine_events"].values())),
                "counts": counts,
            }
        )
        self.has_simulators = self.host == min(dialer.host for dialer in query.list_dialers(now_ms()))

    def forget(self) -> None:
        """Delete the row of this dialer, if the database is available."""
        try:
            with self.app.app_context():
                actions.remove_dialer(self.worker)
        except Exception as error:
            log.warning("the row of this dialer remains: %s", find_outage(error) or type(error).__name__)
