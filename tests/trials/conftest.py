"""Short forms of the trials, on the app of the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from playwright.sync_api import Browser

from tests.conftest import empty
from trials.trial import Conditions, Outcome, Trial


@pytest.fixture
def short_form(
    apps: Callable[[str], Flask], make_app: Callable[..., Flask], request: pytest.FixtureRequest
) -> Callable[..., Outcome]:
    """Runs the short form of a trial on a kind of database."""

    @contextmanager
    def opens(kind: str, **settings: object) -> Iterator[Flask]:
        app = make_app(kind, **settings) if settings else apps(kind)
        empty(app)
        yield app

    @contextmanager
    def browser() -> Iterator[Browser]:
        yield request.getfixturevalue("browser")  # once for the run, and only where it is needed

    def run(trial: Trial, database: str, *, first: bool = False) -> Outcome:
        return trial.run(Conditions(database, trial.short, opens=opens, first=first, browser=browser))

    return run
