"""The simulate command: a whole batch through the API, changes of its status, and the temporary token."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextvars import Context
from typing import Any

import pytest
from flask import Flask

from portal.accounts import query as accounts_query
from portal.demo import simulated_dialer
from portal.extensions import db
from portal.models import Batch, CallEvent, Token, User
from portal.times import now_ms
from tests.support.builders import Builder

CALLS = 60
MINUTE = 60_000
TIMEOUT_SECONDS = 60


@pytest.fixture
def run(app: Flask) -> Callable[..., Any]:
    """Return a function that runs the command: `run(batch.id, "--rate", "0")`."""
    return lambda *arguments: app.test_cli_runner().invoke(args=["simulate", *arguments])


@pytest.fixture
def create_active(build: Builder, owner: User, call_api: Callable) -> Callable[..., Batch]:
    """Return a function that creates an active batch with that many calls."""

    def create_active(calls: int = CALLS) -> Batch:
        batch = build.create_batch(owner)
        call_data = [{"phoneNumber": f"+1{201 + index // 100}55501{index % 100:02}"} for index in range(calls)]
        assert call_api("addCallsToBatch", {"batchId": batch.id, "call_data": call_data}).json["data"]["added"] == calls
        assert call_api("start-calling", {"batchId": batch.id, "userId": owner.id}).status_code == 200
        return batch

    return create_active


@pytest.fixture
def listed(api: Callable) -> Callable[[str], dict[str, Any]]:
    """Return a function that returns a batch as the list shows it."""
    return lambda batch_id: {batch["_id"]: batch for batch in api("?limit=100").json["data"]["batches"]}[batch_id]


@pytest.fixture
def logs(call_api: Callable) -> Callable[[str], list[list[dict[str, Any]]]]:
    """Return a function that returns the phoneLogs of each call in batch-details."""

    def logs(batch_id: str) -> list[list[dict[str, Any]]]:
        data = call_api(f"batch-details/{batch_id}", query_string={"limit": 100}).json["data"]
        return [call["phoneLogs"] for call in data["data"]]

    return logs


def tokens(app: Flask, owner: User) -> list[Token]:
    """Return the valid tokens of the command."""
    with app.app_context():
        return [token for token in accounts_query.list_tokens(owner.key) if token.name == "simulate"]


def rows(app: Flask, model: Any) -> list[Any]:
    with app.app_context():
        return list(db.session.execute(db.select(model)).scalars())


def has_no_differences(app: Flask) -> bool:
    return app.test_cli_runner().invoke(args=["batch", "check"]).exit_code == 0


def counts(batch: dict[str, Any]) -> tuple[int, int, int, str]:
    return batch["totalCalls"], batch["callsPicked"], batch["callsCompleted"], batch["queue_status"]


def becomes_true(condition: Callable[[], bool]) -> bool:
    """Return whether the condition becomes true before the timeout."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


# --- complete simulations ---------------------------------------------------------------------------------------------


def test_a_simulation_completes_the_batch_with_consistent_counts(
    app: Flask, run: Callable, create_active: Callable, listed: Callable, logs: Callable, owner: User
) -> None:
    batch = create_active()
    result = run(batch.id, "--rate", "0", "--seed", "3")
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
    app: Flask, run: Callable, create_active: Callable, logs: Callable
) -> None:
    batch = create_active()
    before = now_ms()
    assert run(batch.id, "--rate", "0", "--seed", "3").exit_code == 0
    at = [event.occurred_at for event in rows(app, CallEvent)]
    assert before - 60 * MINUTE <= min(at) <= before - 59 * MINUTE
    assert before - MINUTE <= max(at) <= now_ms()
    picked = sorted(event.occurred_at for event in rows(app, CallEvent) if event.status == "in-progress")
    assert picked[-1] - picked[0] > 40 * MINUTE
    for call in logs(batch.id):
        assert len(call) == 1
        assert (call[-1]["callDuration"] > 0) == (call[-1]["callStatus"] in ("completed", "dropped"))


def test_a_rate_limits_the_speed(app: Flask, run: Callable, create_active: Callable, listed: Callable) -> None:
    """It must not be faster than the rate; a slow machine may take longer, but far less than calls in real time."""
    batch = create_active()
    before, began = now_ms(), time.monotonic()
    assert run(batch.id, "--rate", "40").exit_code == 0
    assert 1.3 < time.monotonic() - began < TIMEOUT_SECONDS
    assert listed(batch.id)["queue_status"] == "completed"
    at = [event.occurred_at for event in rows(app, CallEvent)]
    assert before <= min(at)
    assert max(at) <= now_ms()
    assert max(at) - min(at) > 1000


