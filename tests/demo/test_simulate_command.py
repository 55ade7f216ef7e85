"""The simulate command: complete simulations, and the batches and options that it refuses."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.models import CallEvent, Token, User
from portal.times import now_ms
from tests.calls.samples import counts
from tests.demo.simulations import CALLS, TIMEOUT_SECONDS, has_no_differences, rows, tokens
from tests.support.builders import Builder

MINUTE = 60_000


@pytest.fixture
def logs(call_api: Callable) -> Callable[[str], list[list[dict[str, Any]]]]:
    """Return a function that returns the phoneLogs of each call in batch-details."""

    def logs(batch_id: str) -> list[list[dict[str, Any]]]:
        data = call_api(f"batch-details/{batch_id}", query_string={"limit": 100}).json["data"]
        return [call["phoneLogs"] for call in data["data"]]

    return logs


# --- complete simulations ---------------------------------------------------------------------------------------------


def test_a_simulation_completes_the_batch_with_consistent_counts(
    app: Flask, simulate: Callable, create_active: Callable, listed: Callable, logs: Callable, owner: User
) -> None:
    batch = create_active()
    result = simulate(batch.id, "--rate", "0", "--seed", "3")
    assert (result.exit_code, result.stderr) == (0, "")
    ends = Counter(call[-1]["callStatus"] for call in logs(batch.id))
    picked = ends["completed"] + ends["dropped"]
    assert ends.total() == CALLS
    assert len(ends) >= 4
    assert counts(listed(batch.id)) == (CALLS, picked, ends["completed"], "completed")
    assert result.stdout.startswith(f"60 calls: {picked} picked up, {ends['completed']} completed, ")
    printed = {label: int(count) for count, label in re.findall(r"(\d+) ([a-z ]+)", result.stdout)}
    assert [printed.get(label, 0) for label in ("dropped", "no answer", "busy", "failed")] == [
        ends[status] for status in ("dropped", "no-answer", "busy", "failed")
    ]
    assert result.stdout.count("\n") == 1
    assert "555" not in result.output
    assert has_no_differences(app)
    assert tokens(app, owner) == []


def test_rate_0_spreads_the_events_over_the_last_hour(
    app: Flask, simulate: Callable, create_active: Callable, logs: Callable
) -> None:
    batch = create_active()
    before = now_ms()
    assert simulate(batch.id, "--rate", "0", "--seed", "3").exit_code == 0
    at = [event.occurred_at for event in rows(app, CallEvent)]
    assert before - 60 * MINUTE <= min(at) <= before - 59 * MINUTE
    assert before - MINUTE <= max(at) <= now_ms()
    picked = sorted(event.occurred_at for event in rows(app, CallEvent) if event.status == "in-progress")
    assert picked[-1] - picked[0] > 40 * MINUTE
    for call in logs(batch.id):
        assert len(call) == 1
        assert (call[-1]["callDuration"] > 0) == (call[-1]["callStatus"] in ("completed", "dropped"))


def test_a_rate_limits_the_speed(app: Flask, simulate: Callable, create_active: Callable, listed: Callable) -> None:
    """It must not be faster than the rate; a slow machine may take longer, but far less than calls in real time."""
    batch = create_active()
    before, began = now_ms(), time.monotonic()
    assert simulate(batch.id, "--rate", "40").exit_code == 0
    assert 1.3 < time.monotonic() - began < TIMEOUT_SECONDS
    assert listed(batch.id)["queue_status"] == "completed"
    at = [event.occurred_at for event in rows(app, CallEvent)]
    assert before <= min(at)
    assert max(at) <= now_ms()
    assert max(at) - min(at) > 1000


def test_the_same_seed_gives_the_same_outcomes_but_new_events(
    simulate: Callable, create_active: Callable, logs: Callable, app: Flask
) -> None:
    batches = [create_active(), create_active(), create_active()]
    outputs = [
        simulate(batch.id, "--rate", "0", "--seed", seed).stdout for batch, seed in zip(batches, "778", strict=True)
    ]
    ends = [[(call[-1]["callStatus"], call[-1]["callDuration"]) for call in logs(batch.id)] for batch in batches]
    assert (outputs[0], ends[0]) == (outputs[1], ends[1])
    assert ends[0] != ends[2]
    attempts = Counter((event.call_key, event.attempt_number) for event in rows(app, CallEvent))
    assert len(attempts) == 3 * CALLS
    assert set(attempts.values()) == {2, 3}  # dialing, perhaps in progress, and the end


def test_calls_are_tried_again_as_the_batch_says(
    app: Flask, run: Callable, create_active: Callable, listed: Callable, logs: Callable, build: Builder
) -> None:
    batch = create_active(20)
    build.change(batch, settings={"retry": 2, "delay": 3600})
    result = run(batch.id, "--rate", "0", "--answer", "0", "--seed", "5")
    calls = logs(batch.id)
    assert result.stdout.startswith(f"20 calls, {sum(map(len, calls))} attempts: 0 picked up")
    for call in calls:
        *retried, last = [log["callStatus"] for log in call]
        assert set(retried) <= {"busy", "no-answer"}
        assert last == "failed" or len(call) == 3
    assert listed(batch.id)["queue_status"] == "completed"
    assert has_no_differences(app)


@pytest.mark.parametrize("answer", ["0", "1"])
def test_an_answer_rate_of_0_or_1_gives_no_answers_or_only_answers(
    simulate: Callable, create_active: Callable, listed: Callable, logs: Callable, answer: str
) -> None:
    batch = create_active()
    assert f"60 calls: {60 * int(answer)} picked up" in simulate(batch.id, "--rate", "0", "--answer", answer).stdout
    assert listed(batch.id)["callsPicked"] == 60 * int(answer)
    ends = {call[-1]["callStatus"] for call in logs(batch.id)}
    assert ends <= ({"completed", "dropped"} if answer == "1" else {"no-answer", "busy", "failed"})


def test_a_batch_with_several_pages_of_calls_and_ended_calls_is_completed(
    app: Flask, simulate: Callable, create_active: Callable, build: Builder, owner: User, listed: Callable
) -> None:
    batch = build.create_batch(owner, total_calls=2, calls_called=2, calls_picked=1)
    build.create_call(batch, phone_number="+12025550101", status="busy")
    build.create_call(batch, phone_number="+12025550102", status="in-progress")  # left by an interrupted simulation
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "create_batch", lambda *_: batch)
        create_active(250)
    result = simulate(batch.id, "--rate", "0", "--answer", "1")
    assert result.stdout.startswith("251 calls: 251 picked up")
    assert counts(listed(batch.id))[:2] == (252, 251)
    assert listed(batch.id)["queue_status"] == "completed"
    assert has_no_differences(app)


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["pending", "paused", "stopped", "completed"])
def test_a_batch_that_is_not_active_is_refused_with_a_hint(
    app: Flask, simulate: Callable, build: Builder, owner: User, status: str
) -> None:
    batch = build.create_batch(owner, status=status, total_calls=1)
    build.create_call(batch)
    result = simulate(batch.id)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: This batch is {status}. Start it on its page or with POST ")
    assert rows(app, Token) == []


def test_a_batch_without_open_calls_is_refused_with_a_hint(simulate: Callable, build: Builder, owner: User) -> None:
    batch = build.create_batch(owner, status="completed", total_calls=1, calls_called=1)
    build.create_call(batch, status="busy")
    result = simulate(batch.id)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no calls left. Add calls" in result.stderr


def test_an_unknown_batch_is_reported(app: Flask, simulate: Callable, build: Builder, owner: User) -> None:
    deleted = build.create_batch(owner, status="active", deleted=True)
    for batch_id, message in [
        ("0" * 24, "Error: Batch 000000000000000000000000 does not exist or is deleted\n"),
        (deleted.id, f"Error: Batch {deleted.id} does not exist or is deleted\n"),
        ("nonsense", "Error: BATCH must be an id: 24 hexadecimal characters\n"),
    ]:
        result = simulate(batch_id)
        assert (result.exit_code, result.stdout, result.stderr) == (1, "", message)
    assert rows(app, Token) == []


def test_a_disabled_account_is_reported(
    simulate: Callable, create_active: Callable, build: Builder, owner: User
) -> None:
    batch = create_active(1)
    build.change(owner, disabled_at=1)
    result = simulate(batch.id)
    assert result.exit_code == 1
    assert result.stderr == "Error: The account owner@example.com is disabled. Enable it first\n"


@pytest.mark.parametrize(
    "option", ["--rate=-1", "--rate=nan", "--rate=inf", "--answer=1.1", "--answer=nan", "--seed=x"]
)
def test_an_invalid_number_is_wrong_usage(app: Flask, simulate: Callable, create_active: Callable, option: str) -> None:
    result = simulate(create_active(1).id, option)
    assert result.exit_code == 2
    assert option.partition("=")[0] in result.stderr
    assert rows(app, CallEvent) == []
