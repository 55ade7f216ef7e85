"""The portal as the trials' servers run it: unchanged, or with the defect that DEFECT_VARIABLE names."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from portal import create_app
from tests.support.faults.clock import CLOCK_VARIABLE, ShiftedClock

DEFECT_VARIABLE = "PORTAL_TRIAL_BREAK"


def lose_commits() -> None:
    """Roll one transaction in five back, but acknowledge it."""
    commit, turns = Session.commit, count(1)

    def commit_most(session: Session) -> None:
        session.rollback() if next(turns) % 5 == 0 else commit(session)

    Session.commit = commit_most  # type: ignore[method-assign]


def apply_events_twice() -> None:
    """Apply an event that is sent again."""
    from portal.calls import api

    read_body, turns = api.read_body, count(1)

    def rename_events(body: dict, *rest: object) -> object:
        for event in body.get("events", ()):
            event["eventId"] += f"-{os.getpid()}-{next(turns)}"
        return read_body(body, *rest)

    api.read_body = rename_events


def answer_500() -> None:
    """Treat an outage of the database as an error of the portal."""
    from portal.web import errors

    errors.classify_outage = lambda _error: None


def fail_sometimes() -> None:
    """Fail one list in twenty."""
    from portal.batches import query

    fetch_page, turns = query.fetch_page, count(1)

    def fetch_most(*arguments: object) -> object:
        if next(turns) % 20 == 0:
            raise RuntimeError("broken on purpose")
        return fetch_page(*arguments)

    query.fetch_page = fetch_most


def stay_read_only() -> None:
    """Never reopen an SQLite file that was read-only once."""
    from portal.db.sqlite_pool import ReopeningPool

    ReopeningPool.mark_stale = lambda _pool: None  # type: ignore[method-assign]


def trust_the_clock() -> None:
    """Sign users out whose cookie was signed later than now."""
    from itsdangerous import TimestampSigner

    from portal.web import sessions

    sessions.ClockTolerantSigner = TimestampSigner  # type: ignore[misc, assignment]


def read_all_files() -> None:
    """Read any number of contact files at once."""
    from portal.limits import file_slots

    file_slots.SLOTS_PER_ACCOUNT = 1000
    init_app = file_slots.init_app
    file_slots.init_app = lambda app, _threads: init_app(app, 2000)


def never_stop_work() -> None:
    """Continue to work for clients that have disconnected."""
    from portal.web import client_connection

    client_connection.has_client_gone = lambda: False


def place_twice() -> None:
    """Place one call in ten a second time."""
    from dataclasses import replace

    from portal.dialing.dialers import trunk_dialer
    from portal.ids import new_id

    try_place, turns = trunk_dialer.try_place, count(1)

    def place(engine: Any, placement: Any) -> Any:
        if next(turns) % 10 == 0:
            engine.place(replace(placement, attempt_id=new_id()))
        return try_place(engine, placement)

    trunk_dialer.try_place = place


def mix_outcomes_up() -> None:
    """Store completed calls as dropped."""
    from dataclasses import replace

    from portal.dialing.dialers import trunk_dialer
    from portal.dialing.engines import Outcome

    apply = trunk_dialer.apply_engine_events

    def apply_others(owner_key: int, events: Any) -> None:
        apply(owner_key, [replace(e, outcome=Outcome.DROPPED) if e.outcome == Outcome.COMPLETED else e for e in events])

    trunk_dialer.apply_engine_events = apply_others


def never_hang_up() -> None:
    """Ignore emergency stops for calls that ring."""
    from portal.dialing.dialers.trunk_dialer import TrunkDialer

    TrunkDialer.hang_up_all = lambda *_: None  # type: ignore[method-assign]


SERVER_DEFECTS: dict[str, Callable[[], None]] = {
    "loses commits": lose_commits,
    "applies events twice": apply_events_twice,
    "answers 500": answer_500,
    "fails sometimes": fail_sometimes,
    "stays read-only": stay_read_only,
    "trusts the clock": trust_the_clock,
    "reads all files": read_all_files,
    "never stops": never_stop_work,
    "places twice": place_twice,
    "mixes outcomes up": mix_outcomes_up,
    "never hangs up": never_hang_up,
}

if name := os.environ.get(DEFECT_VARIABLE):
    SERVER_DEFECTS[name]()
if file := os.environ.get(CLOCK_VARIABLE):
    ShiftedClock(Path(file)).install()

app = create_app()