def test_the_same_seed_gives_the_same_outcomes_but_new_events(
    run: Callable, create_active: Callable, logs: Callable, app: Flask
) -> None:
    batches = [create_active(), create_active(), create_active()]
    outputs = [run(batch.id, "--rate", "0", "--seed", seed).stdout for batch, seed in zip(batches, "778", strict=True)]
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
    run: Callable, create_active: Callable, listed: Callable, logs: Callable, answer: str
) -> None:
    batch = create_active()
    assert f"60 calls: {60 * int(answer)} picked up" in run(batch.id, "--rate", "0", "--answer", answer).stdout
    assert listed(batch.id)["callsPicked"] == 60 * int(answer)
    ends = {call[-1]["callStatus"] for call in logs(batch.id)}
    assert ends <= ({"completed", "dropped"} if answer == "1" else {"no-answer", "busy", "failed"})


def test_a_batch_with_several_pages_of_calls_and_ended_calls_is_completed(
    app: Flask, run: Callable, create_active: Callable, build: Builder, owner: User, listed: Callable
) -> None:
    batch = build.create_batch(owner, total_calls=2, calls_called=2, calls_picked=1)
    build.create_call(batch, phone_number="+12025550101", status="busy")
    build.create_call(batch, phone_number="+12025550102", status="in-progress")  # left by an interrupted simulation
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "create_batch", lambda *_: batch)
        create_active(250)
    result = run(batch.id, "--rate", "0", "--answer", "1")
    assert result.stdout.startswith("251 calls: 251 picked up")
    assert counts(listed(batch.id))[:2] == (252, 251)
    assert listed(batch.id)["queue_status"] == "completed"
    assert has_no_differences(app)


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["pending", "paused", "stopped", "completed"])
def test_a_batch_that_is_not_active_is_refused_with_a_hint(
    app: Flask, run: Callable, build: Builder, owner: User, status: str
) -> None:
    batch = build.create_batch(owner, status=status, total_calls=1)
    build.create_call(batch)
    result = run(batch.id)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: This batch is {status}. Start it on its page or with POST ")
    assert rows(app, Token) == []


def test_a_batch_without_open_calls_is_refused_with_a_hint(run: Callable, build: Builder, owner: User) -> None:
    batch = build.create_batch(owner, status="completed", total_calls=1, calls_called=1)
    build.create_call(batch, status="busy")
    result = run(batch.id)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no calls left. Add calls" in result.stderr


def test_an_unknown_batch_is_reported(app: Flask, run: Callable, build: Builder, owner: User) -> None:
    deleted = build.create_batch(owner, status="active", deleted=True)
    for batch_id, message in [
        ("0" * 24, "Error: Batch 000000000000000000000000 does not exist or is deleted\n"),
        (deleted.id, f"Error: Batch {deleted.id} does not exist or is deleted\n"),
        ("nonsense", "Error: BATCH must be an id: 24 hexadecimal characters\n"),
    ]:
        result = run(batch_id)
        assert (result.exit_code, result.stdout, result.stderr) == (1, "", message)
    assert rows(app, Token) == []


def test_a_disabled_account_is_reported(run: Callable, create_active: Callable, build: Builder, owner: User) -> None:
    batch = create_active(1)
    build.change(owner, disabled_at=1)
    result = run(batch.id)
    assert result.exit_code == 1
    assert result.stderr == "Error: The account owner@example.com is disabled. Enable it first\n"


@pytest.mark.parametrize(
    "option", ["--rate=-1", "--rate=nan", "--rate=inf", "--answer=1.1", "--answer=nan", "--seed=x"]
)
def test_an_invalid_number_is_wrong_usage(app: Flask, run: Callable, create_active: Callable, option: str) -> None:
    result = run(create_active(1).id, option)
    assert result.exit_code == 2
    assert option.partition("=")[0] in result.stderr
    assert rows(app, CallEvent) == []


# --- changes during a simulation --------------------------------------------------------------------------------------


@pytest.fixture
def start(run: Callable) -> Callable[[str], Any]:
    """Return a function that starts the command in the background; it returns a function that waits for the result."""

    def start(batch_id: str) -> Callable[[], Any]:
        results: list[Any] = []
        thread = threading.Thread(
            target=lambda: results.append(run(batch_id, "--rate", "30", "--answer", "1")), daemon=True
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
    app: Flask, run: Callable, create_active: Callable, owner: User, monkeypatch: pytest.MonkeyPatch, failure: type
) -> None:
    def fail(*_arguments: object) -> None:
        assert len(tokens(app, owner)) == 1
        raise failure

    monkeypatch.setattr(simulated_dialer.SimulatedDialer, "report", fail)
    result = run(create_active().id, "--rate", "0")
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert tokens(app, owner) == []


def test_an_api_error_ends_the_simulation_with_its_message(
    app: Flask, run: Callable, create_active: Callable, owner: User, build: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = simulated_dialer.ApiClient.report_events

    def disable_and_report(api: simulated_dialer.ApiClient, events: list) -> Any:
        build.change(owner, disabled_at=1)
        return report(api, events)

    monkeypatch.setattr(simulated_dialer.ApiClient, "report_events", disable_and_report)
    result = run(create_active().id, "--rate", "0")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The API responded with 401: ")
