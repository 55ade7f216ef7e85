"""The purge command permanently removes batches that were deleted long enough ago, with their calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.batches import actions, commands
from portal.batches.derived import check
from portal.extensions import db
from portal.models import Batch, BatchLogEntry, Call, CallEvent, Channel, User
from portal.models.actor import Actor
from portal.times import DAY_MS, now_ms
from tests.support.builders import Builder

HOUR_MS = DAY_MS // 24


@pytest.fixture
def run(app: Flask) -> Callable[..., Any]:
    """Return a function that runs the command, such as `run("--older-than", "30")`; `input` is typed at the prompt."""
    return lambda *options, **how: app.test_cli_runner().invoke(args=["batch", "purge", *options], **how)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate an interactive terminal."""
    monkeypatch.setattr("portal.cli.is_interactive", lambda: True)


@pytest.fixture
def create(call_api: Callable, build: Builder, owner: User) -> Callable[..., Batch]:
    """Return a function that creates a batch with calls, an event and two log entries; deleted `days` ago, or live."""

    def create(name: str, days: float | None, calls: int = 2) -> Batch:
        batch = build.create_batch(owner, name)
        sent = [{"phoneNumber": f"+120255501{index:02}"} for index in range(calls)]
        ids = call_api("addCallsToBatch", {"batchId": batch.id, "call_data": sent}).json["data"]["callIds"]
        event = {"eventId": f"{batch.id}-1", "callId": ids[0], "callStatus": "busy"}
        assert call_api("call-events", {"events": [event]}).json["data"]["applied"] == 1
        if days is not None:
            assert call_api(f"delete-batch/{batch.id}", method="DELETE").status_code == 200
            build.change(batch, deleted_at=now_ms() - int(days * DAY_MS), deleted_by_key=owner.key)
        return batch

    return create


@pytest.fixture
def trash(create: Callable, build: Builder, stranger: User) -> None:
    """Create two batches deleted long ago, one deleted recently, a live one, and a stranger's deleted long ago."""
    create("long ago", 40, calls=3)
    create("long ago, too", 31)
    create("lately", 29)
    create("alive", None)
    ago = now_ms() - 60 * DAY_MS
    theirs = build.create_batch(stranger, "theirs", deleted_at=ago, deleted_by_key=stranger.key, total_calls=1)
    build.create_call(theirs)


def names(app: Flask) -> set[str]:
    """Return the names of all batches, including deleted ones."""
    with app.app_context():
        return set(db.session.execute(db.select(Batch.name)).scalars())


def rows(app: Flask) -> tuple[int, int, int, int]:
    """Return the number of batches, calls, events and log entries."""
    with app.app_context():
        models = (Batch, Call, CallEvent, BatchLogEntry)
        return tuple(db.session.execute(db.select(db.func.count()).select_from(model)).scalar_one() for model in models)


def is_consistent(app: Flask) -> bool:
    """Return whether derived data agrees with all rows."""
    with app.app_context():
        return not list(check.find_all_differences(lambda _count: None))


ALL = {"long ago", "long ago, too", "lately", "alive", "theirs"}


@pytest.mark.usefixtures("trash")
def test_old_batches_are_removed_with_their_calls(app: Flask, run: Callable) -> None:
    assert rows(app) == (5, 10, 4, 7)
    result = run("--older-than", "30", "--yes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "owner@example.com: 2 batches and 5 calls",
        "  long ago: 3 calls",
        "  long ago, too: 2 calls",
        "stranger@example.com: 1 batch and 1 call",
        "  theirs: 1 call",
        "Removed for good: 3 batches and 6 calls",
    ]
    assert names(app) == {"lately", "alive"}
    assert rows(app) == (2, 4, 2, 3)
    assert is_consistent(app)


@pytest.mark.usefixtures("trash")
def test_owner_limits_the_removal_to_one_owner(app: Flask, run: Callable) -> None:
    result = run("--older-than", "30", "--owner", "Stranger@example.com", "--yes")
    assert result.exit_code == 0
    assert "owner@example.com" not in result.stdout
    assert names(app) == ALL - {"theirs"}
    assert is_consistent(app)


@pytest.mark.usefixtures("trash")
def test_zero_days_removes_all_deleted_batches(app: Flask, run: Callable, create: Callable) -> None:
    create("just now", 0)
    assert run("--older-than", "0", "--yes").exit_code == 0
    assert names(app) == {"alive"}


