"""Threads acquire the lock in the order in which they asked for it."""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from portal.db.engine import WRITE_LOCKS
from portal.db.fair_lock import FairLock
from portal.db.transactions import write_transaction
from portal.extensions import db

TIMEOUT_SECONDS = 30


def wait_for_waiters(lock: FairLock, count: int) -> None:
    """Return as soon as this many threads wait."""
    while len(lock.waiters) < count:
        threading.Event().wait(0.001)


def test_waiting_threads_acquire_the_lock_in_order() -> None:
    lock, order = FairLock(), []
    assert lock.acquire(0)

    def wait(name: int) -> None:
        assert lock.acquire(TIMEOUT_SECONDS)
        order.append(name)
        lock.release()

    threads = []
    for name in range(5):
        threads.append(threading.Thread(target=wait, args=(name,)))
        threads[-1].start()
        wait_for_waiters(lock, name + 1)
    lock.release()
    for thread in threads:
        thread.join(TIMEOUT_SECONDS)
    assert order == [0, 1, 2, 3, 4]
    assert lock.acquire(0)


def test_a_thread_that_timed_out_does_not_get_the_lock() -> None:
    lock = FairLock()
    assert lock.acquire(0)
    assert not lock.acquire(0.01)
    lock.release()
    assert lock.acquire(0)


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_writer_that_times_out_raises_a_locked_error(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "BUSY_TIMEOUT_MS", 10)
    with app.app_context():
        assert WRITE_LOCKS[db.engine].acquire(TIMEOUT_SECONDS)
        try:
            with pytest.raises(OperationalError, match="locked"), write_transaction():
                pass
        finally:
            WRITE_LOCKS[db.engine].release()
        with write_transaction():
            pass
