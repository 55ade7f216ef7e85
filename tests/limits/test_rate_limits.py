"""Rate limits by token, by address, across processes, and without a database."""

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
from portal.limits.rate_limits import RATE_EXTENSION, address_network, create_rate_limit
from portal.models import User
from tests.support.builders import Builder
from tests.support.statements import record_statements

NOW = 1_746_100_800.0


@pytest.fixture
def limit(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Return a function that sets a limit for a window of ten seconds; the clock does not move."""
    monkeypatch.setattr(rate_limits, "time", SimpleNamespace(time=lambda: NOW))
    monkeypatch.setattr(rate_limits, "now_ms", lambda: int(NOW * 1000))
    return lambda by, amount: monkeypatch.setitem(app.extensions[RATE_EXTENSION], by, create_rate_limit(by, amount))


def test_a_token_over_its_limit_gets_429(api: Callable, build: Builder, owner: User, limit: Callable) -> None:
    build.create_batch(owner)
    limit("token", 3)
    answers = [api() for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["RateLimit-Policy"] for answer in answers] == ['"token";q=3;w=10'] * 5
    assert [answer.headers["RateLimit"] for answer in answers] == [
        f'"token";r={remaining};t=10' for remaining in (2, 1, 0, 0, 0)
    ]
    refused = answers[-1]
    assert refused.headers["Retry-After"] == "10"
    assert (refused.json["code"], refused.json["status"], refused.json["data"]) == (429, False, None)


def test_each_token_has_its_own_limit(
    client: FlaskClient, build: Builder, owner: User, stranger: User, limit: Callable
) -> None:
    limit("token", 1)
    limit("address", 1)
    for user in (owner, stranger):
        token, other = build.create_token(user), build.create_token(user)
        for each in (token, other):
            headers = {"Authorization": f"Bearer {each}"}
            address = f"/api/call/batches/{user.id}"
            assert [client.get(address, headers=headers).status_code for _ in range(2)] == [404, 429]


@pytest.mark.parametrize("address", ["/login", "/batches", "/nowhere", "/api/nowhere", "/api/openapi.json"])
def test_an_address_over_its_limit_gets_429_everywhere(
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


def test_a_valid_token_is_not_limited_by_its_address(
    client: FlaskClient, api: Callable, build: Builder, owner: User, limit: Callable
) -> None:
    """A client with an invalid token must not block the others in its office, which share its address."""
    build.create_batch(owner)
    limit("address", 1)
    answers = [client.get(f"/api/call/batches/{owner.id}") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 429, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"address";q=1;w=10'
    assert api().status_code == 200


def test_static_files_and_health_checks_are_not_counted(client: FlaskClient, limit: Callable) -> None:
    limit("address", 1)
    for address in ("/static/portal.css", "/healthz", "/readyz") * 2:
        with client.get(address) as answer:
            assert answer.status_code == 200
    assert client.get("/login").status_code == 200


def test_forwarded_headers_do_not_change_the_address(client: FlaskClient, limit: Callable) -> None:
    limit("address", 3)
    for number in range(3):
        forwarded = {"X-Forwarded-For": f"192.0.2.{number}", "Forwarded": f"for=192.0.2.{number}"}
        assert client.get("/login", headers=forwarded).status_code == 200
    assert client.get("/login", headers={"X-Forwarded-For": "192.0.2.9"}).status_code == 429


def test_without_a_limit_there_are_no_headers(api: Callable) -> None:
    assert not [name for name, _ in api().headers if name.startswith("RateLimit")]


def is_allowed(rate: rate_limits.RateLimit) -> bool:
    """Count one more request and return whether it is allowed."""
    try:
        rate.count("key", SimpleNamespace())
    except TooManyRequests:
        return False
    return True


def test_processes_share_a_limit_up_to_one_step_each(app: Flask, limit: Callable) -> None:
    processes = [create_rate_limit("token", 100) for _ in range(3)]
    step = processes[0].windows.step
    with app.app_context():
        allowed = sum(is_allowed(processes[number % 3]) for number in range(600))
    assert 100 <= allowed <= 100 + 3 * step
    assert step == 5


def test_requests_far_below_or_above_the_limit_cost_no_statement(app: Flask, limit: Callable) -> None:
    rate = create_rate_limit("token", 1000)
    with app.app_context(), record_statements(app) as executed:
        for _ in range(49):
            assert is_allowed(rate)
    assert executed == []
    with app.app_context(), record_statements(app) as executed:
        assert sum(is_allowed(rate) for _ in range(3000)) == 951
    upserts = [statement for statement, _ in executed if "counters" in statement and statement.startswith("INSERT")]
    assert len(upserts) == 20


def test_without_a_database_each_process_counts_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_counters, "try_increment", lambda *_: None)
    rate = create_rate_limit("token", 40)
    assert [is_allowed(rate) for _ in range(45)] == [True] * 40 + [False] * 5


def create_counters(shared: Any = None) -> FixedWindowCounters:
    return FixedWindowCounters(lambda *_: shared, seconds=10, step=2, maximum=100)


def test_a_new_window_starts_at_zero() -> None:
    counters = create_counters()
    assert [counters.count("a", NOW).count for _ in range(3)] == [1, 2, 3]
    assert counters.count("a", NOW + 9.9).count == 4
    assert counters.count("a", NOW + 10).count == 1


def test_a_clock_that_is_set_back_starts_a_new_window() -> None:
    counters = create_counters()
    counters.count("a", NOW)
    assert counters.count("a", NOW - 3600) == FixedWindow(NOW - 3590, 1, 1)


def test_counts_of_other_processes_are_included() -> None:
    counters = create_counters((50, NOW + 4))
    assert counters.count("a", NOW).count == 1
    window = counters.count("a", NOW)
    assert (window.count, window.ends_at) == (50, NOW + 4)


def test_the_number_of_windows_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.limits.fixed_windows.MAX_WINDOWS", 10)
    counters = create_counters()
    for number in range(100):
        counters.count(str(number), NOW)
    assert len(counters.windows) <= 10
    assert counters.count("99", NOW).count == 2


def test_an_ipv6_network_counts_as_one_address() -> None:
    assert (
        address_network("2001:db8:1:2:3::4")
        == address_network("2001:db8:1:2:ffff::1")
        != address_network("2001:db8:1:3::1")
    )
    assert address_network("::ffff:192.0.2.1") == address_network("192.0.2.1") == "192.0.2.1"
    assert address_network("fe80::1%eth0") == address_network("fe80::2")


def test_the_openapi_document_describes_the_headers(client: FlaskClient) -> None:
    document = client.get("/api/openapi.json").json
    for operation in [operation for path in document["paths"].values() for operation in path.values()]:
        assert "Retry-After" in operation["responses"]["429"]["headers"]
        assert all(
            {"RateLimit", "RateLimit-Policy"} <= response["headers"].keys()
            for response in operation["responses"].values()
        )
    assert re.search(r"q=\d+;w=\d+", document["components"]["headers"]["RateLimit-Policy"]["description"])
