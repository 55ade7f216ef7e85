"""The simulate command while its batch is stopped, deleted or paused, and after failures."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from contextvars import Context
from typing import Any

import pytest
from flask import Flask

from portal.demo import simulated_dialer
from portal.models import CallEvent, User
from portal.times import now_ms
from tests.calls.samples import counts
from tests.demo.simulations import TIMEOUT_SECONDS, has_no_differences, rows, tokens
from tests.support.builders import Builder


def becomes_true(condition: Callable[[], bool]) -> bool:
    """Return whether the condition becomes true before the timeout."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def start(simulate: Callable) -> Callable[[str], Any]:
    """Return a function that starts the command in the background; it returns a function that waits for the result."""

    def start(batch_id: str) -> Callable[[], Any]:
        results: list[Any] = []
        thread = threading.Thread(
            target=lambda: results.append(simulate(batch_id, "--rate", "30", "--answer", "1")), daemon=True
        )
        thread.start()

        def wait() -> Any:
            thread.join(timeout=TIMEOUT_SECONDS)
            assert not thread.is_alive()
            return results[0]

        return wait

    return start


@pytest.mark.parametrize(("action", "word"), [("stop", "stopped"), ("delete", "deleted")])
def test_stopping_or_deleting_the_batch_ends_the_simulation(
    app: Flask,
    start: Callable,
    create_active: Callable,
    call_api: Callable,
    listed: Callable,
    owner: User,
    action: str,
    word: str,
) -> None:
    batch = create_active(400)
    wait = start(batch.id)
    assert becomes_true(lambda: listed(batch.id)["callsPicked"] > 5)
    assert len(tokens(app, owner)) == 1
    if action == "stop":
        assert call_api("stop-calling", {"batchId": batch.id, "userId": owner.id}).status_code == 200
    else:
        assert call_api(f"delete-batch/{batch.id}", method="DELETE").status_code == 200
    result = wait()
    assert result.exit_code == 0, result.output
    assert re.fullmatch(rf"\d+ calls?: .* unfinished; the batch was {word}\n", result.stdout)
    assert int(result.stdout.split()[0]) < 400
    assert tokens(app, owner) == []
    if action == "delete":
        call_api(f"restore-batch/{batch.id}", method="POST")
    assert has_no_differences(app)


@pytest.fixture
def polled_statuses(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Return a list that receives the status of the batch each time the dialer polls it."""
    statuses: list[str | None] = []
    poll = simulated_dialer.SimulatedDialer.poll

    def recording_poll(dialer: simulated_dialer.SimulatedDialer) -> int:
        total = poll(dialer)
        statuses.append(dialer.status)
        return total

    monkeypatch.setattr(simulated_dialer.SimulatedDialer, "poll", recording_poll)
    return statuses


@pytest.fixture
def pause_after_first_answer(
    call_api: Callable, owner: User, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], dict[str, str]]:
    """Return a function that pauses a batch as soon as its first answered call is reported."""

    def prepare(batch_id: str) -> dict[str, str]:
        body = {"batchId": batch_id, "userId": owner.id}
        report, statuses = simulated_dialer.ApiClient.report_events, []

        def report_and_pause(api: simulated_dialer.ApiClient, events: list[dict[str, Any]]) -> Any:
            counts = report(api, events)
            statuses.extend(event["callStatus"] for event in events)
            if "in-progress" in statuses and "paused" not in statuses:
                statuses.append("paused")
                assert Context().run(call_api, "pause-calling", body).status_code == 200
            return counts

        monkeypatch.setattr(simulated_dialer.ApiClient, "report_events", report_and_pause)
        return body

    return prepare


def test_the_simulation_waits_while_the_batch_is_paused(
    app: Flask,
    start: Callable,
    create_active: Callable,
    call_api: Callable,
    listed: Callable,
    polled_statuses: list[str | None],
    pause_after_first_answer: Callable,
) -> None:
    batch = create_active(60)
    body = pause_after_first_answer(batch.id)
    wait = start(batch.id)
    assert becomes_true(lambda: polled_statuses[-1:] == ["paused"])  # events are reported before each poll
    paused_counts, paused_at = counts(listed(batch.id)), now_ms()
    assert 0 < paused_counts[1] < 60
    polled_statuses.clear()
    assert becomes_true(lambda: len(polled_statuses) == 2)
    assert counts(listed(batch.id)) == paused_counts
    resumed_at = now_ms()
    assert call_api("resume-calling", body).status_code == 200
    result = wait()
    assert result.stdout.startswith("60 calls: ")
    assert result.stderr == "The batch is paused. Waiting until it is resumed\n"
    at = [event.occurred_at for event in rows(app, CallEvent)]
    assert max(at) > resumed_at
    assert not [ms for ms in at if paused_at < ms < resumed_at]  # events do not catch up with the pause
    assert listed(batch.id)["queue_status"] == "completed"


@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError])
def test_the_token_is_revoked_after_any_failure(
    app: Flask, simulate: Callable, create_active: Callable, owner: User, monkeypatch: pytest.MonkeyPatch, failure: type
) -> None:
    def fail(*_arguments: object) -> None:
        assert len(tokens(app, owner)) == 1
        raise failure

    monkeypatch.setattr(simulated_dialer.SimulatedDialer, "report", fail)
    result = simulate(create_active().id, "--rate", "0")
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert tokens(app, owner) == []


def test_an_api_error_ends_the_simulation_with_its_message(
    app: Flask,
    simulate: Callable,
    create_active: Callable,
    owner: User,
    build: Builder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = simulated_dialer.ApiClient.report_events

    def disable_and_report(api: simulated_dialer.ApiClient, events: list) -> Any:
        build.change(owner, disabled_at=1)
        return report(api, events)

    monkeypatch.setattr(simulated_dialer.ApiClient, "report_events", disable_and_report)
    result = simulate(create_active().id, "--rate", "0")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The API responded with 401: ")
