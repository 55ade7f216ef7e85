"""The short forms of trials on the apps of the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import pytest
from flask import Flask
from playwright.sync_api import Browser

from portal.telemetry import logs
from tests.support.databases import empty
from tests.trials.app import SETTINGS
from tests.trials.trial import Conditions, Outcome, Trial


@pytest.fixture(scope="session")
def trial_apps(make_app: Callable[..., Flask]) -> Callable[..., Flask]:
    """Return the app with the settings of trials; all trials share it."""
    return cache(lambda kind, **settings: make_app(kind, **(SETTINGS | settings)))


@pytest.fixture
def short_form(trial_apps: Callable[..., Flask], request: pytest.FixtureRequest) -> Callable[..., Outcome]:
    """Run the short form of a trial on a kind of database."""

    @contextmanager
    def app_factory(kind: str, **settings: object) -> Iterator[Flask]:
        app = trial_apps(kind, **settings)
        empty(app)
        logs.init_app(app)  # the monitor has replaced the log handlers since the app was created
        yield app

    @contextmanager
    def browser() -> Iterator[Browser]:
        yield request.getfixturevalue("browser")  # started once, when a trial needs it

    def run(trial: Trial, database: str, *, stop_at_first: bool = False) -> Outcome:
        return trial.run(
            Conditions(database, trial.short, app_factory=app_factory, stop_at_first=stop_at_first, browser=browser)
        )

    return run
