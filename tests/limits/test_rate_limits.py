"""How many requests pass: by token, by address, over several processes, and with the database away."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import TooManyRequests

from portal.limits import rate_limits, shared_counters
from portal.limits.fixed_windows import FixedWindow, FixedWindowCounters
from portal.limits.rate_limits import RATE_EXTENSION, address_network, make_rate_limit
from portal.models import User
from tests.guards.test_statements import statements
from tests.support.builders import Builder

NOW = 1_746_100_800.0


@pytest.fixture
def limit(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Sets a limit of so many in ten seconds, in which time stands still."""
    monkeypatch.setattr(rate_limits, "time", SimpleNamespace(time=lambda: NOW))
    monkeypatch.setattr(rate_limits, "now_ms", lambda: int(NOW * 1000))
    return lambda by, amount: monkeypatch.setitem(app.extensions[RATE_EXTENSION], by, make_rate_limit(by, amount))


def test_a_token_over_its_limit_waits(api: Callable, build: Builder, owner: User, limit: Callable) -> None:
    build.create_batch(owner)
    limit("token", 3)
    answers = [api() for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["RateLimit-Policy"] for answer in answers] == ['"token";q=3;w=10'] * 5
    assert [answer.headers["RateLimit"] for answer in answers] == [f'"token";r={left};t=10' for left in (2, 1, 0, 0, 0)]
    refused = answers[-1]
    assert refused.headers["Retry-After"] == "10"
    assert (refused.json["code"], refused.json["status"], refused.json["data"]) == (429, False, None)


def test_one_token_does_not_use_up_anothers(
    client: FlaskClient, build: Builder, owner: User, stranger: User, limit: Callable
) -> None:
    limit("token", 1)
    limit("address", 1)
    for user in (owner, stranger):
        token, other = build.create_token(user), build.create_token(user)
        for one in (token, other):
            headers = {"Authorization": f"Bearer {one}"}
            address = f"/api/call/batches/{user.id}"
            assert [client.get(address, headers=headers).status_code for _ in range(2)] == [404, 429]


@pytest.mark.parametrize("address", ["/login", "/batches", "/nowhere", "/api/nowhere", "/api/openapi.json"])
def test_an_address_over_its_limit_waits_wherever_it_asks(
    client: FlaskClient, owner: User, limit: Callable, address: str
) -> None:
    limit("address", 2)
    first, second, third = (client.get(address) for _ in range(3))
    assert 429 not in (first.status_code, second.status_code)
    assert third.status_code == 429
    assert third.headers["Retry-After"] == "10"
    assert ("RateLimit" in third.headers) == address.startswith("/api/")
    assert third.is_json == address.startswith("/api/")
    if not third.is_json:
        assert "Too many requests" in third.text
    assert client.get(f"/api/call/batches/{owner.id}", headers={"X-Api-Key": "bad"}).status_code == 429


def test_a_good_token_is_never_refused_for_its_address(
    client: FlaskClient, api: Callable, build: Builder, owner: User, limit: Callable
) -> None:
    """One office behind one address: a program with a wrong token must not stop the others."""
    build.create_batch(owner)
    limit("address", 1)
    answers = [client.get(f"/api/call/batches/{owner.id}") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 429, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"address";q=1;w=10'
    assert api().status_code == 200


def test_files_and_watchers_are_not_counted(client: FlaskClient, limit: Callable) -> None:
    limit("address", 1)
    for address in ("/static/styles/base.css", "/healthz", "/readyz") * 2:
        with client.get(address) as answer:
            assert answer.status_code == 200
    assert client.get("/login").status_code == 200


def test_what_a_sender_says_of_its_address_counts_for_nothing(client: FlaskClient, limit: Callable) -> None:
    limit("address", 3)
    for number in range(3):
        forwarded = {"X-Forwarded-For": f"192.0.2.{number}", "Forwarded": f"for=192.0.2.{number}"}
        assert client.get("/login", headers=forwarded).status_code == 200
    assert client.get("/login", headers={"X-Forwarded-For": "192.0.2.9"}).status_code == 429


def test_no_limit_no_headers(api: Callable) -> None:
    assert not [name for name, _ in api().headers if name.startswith("RateLimit")]


def passed(rate: rate_limits.RateLimit) -> bool:
    """Whether one more request gets through."""
    try:
        rate.count("somebody", SimpleNamespace())
    except TooManyRequests:
        return False
    return True


def test_several_processes_share_a_limit_up_to_a_step_each(app: Flask, limit: Callable) -> None:
    processes = [make_rate_limit("token", 100) for _ in range(3)]
    step = processes[0].windows.step
    with app.app_context():
        through = sum(passed(processes[number % 3]) for number in range(600))
    assert 100 <= through <= 100 + 3 * step
    assert step == 5


def test_who_is_polite_costs_no_statement_and_who_is_refused_neither(app: Flask, limit: Callable) -> None:
    rate = make_rate_limit("token", 1000)
    with app.app_context(), statements(app) as asked:
        for _ in range(49):
            assert passed(rate)
    assert asked == []
    with app.app_context(), statements(app) as asked:
        assert sum(passed(rate) for _ in range(3000)) == 951
    upserts = [one for one in asked if "counters" in one and one.startswith("INSERT")]
    assert len(upserts) == 20


def test_a_database_that_is_away_leaves_each_process_its_own_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_counters, "try_increment", lambda *_: None)
    rate = make_rate_limit("token", 40)
    assert [passed(rate) for _ in range(45)] == [True] * 40 + [False] * 5


def windows(told: Any = None) -> FixedWindowCounters:
    return FixedWindowCounters(lambda *_: told, seconds=10, step=2, enough=100)


def test_a_window_ends_and_the_next_begins_anew() -> None:
    mine = windows()
    assert [mine.count("a", NOW).count for _ in range(3)] == [1, 2, 3]
    assert mine.count("a", NOW + 9.9).count == 4
    assert mine.count("a", NOW + 10).count == 1


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    mine = windows()
    mine.count("a", NOW)
    assert mine.count("a", NOW - 3600) == FixedWindow(NOW - 3590, 1, 1)


def test_what_others_have_counted_is_taken_over() -> None:
    mine = windows((50, NOW + 4))
    assert mine.count("a", NOW).count == 1
    window = mine.count("a", NOW)
    assert (window.count, window.ends_at) == (50, NOW + 4)


def test_memory_stays_bounded_however_many_addresses_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.limits.fixed_windows.MAX_WINDOWS", 10)
    mine = windows()
    for number in range(100):
        mine.count(str(number), NOW)
    assert len(mine.windows) <= 10
    assert mine.count("99", NOW).count == 2


def test_an_ipv6_network_is_one_caller() -> None:
    assert (
        address_network("2001:db8:1:2:3::4")
        == address_network("2001:db8:1:2:ffff::1")
        != address_network("2001:db8:1:3::1")
    )
    assert address_network("::ffff:192.0.2.1") == address_network("192.0.2.1") == "192.0.2.1"
    assert address_network("fe80::1%eth0") == address_network("fe80::2")


def test_the_document_tells_the_limits(client: FlaskClient) -> None:
    document = client.get("/api/openapi.json").json
    for operation in [one for path in document["paths"].values() for one in path.values()]:
        assert "Retry-After" in operation["responses"]["429"]["headers"]
        assert all(
            {"RateLimit", "RateLimit-Policy"} <= told["headers"].keys() for told in operation["responses"].values()
        )
    assert re.search(r"q=\d+;w=\d+", document["components"]["headers"]["RateLimit-Policy"]["description"])
