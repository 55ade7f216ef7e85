"""A trial: its name, its size, the function that runs it, and the defects that it must detect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from flask import Flask
from playwright.sync_api import Browser

from tests.support.databases import DATABASES
from tests.support.monitor import LeakMonitor
from tests.support.services import chromium
from tests.trials.app import open_app

MAX_FAILURES = 200
NO_DATABASE = ("",)

Defect = Callable[[], AbstractContextManager[object]]


def ignore_progress(_message: str) -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Conditions:
    """The conditions of a run: the database, the size (`count`, in the trial's own unit) and the random seed.

    `full` = the published size, else a short form. The trial calls `report_progress` now and then. `monitor` checks
    every log line and response. `app_factory` opens an app on an empty database; tests pass their own.
    `stop_at_first` = one failure is enough, because the portal has a defect. `browser` starts Chromium or raises
    ServiceMissing.
    """

    database: str
    count: int
    full: bool = False
    seed: int = 1
    report_progress: Callable[[str], None] = ignore_progress
    monitor: LeakMonitor = field(default_factory=LeakMonitor)
    app_factory: Callable[..., AbstractContextManager[Flask]] = open_app
    stop_at_first: bool = False
    browser: Callable[[], AbstractContextManager[Browser]] = chromium

    @property
    def max_count(self) -> int:
        """The largest size: a search for one failure gets more attempts."""
        return self.count * 5 if self.stop_at_first else self.count

    def should_stop(self, failures: Sequence[str]) -> bool:
        """Return whether one failure is enough, or there are more than anyone reads."""
        return bool(failures) and (self.stop_at_first or len(failures) >= MAX_FAILURES)

    @contextmanager
    def app(self, **settings: object) -> Iterator[Flask]:
        """Open an app on an empty database and monitor its log; `settings` as create_app takes them."""
        with self.monitor.listening(), self.app_factory(self.database, **settings) as app:
            yield app


@dataclass(frozen=True)
class Outcome:
    """The result of a run: its size, a line for each failure (none = passed), and figures for the report.

    `untested`: the part that cannot be tested here, and why; it has neither passed nor failed.
    """

    done: int
    failures: Sequence[str] = ()
    figures: Mapping[str, str | int | float] = field(default_factory=dict)
    untested: str = ""

    @property
    def passed(self) -> bool:
        """Whether everything was tested and nothing failed."""
        return not self.failures and not self.untested


@dataclass(frozen=True)
class Trial:
    """One trial of the table.

    `run` runs it under some conditions. `defects` maps descriptions to context managers that break the portal: within
    each, the short form must report failures.
    """

    name: str
    title: str
    passes_when: str
    unit: str
    full: int
    short: int
    run: Callable[[Conditions], Outcome]
    defects: Mapping[str, Defect]
    databases: Sequence[str] = DATABASES
    starts_servers: bool = False  # which takes seconds, so `make test` runs it on one database only
