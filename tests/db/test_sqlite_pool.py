"""A pool that was doubted: all its connections are closed at one moment, and nobody waits for ever."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, event, text

from portal.db import sqlite_pool
from portal.db.sqlite_pool import ReopeningPool
from portal.extensions import db

BODY = {"batchName": "Spring", "callingNumbers": ["+12025550100"]}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path / 'file.db'}", poolclass=ReopeningPool)
    yield engine
    engine.dispose()


@pytest.fixture
def opened(engine: Engine) -> list[sqlite3.Connection]:
    """Every connection that was opened."""
    found: list[sqlite3.Connection] = []
    event.listen(engine, "connect", lambda connection, _record: found.append(connection))
    return found


def use(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))


def test_after_doubt_every_connection_is_new(engine: Engine, opened: list) -> None:
    with engine.connect(), engine.connect():
        pass
    use(engine)
    assert len(opened) == 2
    engine.pool.doubt()
    with engine.connect(), engine.connect():
        assert len(opened) == 4
    for old in opened[:2]:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            old.execute("SELECT 1")
    use(engine)
    assert len(opened) == 4


def test_others_are_waited_for(engine: Engine, opened: list, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_pool, "WAIT_SECONDS", 60)
    other = engine.connect()
    engine.pool.doubt()
    asks = threading.Thread(target=use, args=(engine,))
    asks.start()
    while not engine.pool.closing.locked():
        threading.Event().wait(0.001)
    assert len(opened) == 1
    other.close()
    asks.join(60)
    assert len(opened) == 2


def test_who_keeps_a_connection_for_long_holds_nobody_up(
    engine: Engine, opened: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_pool, "WAIT_SECONDS", 0.01)
    with engine.connect():
        engine.pool.doubt()
        use(engine)
        assert engine.pool.doubtful
    engine.pool.not_before = 0.0  # some time has passed
    use(engine)
    assert not engine.pool.doubtful
    assert len(opened) == 3


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_what_was_read_only_when_it_was_opened_is_well_again_by_itself(app: Flask, call_api: Callable) -> None:
    with app.app_context():
        engine = db.engine
    engine.dispose()

    def shut(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    event.listen(engine, "connect", shut)
    try:
        assert call_api("createBatch", BODY).status_code == 503
    finally:
        event.remove(engine, "connect", shut)
        engine.pool.not_before = 0.0
    assert call_api("createBatch", BODY).status_code == 201
