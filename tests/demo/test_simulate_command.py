"""The simulate command: a whole batch through the API, obedience to its moves, and no token left behind."""

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
PATIENCE = 60  # seconds


@pytest.fixture
def run(app: Flask) -> Callable[..., Any]:
    """Runs the command: `run(batch.id, "--rate", "0")`."""
    return lambda *arguments: app.test_cli_runner().invoke(args=["simulate", *arguments])


@pytest.fixture
def make(build: Builder, owner: User, call_api: Callable) -> Callable[..., Batch]:
    """Makes an active batch with so many calls."""

    def make(calls: int = CALLS, **given: Any) -> Batch:
        batch = build.create_batch(owner, **given)
        sent = [{"phoneNumber": f"+1{201 + place // 100}55501{place % 100:02}"} for place in range(calls)]
        assert call_api("addCallsToBatch", {"batchId": batch.id, "call_data": sent}).json["data"]["added"] == calls
        assert call_api("start-calling", {"batchId": batch.id, "userId": owner.id}).status_code == 200
        return batch

    return make


@pytest.fixture
def listed(api: Callable) -> Callable[[str], dict[str, Any]]:
    """A batch as the list shows it."""
    return lambda batch_id: {one["_id"]: one for one in api("?limit=100").json["data"]["batches"]}[batch_id]


@pytest.fixture
def logs(call_api: Callable) -> Callable[[str], list[list[dict[str, Any]]]]:
    """What batch-details tells of each call."""

    def logs(batch_id: str) -> list[list[dict[str, Any]]]:
        data = call_api(f"batch-details/{batch_id}", query_string={"limit": 100}).json["data"]
        return [call["phoneLogs"] for call in data["data"]]

    return logs


def tokens(app: Flask, owner: User) -> list[Token]:
    """The tokens of the command that are still good."""
    with app.app_context():
        return [token for token in accounts_query.list_tokens(owner.key) if token.name == "simulate"]


def rows(app: Flask, model: Any) -> list[Any]:
    with app.app_context():
        return list(db.session.execute(db.select(model)).scalars())


def agrees(app: Flask) -> bool:
    return app.test_cli_runner().invoke(args=["batch", "check"]).exit_code == 0


def counts(batch: dict[str, Any]) -> tuple[int, int, int, str]:
    return batch["totalCalls"], batch["callsPicked"], batch["callsCompleted"], batch["queue_status"]


def waited_for(holds: Callable[[], bool]) -> bool:
    """Whether it comes true before anybody would give up."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if holds():
            return True
        time.sleep(0.02)
    return False


# --- to the end -------------------------------------------------------------------------------------------------------


def test_a_batch_is_called_to_its_end_and_everything_agrees(
    app: Flask, run: Callable, make: Callable, listed: Callable, logs: Callable, owner: User
) -> None:
    batch = make()
    result = run(batch.id, "--rate", "0", "--seed", "3")
    assert (result.exit_code, result.stderr) == (0, "")
    ends = Counter(call[-1]["callStatus"] for call in logs(batch.id))
    picked = ends["completed"] + ends["dropped"]
    assert ends.total() == CALLS
    assert len(ends) >= 4
    assert counts(listed(batch.id)) == (CALLS, picked, ends["completed"], "completed")
    assert result.stdout.startswith(f"60 calls: {picked} picked up, {ends['completed']} completed, ")
    told = {word: int(count) for count, word in re.findall(r"(\d+) ([a-z ]+)", result.stdout)}
    assert [told.get(word, 0) for word in ("dropped", "no answer", "busy", "failed")] == [
        ends[status] for status in ("dropped", "no-answer", "busy", "failed")
    ]
    assert result.stdout.count("\n") == 1
    assert "555" not in result.output
    assert agrees(app)
    assert tokens(app, owner) == []


def test_what_it_plays_at_once_is_spread_over_the_last_hour(
    app: Flask, run: Callable, make: Callable, logs: Callable
) -> None:
    batch = make()
    before = now_ms()
    assert run(batch.id, "--rate", "0", "--seed", "3").exit_code == 0
    at = [event.occurred_at for event in rows(app, CallEvent)]
    assert before - 60 * MINUTE <= min(at) <= before - 59 * MINUTE
    assert before - MINUTE <= max(at) <= now_ms()
    picked = sorted(event.occurred_at for event in rows(app, CallEvent) if event.status == "in-progress")
    assert picked[-1] - picked[0] > 40 * MINUTE
    for call in logs(batch.id):
        assert call[0]["callStatus"] == "dialing"
        assert [log["callStatus"] for log in call[1:-1]] in ([], ["in-progress"])
        assert (call[-1]["callDuration"] > 0) == (call[-1]["callStatus"] in ("completed", "dropped"))


def test_by_the_clock_it_is_as_quick_as_it_is_told(app: Flask, run: Callable, make: Callable, listed: Callable) -> None:
    """No quicker: how much slower is the machine's own, and still no minute, as talks of a real length would take."""
    batch = make()
    before, began = now_ms(), time.monotonic()
    assert run(batch.id, "--rate", "40").exit_code == 0
    assert 1.3 < time.monotonic() - began < PATIENCE
    assert listed(batch.id)["queue_status"] == "completed"
    at = [event.occurred_at for event in rows(app, CallEvent)]
    assert before <= min(at)
    assert max(at) <= now_ms()
    assert max(at) - min(at) > 1000


