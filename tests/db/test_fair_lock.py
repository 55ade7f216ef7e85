"""First come, first served."""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from portal.db.engine import WRITE_LOCKS
from portal.db.fair_lock import FairLock
from portal.db.transactions import write_transaction
from portal.extensions import db

PATIENCE = 30


def waits(turns: FairLock, many: int) -> None:
    """Return once so many wait."""
    while len(turns.waiting) < many:
        threading.Event().wait(0.001)


def test_those_who_wait_go_in_the_order_they_came() -> None:
    turns, order = FairLock(), []
    assert turns.take(0)

    def wait(name: int) -> None:
        assert turns.take(PATIENCE)
        order.append(name)
        turns.leave()

    threads = []
    for name in range(5):
        threads.append(threading.Thread(target=wait, args=(name,)))
        threads[-1].start()
        waits(turns, name + 1)
    turns.leave()
    for thread in threads:
        thread.join(PATIENCE)
    assert order == [0, 1, 2, 3, 4]
    assert turns.take(0)


def test_who_waited_too_long_is_not_called_any_more() -> None:
    turns = FairLock()
    assert turns.take(0)
    assert not turns.take(0.01)
    turns.leave()
    assert turns.take(0)


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_writer_whose_turn_does_not_come_is_told_that_it_is_locked(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "BUSY_TIMEOUT_MS", 10)
    with app.app_context():
        assert WRITE_LOCKS[db.engine].take(PATIENCE)
        try:
            with pytest.raises(OperationalError, match="locked"), write_transaction():
                pass
        finally:
            WRITE_LOCKS[db.engine].leave()
        with write_transaction():
            pass
