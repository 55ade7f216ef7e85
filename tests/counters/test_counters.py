"""Counts that all workers share: windows begin, add up, and begin anew."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from portal.counters import actions
from portal.extensions import db
from portal.models import Counter

NOW = 1_746_100_800_000


def test_a_window_adds_up_until_it_ends_and_then_begins_anew(app: Flask) -> None:
    with app.app_context():
        assert actions.add("a", 2, 10, NOW) == (2, NOW + 10_000)
        assert actions.add("a", 3, 10, NOW + 9_999) == (5, NOW + 10_000)
        assert actions.add("a", 0, 10, NOW + 9_999) == (5, NOW + 10_000)
        assert actions.add("b", 1, 10, NOW + 9_999) == (1, NOW + 19_999)
        assert actions.add("a", 1, 10, NOW + 10_000) == (1, NOW + 20_000)


def test_a_forgotten_count_begins_anew(app: Flask) -> None:
    with app.app_context():
        actions.add("a", 2, 10, NOW)
        actions.forget("a")
        assert actions.add("a", 1, 10, NOW) == (1, NOW + 10_000)


def test_what_has_ended_is_swept_away_now_and_then(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "SWEEP_ONE_IN", 1)
    with app.app_context():
        actions.add("old", 1, 10, NOW)
        actions.add("new", 1, 10, NOW + 60_000)
        assert [row.bucket for row in db.session.query(Counter)] == ["new"]


def test_many_at_once_lose_no_count(app: Flask) -> None:
    def add(_: int) -> int:
        with app.app_context():
            return actions.add("busy", 1, 60, NOW)[0]

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(add, range(40))) == list(range(1, 41))