def test_the_same_seed_ends_the_same_and_again_it_is_other_events(
    run: Callable, make: Callable, logs: Callable, app: Flask
) -> None:
    batches = [make(), make(), make()]
    told = [run(batch.id, "--rate", "0", "--seed", seed).stdout for batch, seed in zip(batches, "778", strict=True)]
    ends = [[(call[-1]["callStatus"], call[-1]["callDuration"]) for call in logs(batch.id)] for batch in batches]
    assert (told[0], ends[0]) == (told[1], ends[1])
    assert ends[0] != ends[2]
    events = rows(app, CallEvent)
    assert len(events) == sum(len(call) for batch in batches for call in logs(batch.id))


@pytest.mark.parametrize("answer", ["0", "1"])
def test_nobody_or_everybody_answers(
    run: Callable, make: Callable, listed: Callable, logs: Callable, answer: str
) -> None:
    batch = make()
    assert f"60 calls: {60 * int(answer)} picked up" in run(batch.id, "--rate", "0", "--answer", answer).stdout
    assert listed(batch.id)["callsPicked"] == 60 * int(answer)
    ends = {call[-1]["callStatus"] for call in logs(batch.id)}
    assert ends <= ({"completed", "dropped"} if answer == "1" else {"no-answer", "busy", "failed"})


def test_more_calls_than_a_page_holds_and_some_that_have_ended_already(
    app: Flask, run: Callable, make: Callable, build: Builder, owner: User, listed: Callable
) -> None:
    batch = build.create_batch(owner, total_calls=2, calls_called=2, calls_picked=1)
    build.create_call(batch, phone_number="+12025550101", status="busy")
    build.create_call(batch, phone_number="+12025550102", status="in-progress")  # of a run that was cut off
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "create_batch", lambda *_: batch)
        make(250)
    result = run(batch.id, "--rate", "0", "--answer", "1")
    assert result.stdout.startswith("251 calls: 251 picked up")
    assert counts(listed(batch.id))[:2] == (252, 251)
    assert listed(batch.id)["queue_status"] == "completed"
    assert agrees(app)


# --- refused ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["pending", "paused", "stopped", "completed"])
def test_a_batch_that_is_not_active_is_to_be_started_first(
    app: Flask, run: Callable, build: Builder, owner: User, status: str
) -> None:
    batch = build.create_batch(owner, status=status, total_calls=1)
    build.create_call(batch)
    result = run(batch.id)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: This batch is {status}; start it first, ")
    assert rows(app, Token) == []


def test_a_batch_without_a_call_to_make_is_to_be_filled_first(run: Callable, build: Builder, owner: User) -> None:
    batch = build.create_batch(owner, status="completed", total_calls=1, calls_called=1)
    build.create_call(batch, status="busy")
    result = run(batch.id)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no call left to make: add calls" in result.stderr


def test_what_is_no_batch_is_said(app: Flask, run: Callable, build: Builder, owner: User) -> None:
    gone = build.create_batch(owner, status="active", deleted=True)
    for batch_id, says in [
        ("0" * 24, "Error: There is no batch 000000000000000000000000, or it is deleted\n"),
        (gone.id, f"Error: There is no batch {gone.id}, or it is deleted\n"),
        ("nonsense", "Error: BATCH must be an id: 24 hexadecimal characters\n"),
    ]:
        result = run(batch_id)
        assert (result.exit_code, result.stdout, result.stderr) == (1, "", says)
    assert rows(app, Token) == []


def test_a_disabled_account_is_said(run: Callable, make: Callable, build: Builder, owner: User) -> None:
    batch = make(1)
    build.change(owner, disabled_at=1)
    result = run(batch.id)
    assert result.exit_code == 1
    assert result.stderr == "Error: The account owner@example.com is disabled, so that no dialer can report for it\n"


@pytest.mark.parametrize(
    "option", ["--rate=-1", "--rate=nan", "--rate=inf", "--answer=1.1", "--answer=nan", "--seed=x"]
)
def test_a_number_that_cannot_be_used_is_wrong_usage(app: Flask, run: Callable, make: Callable, option: str) -> None:
    result = run(make(1).id, option)
    assert result.exit_code == 2
    assert option.partition("=")[0] in result.stderr
    assert rows(app, CallEvent) == []


# --- while it runs ----------------------------------------------------------------------------------------------------


