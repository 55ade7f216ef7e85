"""The portal as the trials' servers run it: as it is, or broken in the way that BREAK names, so that it is seen."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

from sqlalchemy.orm import Session

from portal import create_app
from tests.trials.clock import CLOCK, Clock

BREAK = "PORTAL_TRIAL_BREAK"


def lose_some() -> None:
    """One transaction in five is taken back, and acknowledged all the same."""
    commit, turns = Session.commit, count(1)

    def sometimes(session: Session) -> None:
        session.rollback() if next(turns) % 5 == 0 else commit(session)

    Session.commit = sometimes  # type: ignore[method-assign]


def count_twice() -> None:
    """An event that is sent again is taken for a new one."""
    from portal.calls import api

    read_body, turns = api.read_body, count(1)

    def renamed(given: dict, *rest: object) -> object:
        for event in given.get("events", ()):
            event["eventId"] += f"-{os.getpid()}-{next(turns)}"
        return read_body(given, *rest)

    api.read_body = renamed


def blame_itself() -> None:
    """Trouble of the database is taken for a fault of the portal's own."""
    from portal.web import errors

    errors.classify_outage = lambda _error: None


def fail_some() -> None:
    """One list in twenty is a fault."""
    from portal.batches import query

    fetch_page, turns = query.fetch_page, count(1)

    def sometimes(*given: object) -> object:
        if next(turns) % 20 == 0:
            raise RuntimeError("broken on purpose")
        return fetch_page(*given)

    query.fetch_page = sometimes


def never_look_again() -> None:
    """An SQLite file that could only be read once is taken to be so for ever."""
    from portal.db.sqlite_pool import ReopeningPool

    ReopeningPool.mark_stale = lambda _pool: None  # type: ignore[method-assign]


def believe_the_clock() -> None:
    """Whose cookie was signed later than now is signed out."""
    from itsdangerous import TimestampSigner

    from portal.web import sessions

    sessions.ClockTolerantSigner = TimestampSigner  # type: ignore[misc, assignment]


BREAKINGS: dict[str, Callable[[], None]] = {
    "loses some": lose_some,
    "counts twice": count_twice,
    "answers 500": blame_itself,
    "fails some": fail_some,
    "never looks again": never_look_again,
    "believes the clock": believe_the_clock,
}

if name := os.environ.get(BREAK):
    BREAKINGS[name]()
if file := os.environ.get(CLOCK):
    Clock(Path(file)).install()

app = create_app()
