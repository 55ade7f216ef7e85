"""Counts that all workers share: windows start, add up, and end."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from portal.extensions import db
from portal.limits import shared_counters
from portal.models import SharedCounter

NOW = 1_746_100_800_000


def test_a_window_adds_up_until_it_ends(app: Flask) -> None:
    with app.app_context():
        assert shared_counters.increment("a", 2, 10, NOW) == (2, NOW + 10_000)
        assert shared_counters.increment("a", 3, 10, NOW + 9_999) == (5, NOW + 10_000)
        assert shared_counters.increment("a", 0, 10, NOW + 9_999) == (5, NOW + 10_000)
        assert shared_counters.increment("b", 1, 10, NOW + 9_999) == (1, NOW + 19_999)
        assert shared_counters.increment("a", 1, 10, NOW + 10_000) == (1, NOW + 20_000)


def test_a_reset_bucket_starts_at_zero(app: Flask) -> None:
    with app.app_context():
        shared_counters.increment("a", 2, 10, NOW)
        shared_counters.reset_bucket("a")
        assert shared_counters.increment("a", 1, 10, NOW) == (1, NOW + 10_000)


def test_expired_windows_are_deleted(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_counters, "SWEEP_ONE_IN", 1)
    with app.app_context():
        shared_counters.increment("old", 1, 10, NOW)
        shared_counters.increment("new", 1, 10, NOW + 60_000)
        assert [row.bucket for row in db.session.query(SharedCounter)] == ["new"]


def test_concurrent_increments_lose_no_count(app: Flask) -> None:
    def add(_: int) -> int:
        with app.app_context():
            return shared_counters.increment("busy", 1, 60, NOW)[0]

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(add, range(40))) == list(range(1, 41))