@pytest.fixture
def begin(run: Callable) -> Callable[[str], Any]:
    """Begins the command in the background; returns what joins it and gives its result."""

    def begin(batch_id: str) -> Callable[[], Any]:
        results: list[Any] = []
        thread = threading.Thread(
            target=lambda: results.append(run(batch_id, "--rate", "30", "--answer", "1")), daemon=True
        )
        thread.start()

        def end() -> Any:
            thread.join(timeout=PATIENCE)
            assert not thread.is_alive()
            return results[0]

        return end

    return begin


@pytest.mark.parametrize(("move", "says"), [("stop", "stopped"), ("delete", "deleted")])
def test_a_batch_that_is_stopped_or_deleted_ends_it(
    app: Flask,
    begin: Callable,
    make: Callable,
    call_api: Callable,
    listed: Callable,
    owner: User,
    move: str,
    says: str,
) -> None:
    batch = make(400)
    end = begin(batch.id)
    assert waited_for(lambda: listed(batch.id)["callsPicked"] > 5)
    assert len(tokens(app, owner)) == 1
    if move == "stop":
        assert call_api("stop-calling", {"batchId": batch.id, "userId": owner.id}).status_code == 200
    else:
        assert call_api(f"delete-batch/{batch.id}", method="DELETE").status_code == 200
    result = end()
    assert result.exit_code == 0, result.output
    assert re.fullmatch(rf"\d+ calls?: .* left on the line; the batch was {says}\n", result.stdout)
    assert int(result.stdout.split()[0]) < 400
    assert tokens(app, owner) == []
    if move == "delete":
        call_api(f"restore-batch/{batch.id}", method="POST")
    assert agrees(app)


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """What the dialer found the batch's status to be, each time that it looked."""
    found: list[str | None] = []
    look = simulated_dialer.SimulatedDialer.look

    def noted(playing: simulated_dialer.SimulatedDialer) -> int:
        total = look(playing)
        found.append(playing.status)
        return total

    monkeypatch.setattr(simulated_dialer.SimulatedDialer, "look", noted)
    return found


@pytest.fixture
def paused_in_the_midst(
    call_api: Callable, owner: User, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], dict[str, str]]:
    """Has a batch paused as soon as its first talks are reported, however late the dialer is by then."""

    def prepare(batch_id: str) -> dict[str, str]:
        body = {"batchId": batch_id, "userId": owner.id}
        send, sent = simulated_dialer.ApiClient.report, []

        def and_pause(api: simulated_dialer.ApiClient, events: list[dict[str, Any]]) -> Any:
            told = send(api, events)
            sent.extend(event["callStatus"] for event in events)
            if "in-progress" in sent and "paused" not in sent:
                sent.append("paused")
                assert Context().run(call_api, "pause-calling", body).status_code == 200
            return told

        monkeypatch.setattr(simulated_dialer.ApiClient, "report", and_pause)
        return body

    return prepare


def test_a_paused_batch_is_waited_for(
    app: Flask,
    begin: Callable,
    make: Callable,
    call_api: Callable,
    listed: Callable,
    looks: list[str | None],
    paused_in_the_midst: Callable,
) -> None:
    batch = make(60)
    body = paused_in_the_midst(batch.id)
    end = begin(batch.id)
    assert waited_for(lambda: looks[-1:] == ["paused"])  # what had happened by then was reported before it looked
    stood, quiet_since = counts(listed(batch.id)), now_ms()
    assert 0 < stood[1] < 60
    looks.clear()
    assert waited_for(lambda: len(looks) == 2)
    assert counts(listed(batch.id)) == stood
    quiet_until = now_ms()
    assert call_api("resume-calling", body).status_code == 200
    result = end()
    assert result.stdout.startswith("60 calls: ")
    assert result.stderr == "The batch is paused: waiting until it is resumed\n"
    at = [event.occurred_at for event in rows(app, CallEvent)]
    assert max(at) > quiet_until
    assert not [moment for moment in at if quiet_since < moment < quiet_until]  # nothing is made up for afterwards
    assert listed(batch.id)["queue_status"] == "completed"


@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError])
def test_the_token_goes_whatever_ends_it(
    app: Flask, run: Callable, make: Callable, owner: User, monkeypatch: pytest.MonkeyPatch, failure: type
) -> None:
    def fail(*_given: object) -> None:
        assert len(tokens(app, owner)) == 1
        raise failure

    monkeypatch.setattr(simulated_dialer.SimulatedDialer, "report", fail)
    result = run(make().id, "--rate", "0")
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert tokens(app, owner) == []


def test_an_answer_that_it_cannot_go_on_with_is_said(
    app: Flask, run: Callable, make: Callable, owner: User, build: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = simulated_dialer.ApiClient.report

    def disabled(api: simulated_dialer.ApiClient, events: list) -> Any:
        build.change(owner, disabled_at=1)
        return send(api, events)

    monkeypatch.setattr(simulated_dialer.ApiClient, "report", disabled)
    result = run(make().id, "--rate", "0")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: The API answered 401: ")
