"""The demo account: credentials that work, consistent batches, and no second account."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from portal.accounts import query
from portal.accounts.passwords import verify_password
from portal.calls import query as calls_query
from portal.demo import actions as demo_actions
from portal.demo import samples
from portal.demo.samples import SEED, sample_calls, sample_plans
from portal.extensions import db
from portal.live import live_batches, live_calls
from portal.models import Attempt, Batch, BatchLogEntry, QueueStatus, Scope, User
from portal.times import DAY_MS, now_ms
from tests.support.builders import Builder
from tests.support.dialers import running_dialer

EMAIL = "demo@example.com"


@pytest.fixture
def run(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function that runs the command without HOST and PORT in the environment."""
    monkeypatch.delenv("HOST", raising=False)
    monkeypatch.delenv("PORT", raising=False)

    def run(*options: str) -> Any:
        result = app.test_cli_runner().invoke(args=["demo", *options])
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        return result

    return run


SMALL_PLANS = [replace(plan, size=3) for plan in sample_plans(random.Random(SEED), now_ms())[:12]]


@pytest.fixture
def small_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the demo small, for tests that are not about its batches."""
    monkeypatch.setattr(demo_actions, "sample_plans", lambda _rng, _now: SMALL_PLANS)


def credentials(result: Any) -> dict[str, str]:
    """Return the printed address, email, password, token and URL of the list."""
    pattern = (
        r"Address +(?P<address>\S+)\nEmail +(?P<email>\S+)\nPassword +(?P<password>\S+)\n"
        r".*\ncurl -H 'Authorization: Bearer (?P<token>\S+)' '(?P<listing>\S+)'\n$"
    )
    return re.search(pattern, result.stdout).groupdict()


def demo_user(app: Flask) -> User:
    with app.app_context():
        return query.find_user_by_email(EMAIL)


def fetch_list(app: Flask, access: dict[str, str]) -> Any:
    path = access["listing"].removeprefix(access["address"])
    return app.test_client().get(path, headers={"Authorization": f"Bearer {access['token']}"})


@pytest.mark.usefixtures("small_demo")
def test_the_printed_credentials_work(app: Flask, run: Callable[..., Any]) -> None:
    access = credentials(run())
    assert access["address"] == "http://127.0.0.1:8000"
    assert access["email"] == EMAIL
    assert re.fullmatch(r"([a-z2-9]{4}-){3}[a-z2-9]{4}", access["password"])
    user = demo_user(app)
    assert verify_password(access["password"], user.password_hash)
    assert user.zone == "UTC"
    listed = fetch_list(app, access)
    assert listed.status_code == 200
    assert len(listed.json["data"]["batches"]) == 10
    with app.app_context():
        (token,) = query.list_tokens(user.key)
        assert (token.name, token.scopes) == ("demo", " ".join(Scope))


@pytest.mark.usefixtures("small_demo")
@pytest.mark.parametrize(
    ("host", "port", "address"),
    [
        ("127.0.0.1", "9000", "http://127.0.0.1:9000"),
        ("::1", "8000", "http://[::1]:8000"),
        ("", "", "http://127.0.0.1:8000"),
    ],
)
def test_the_address_comes_from_the_environment(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, host: str, port: str, address: str
) -> None:
    monkeypatch.setenv("HOST", host)
    monkeypatch.setenv("PORT", port)
    assert credentials(run())["address"] == address


@pytest.mark.usefixtures("small_demo")
@pytest.mark.parametrize(
    ("variable", "value"), [("HOST", "0.0.0.0"), ("HOST", "::"), ("HOST", "192.0.2.1"), ("PROXIES", "1")]
)
def test_a_portal_that_is_open_to_a_network_gets_no_demo_account_unasked(
    app: Flask, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert f"{variable}={value}" in run("--first-time").stdout
    refused = app.test_cli_runner().invoke(args=["demo"])
    assert (refused.exit_code, "--yes" in refused.stderr, demo_user(app)) == (1, True, None)
    assert fetch_list(app, credentials(run("--yes"))).status_code == 200


@pytest.mark.usefixtures("small_demo")
def test_a_database_with_other_accounts_gets_no_demo_account_unasked(
    app: Flask, owner: User, run: Callable[..., Any]
) -> None:
    refused = app.test_cli_runner().invoke(args=["demo"])
    assert (refused.exit_code, demo_user(app)) == (1, None)
    assert refused.stderr.startswith("Error: This database has other accounts")
    credentials(run("--yes"))
    with app.app_context():
        (token,) = query.list_tokens(demo_user(app).key)
    assert 29 * DAY_MS < token.expires_at - now_ms() <= 30 * DAY_MS


def test_every_batch_is_consistent_with_its_calls(app: Flask, run: Callable[..., Any]) -> None:
    run()
    owner, now = demo_user(app), now_ms()
    statuses: Counter[str] = Counter()
    with app.app_context():
        oldest_first = live_batches(owner.key).order_by(Batch.created_at)
        batches = db.session.execute(oldest_first).scalars().all()
        for batch in batches:
            outcomes = calls_query.count_statuses(owner.key, batch.id)
            picked = outcomes["completed"] + outcomes["dropped"] + outcomes["in-progress"]
            calls = db.session.execute(live_calls(owner.key, batch.id)).scalars().all()
            assert batch.total_calls == sum(outcomes.values())
            assert batch.calls_called == sum(call.attempts > 0 for call in calls)
            assert (batch.calls_picked, batch.calls_completed) == (picked, outcomes["completed"])
            open_calls = outcomes["pending"] + outcomes["dialing"] + outcomes["in-progress"]
            assert (open_calls > 0) == (batch.status in ("active", "paused", "pending", "stopped"))
            assert batch.status == "active" or not outcomes["dialing"] + outcomes["in-progress"]
            assert batch.calls_called == 0 or batch.status != "pending"
            statuses[batch.status] += 1
        assert set(statuses) == set(QueueStatus)
        assert 55 <= len(batches) <= 65
        assert statuses["completed"] > 40
        assert max(batch.updated_at for batch in batches if batch.status == "active") > now - 3 * 60_000
        assert all(batch.created_at <= batch.updated_at <= now for batch in batches)
        assert min(batch.created_at for batch in batches) > now - 430 * DAY_MS
        entries = db.session.execute(db.select(BatchLogEntry)).scalars().all()
        assert {entry.batch_key: entry.details for entry in entries} == {
            batch.key: {"calls": batch.total_calls} for batch in batches
        }
        assert {(entry.user_key, entry.way, entry.what) for entry in entries} == {(owner.key, "command", "created")}
        attempts = Counter(db.session.execute(db.select(Attempt.call_key)).scalars())
        everything = db.session.execute(live_calls(owner.key)).scalars().all()
        assert {call.key: call.attempts for call in everything if call.attempts} == attempts
        assert any(call.next_at for call in everything)
        calls = db.session.execute(live_calls(owner.key, batches[0].id)).scalars().all()
        assert all(re.fullmatch(r"\+1[2-9]\d\d55501\d\d", call.phone_number) for call in calls)
        assert all(call.fields.keys() == {"name", "city", "segment"} for call in calls)


def test_samples_differ_only_in_their_times_and_repeat_no_name_and_no_number() -> None:
    now = 1_746_100_800_000
    rng = random.Random(SEED)
    plans, later = sample_plans(rng, now), sample_plans(random.Random(SEED), now + 1_000)
    assert [plan.size for plan in plans] == [plan.size for plan in later]
    assert len({plan.name for plan in plans}) == len(plans)
    assert [plan.created_at for plan in plans] == sorted(plan.created_at for plan in plans)
    assert any(not plan.name.isascii() for plan in plans)
    for plan in plans:
        calls = [call for call, _attempts in sample_calls(rng, plan, 1)]
        assert 40 <= len(calls) == plan.size <= 900
        assert len({call["phone_number"] for call in calls}) == len(calls)
        events = [call["last_event_at"] for call in calls if call["last_event_at"]]
        assert max(events, default=plan.ended_at) == plan.ended_at
        assert min(events, default=plan.created_at) >= plan.created_at


@pytest.mark.usefixtures("small_demo")
def test_a_second_run_creates_new_credentials_but_no_batches(app: Flask, run: Callable[..., Any]) -> None:
    first = credentials(run())
    total = fetch_list(app, first).json["data"]["pagination"]["total"]
    result = run()
    assert "already exists" in result.stdout
    second = credentials(result)
    assert second["password"] != first["password"]
    assert second["token"] != first["token"]
    user = demo_user(app)
    assert verify_password(second["password"], user.password_hash)
    assert not verify_password(first["password"], user.password_hash)
    assert fetch_list(app, second).json["data"]["pagination"]["total"] == total


@pytest.mark.usefixtures("small_demo")
def test_first_time_creates_the_demo_once(app: Flask, run: Callable[..., Any]) -> None:
    assert fetch_list(app, credentials(run("--first-time"))).status_code == 200
    assert run("--first-time").stdout == ""


def test_first_time_does_nothing_if_an_account_exists(app: Flask, owner: User, run: Callable[..., Any]) -> None:
    assert run("--first-time").stdout == ""
    assert demo_user(app) is None


@pytest.mark.usefixtures("small_demo")
def test_a_failed_run_creates_no_account(app: Flask, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(demo_actions.accounts, "add_token", fail)
        result = app.test_cli_runner().invoke(args=["demo", "--first-time"])
        assert result.exit_code == 1
    assert demo_user(app) is None
    assert fetch_list(app, credentials(run("--first-time"))).status_code == 200


def test_a_disabled_demo_account_is_not_enabled(app: Flask, build: Builder) -> None:
    build.create_user("demo", disabled_at=now_ms())
    result = app.test_cli_runner().invoke(args=["demo"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: email: the account demo@example.com is disabled\n"


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_pending_batch_is_dialed_to_its_end_and_calls_no_one(
    app: Flask, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (plan,) = [plan for plan in sample_plans(random.Random(SEED), now_ms()) if plan.name == "VIP preview: 100% fibre"]
    monkeypatch.setattr(demo_actions, "sample_plans", lambda _rng, _now: [replace(plan, size=12)])
    monkeypatch.setattr(samples, "SIMULATED_DELAY_SECONDS", 0)
    monkeypatch.setitem(samples.SIMULATOR_SETTINGS, "answer", 0.2)
    access = credentials(run())
    client, headers = app.test_client(), {"Authorization": f"Bearer {access['token']}"}
    (batch,) = fetch_list(app, access).json["data"]["batches"]
    (trunk,) = client.get("/api/call/trunks", headers=headers).json["data"]["trunks"]
    assert trunk["kind"] == "simulator"
    body = {"batchId": batch["_id"], "userId": demo_user(app).id}
    assert client.post("/api/call/start-calling", json=body, headers=headers).status_code == 200
    with running_dialer(app):
        deadline = time.monotonic() + 60
        while fetch_list(app, access).json["data"]["batches"][0]["queue_status"] != "completed":
            assert time.monotonic() < deadline
            time.sleep(0.1)
    attempts = client.get(f"/api/call/attempts/{batch['_id']}?limit=100", headers=headers).json["data"]["attempts"]
    assert {attempt["number"] for attempt in attempts} > {1}
