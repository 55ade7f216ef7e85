"""What a trial is: its name, how much of it there is, how it is run, and how it is shown to be able to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from flask import Flask
from playwright.sync_api import Browser

from tests.support.services import chromium
from tests.trials.databases import open_app
from tests.trials.watch import Watch

BOTH = ("sqlite", "postgresql")
MOST_FAILURES = 200
NONE = ("",)  # for what has nothing to do with a database


def silent(_words: str) -> None:
    """Tells nobody."""


@dataclass(frozen=True)
class Conditions:
    """Under what a trial runs: on which database, how much of it (`count`, in the trial's own unit), from which seed.

    `full` = at the figures of the table, else a short form. `tell` is called now and then with how far it is. `watch`
    sees every log line and answer. `opens` makes an app on an empty database of its own; tests give theirs.
    `first` = one failure is enough: the portal is a broken one. `browser` starts Chromium, or raises Missing.
    """

    database: str
    count: int
    full: bool = False
    seed: int = 1
    tell: Callable[[str], None] = silent
    watch: Watch = field(default_factory=Watch)
    opens: Callable[..., AbstractContextManager[Flask]] = open_app
    first: bool = False
    browser: Callable[[], AbstractContextManager[Browser]] = chromium

    @property
    def most(self) -> int:
        """How much is done at most: where one failure is looked for, chance gets more tries."""
        return self.count * 5 if self.first else self.count

    def enough(self, failures: Sequence[str]) -> bool:
        """Whether to stop: where one failure was wanted, or there are more than anybody reads."""
        return bool(failures) and (self.first or len(failures) >= MOST_FAILURES)

    @contextmanager
    def app(self, **settings: object) -> Iterator[Flask]:
        """An app on an empty database, its log lines watched; `settings` as create_app takes them."""
        with self.watch.listening(), self.opens(self.database, **settings) as app:
            yield app


@dataclass(frozen=True)
class Outcome:
    """What came out: how much was done, a line for each failure (none = passed), and figures worth keeping.

    `left_out`: what could not be tried here, and why; for that part it has neither passed nor failed.
    """

    done: int
    failures: Sequence[str] = ()
    figures: Mapping[str, str | int | float] = field(default_factory=dict)
    left_out: str = ""

    @property
    def passed(self) -> bool:
        """Whether it was tried and nothing failed."""
        return not self.failures and not self.left_out


Breaking = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class Trial:
    """One trial of the table.

    `run` does it under some conditions. `broken` has ways of breaking the portal, by what each breaks: within the
    block of such a context manager the short form must report failures, or it is a trial that cannot fail.
    """

    name: str
    title: str
    passes_when: str
    unit: str
    full: int
    short: int
    run: Callable[[Conditions], Outcome]
    broken: Mapping[str, Breaking]
    databases: Sequence[str] = BOTH
    serves: bool = False  # starts servers, which takes seconds: `make test` does no more of it than it must