def test_the_age_is_exact_to_the_millisecond(
    app: Flask, run: Callable, create: Callable, monkeypatch: pytest.MonkeyPatch, build: Builder
) -> None:
    now = now_ms()
    for name, later in (("exactly", 0), ("a moment later", 1)):
        build.change(create(name, 30), deleted_at=now - 30 * DAY_MS + later)
    monkeypatch.setattr(commands, "now_ms", lambda: now)
    assert run("--older-than", "30", "--yes").exit_code == 0
    assert names(app) == {"a moment later"}


@pytest.mark.usefixtures("trash", "terminal")
@pytest.mark.parametrize(("answer", "left"), [("y\n", {"lately", "alive"}), ("n\n", ALL), ("\n", ALL), ("", ALL)])
def test_the_command_asks_for_confirmation(app: Flask, run: Callable, answer: str, left: set[str]) -> None:
    before = rows(app)
    result = run("--older-than", "30", input=answer)
    assert "Remove 3 batches and 6 calls for good? [y/N]" in result.stdout
    assert names(app) == left
    assert (rows(app) == before) == (left == ALL)
    assert ("Removed for good" in result.stdout) == (left != ALL)
    assert result.exit_code == (1 if answer == "" else 0)
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("trash")
def test_nothing_is_removed_without_a_terminal(app: Flask, run: Callable) -> None:
    result = run("--older-than", "30", input="y\n")  # input from a pipe is not a confirmation
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: There is no terminal to ask at")
    assert "--yes" in result.stderr
    assert names(app) == ALL


@pytest.mark.usefixtures("terminal")
def test_the_command_does_not_ask_if_there_is_nothing_to_remove(app: Flask, run: Callable, create: Callable) -> None:
    create("lately", 29)
    result = run("--older-than", "30")
    assert (result.exit_code, result.stdout) == (0, "Nothing to remove: no batch was deleted that long ago\n")
    assert names(app) == {"lately"}


def test_only_the_first_batches_are_printed(run: Callable, build: Builder, owner: User) -> None:
    for number in range(32):
        build.create_batch(owner, f"number {number}", deleted=True, total_calls=0)
    lines = run("--older-than", "1", "--yes").stdout.splitlines()
    assert [line for line in lines if line.startswith("  number")] == [
        f"  number {number}: 0 calls" for number in range(20)
    ]
    assert lines[21:] == ["  ... and 12 more", "Removed for good: 32 batches and 0 calls"]


@pytest.mark.usefixtures("trash")
def test_a_batch_restored_meanwhile_is_not_removed(
    app: Flask, run: Callable, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    purge = actions.purge_batches

    def restore_first(owner_key: int, batch_ids: list[str], advance: Callable[[int], object]) -> int:
        if batch_ids == [first]:
            actions.restore_batch(Actor(owner.key, Channel.PAGE), first)
        return purge(owner_key, batch_ids, advance)

    with app.app_context():
        first = db.session.execute(db.select(Batch.id).where(Batch.name == "long ago")).scalar_one()
    monkeypatch.setattr(actions, "purge_batches", restore_first)
    result = run("--older-than", "30", "--yes")
    assert result.stdout.splitlines()[-2:] == [
        "Removed for good: 2 batches and 3 calls",
        "Left alone: 1 batch, restored or removed meanwhile",
    ]
    assert names(app) == {"long ago", "lately", "alive"}
    assert is_consistent(app)


@pytest.mark.usefixtures("trash")
def test_an_interrupted_purge_prints_the_removed_batches(
    app: Flask, run: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    purge = actions.purge_batches
    purged: list[str] = []

    def interrupt_second(owner_key: int, batch_ids: list[str], advance: Callable[[int], object]) -> int:
        if purged:
            raise KeyboardInterrupt
        purged.extend(batch_ids)
        return purge(owner_key, batch_ids, advance)

    monkeypatch.setattr(actions, "purge_batches", interrupt_second)
    result = run("--older-than", "30", "--yes")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "Removed for good: 1 batch and 3 calls"
    assert names(app) == ALL - {"long ago"}


@pytest.mark.parametrize("days", ["-1", "many", "1.5", "", "99999999999999999999"])
def test_invalid_days_are_a_usage_error(app: Flask, run: Callable, create: Callable, days: str) -> None:
    create("gone", 40)
    result = run("--older-than", days, "--yes")
    assert result.exit_code == 2
    assert "--older-than" in result.stderr
    assert names(app) == {"gone"}


def test_an_unknown_owner_is_an_error(app: Flask, run: Callable, create: Callable) -> None:
    create("gone", 40)
    result = run("--older-than", "30", "--owner", "nobody@example.com", "--yes")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: owner: there is no account nobody@example.com\n"
    assert names(app) == {"gone"}
