"""Short forms of the trials, on the app of the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from flask import Flask
from playwright.sync_api import Browser

from portal.telemetry import logs
from tests.conftest import empty
from tests.trials.databases import SETTINGS
from tests.trials.trial import Conditions, Outcome, Trial


@pytest.fixture(scope="session")
def trial_apps(make_app: Callable[..., Flask]) -> Callable[..., Flask]:
    """The app with the settings of trials, and with more; made once of each kind."""
    return cache(lambda kind, **settings: make_app(kind, **(SETTINGS | settings)))


@pytest.fixture
def short_form(trial_apps: Callable[..., Flask], request: pytest.FixtureRequest) -> Callable[..., Outcome]:
    """Runs the short form of a trial on a kind of database."""

    @contextmanager
    def opens(kind: str, **settings: object) -> Iterator[Flask]:
        app = trial_apps(kind, **settings)
        empty(app)
        logs.init_app(app)  # what listens has put other handlers aside, and the app may be older than that
        yield app

    @contextmanager
    def browser() -> Iterator[Browser]:
        yield request.getfixturevalue("browser")  # once for the run, and only where it is needed

    def run(trial: Trial, database: str, *, first: bool = False) -> Outcome:
        return trial.run(Conditions(database, trial.short, opens=opens, first=first, browser=browser))

    return run
