"""A stale pool closes all connections at one moment, and no request waits for long."""

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
    """Return the list of all connections that are opened."""
    connections: list[sqlite3.Connection] = []
    event.listen(engine, "connect", lambda connection, _record: connections.append(connection))
    return connections


def use(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))


def test_a_stale_pool_opens_new_connections(engine: Engine, opened: list) -> None:
    with engine.connect(), engine.connect():
        pass
    use(engine)
    assert len(opened) == 2
    engine.pool.mark_stale()
    with engine.connect(), engine.connect():
        assert len(opened) == 4
    for old in opened[:2]:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            old.execute("SELECT 1")
    use(engine)
    assert len(opened) == 4


def test_a_stale_pool_waits_for_connections_in_use(
    engine: Engine, opened: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_pool, "DRAIN_TIMEOUT_SECONDS", 60)
    other = engine.connect()
    engine.pool.mark_stale()
    thread = threading.Thread(target=use, args=(engine,))
    thread.start()
    while not engine.pool.close_lock.locked():
        threading.Event().wait(0.001)
    assert len(opened) == 1
    other.close()
    thread.join(60)
    assert len(opened) == 2


def test_a_long_use_of_a_connection_does_not_block_others(
    engine: Engine, opened: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_pool, "DRAIN_TIMEOUT_SECONDS", 0.01)
    with engine.connect():
        engine.pool.mark_stale()
        use(engine)
        assert engine.pool.is_stale
    engine.pool.retry_at = 0.0  # as if RETRY_SECONDS had passed
    use(engine)
    assert not engine.pool.is_stale
    assert len(opened) == 3


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_file_that_was_read_only_becomes_writable_without_a_restart(app: Flask, call_api: Callable) -> None:
    with app.app_context():
        engine = db.engine
    engine.dispose()

    def make_read_only(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    event.listen(engine, "connect", make_read_only)
    try:
        assert call_api("createBatch", BODY).status_code == 503
    finally:
        event.remove(engine, "connect", make_read_only)
        engine.pool.retry_at = 0.0
    assert call_api("createBatch", BODY).status_code == 201
