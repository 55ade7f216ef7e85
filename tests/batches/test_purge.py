"""The purge command: it permanently deletes old batches of the trash with all their rows, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.batches import actions, commands
from portal.extensions import db
from portal.models import Batch, BatchLogEntry, Call, CallEvent, Channel, User
from portal.models.actor import Actor
from portal.times import DAY_MS, now_ms
from tests.support.builders import Builder
from tests.support.derived import is_consistent


@pytest.fixture
def run(app: Flask) -> Callable[..., Any]:
    """Return a function that runs the command: `run("--older-than", "30", input="y\\n")`."""
    return lambda *options, **settings: app.test_cli_runner().invoke(args=["batch", "purge", *options], **settings)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that standard input is a terminal."""
    monkeypatch.setattr("portal.cli.is_interactive", lambda: True)


@pytest.fixture
def create(call_api: Callable, build: Builder, owner: User) -> Callable[..., Batch]:
    """Return a function that creates a batch with calls, one event and two log entries.

    The batch was deleted that many days ago, or is live if `days` is None.
    """

    def create(name: str, days: float | None, calls: int = 2) -> Batch:
        batch = build.create_batch(owner, name)
        call_data = [{"phoneNumber": f"+120255501{index:02}"} for index in range(calls)]
        ids = call_api("addCallsToBatch", {"batchId": batch.id, "call_data": call_data}).json["data"]["callIds"]
        event = {"eventId": f"{batch.id}-1", "callId": ids[0], "callStatus": "busy"}
        assert call_api("call-events", {"events": [event]}).json["data"]["applied"] == 1
        if days is not None:
            assert call_api(f"delete-batch/{batch.id}", method="DELETE").status_code == 200
            build.change(batch, deleted_at=now_ms() - int(days * DAY_MS), deleted_by_key=owner.key)
        return batch

    return create


@pytest.fixture
def trash(create: Callable, build: Builder, stranger: User) -> None:
    """Create two batches deleted long ago, one deleted recently, one live, and one of a stranger, deleted long ago."""
    create("long ago", 40, calls=3)
    create("long ago 2", 31)
    create("recent", 29)
    create("live", None)
    deleted_at = now_ms() - 60 * DAY_MS
    theirs = build.create_batch(stranger, "theirs", deleted_at=deleted_at, deleted_by_key=stranger.key, total_calls=1)
    build.create_call(theirs)


def names(app: Flask) -> set[str]:
    """Return the names of all batches, in the trash or not."""
    with app.app_context():
        return set(db.session.execute(db.select(Batch.name)).scalars())


def count_rows(app: Flask) -> tuple[int, int, int, int]:
    """Return the numbers of batches, calls, events and log entries."""
    with app.app_context():
        models = (Batch, Call, CallEvent, BatchLogEntry)
        return tuple(db.session.execute(db.select(db.func.count()).select_from(model)).scalar_one() for model in models)


ALL = {"long ago", "long ago 2", "recent", "live", "theirs"}


@pytest.mark.usefixtures("trash")
def test_old_batches_are_purged_with_all_their_rows(app: Flask, run: Callable) -> None:
    assert count_rows(app) == (5, 10, 4, 7)
    result = run("--older-than", "30", "--yes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "owner@example.com: 2 batches and 5 calls",
        "  long ago: 3 calls",
        "  long ago 2: 2 calls",
        "stranger@example.com: 1 batch and 1 call",
        "  theirs: 1 call",
        "Permanently deleted: 3 batches and 6 calls",
    ]
    assert names(app) == {"recent", "live"}
    assert count_rows(app) == (2, 4, 2, 3)
    assert is_consistent(app)


@pytest.mark.usefixtures("trash")
def test_purge_can_be_limited_to_one_owner(app: Flask, run: Callable) -> None:
    result = run("--older-than", "30", "--owner", "Stranger@example.com", "--yes")
    assert result.exit_code == 0
    assert "owner@example.com" not in result.stdout
    assert names(app) == ALL - {"theirs"}
    assert is_consistent(app)


@pytest.mark.usefixtures("trash")
def test_zero_days_purges_the_whole_trash(app: Flask, run: Callable, create: Callable) -> None:
    create("just now", 0)
    assert run("--older-than", "0", "--yes").exit_code == 0
    assert names(app) == {"live"}


def test_the_age_counts_from_the_exact_time_of_the_deletion(
    app: Flask, run: Callable, create: Callable, monkeypatch: pytest.MonkeyPatch, build: Builder
) -> None:
    now = now_ms()
    for name, offset in (("exactly", 0), ("1 ms later", 1)):
        build.change(create(name, 30), deleted_at=now - 30 * DAY_MS + offset)
    monkeypatch.setattr(commands, "now_ms", lambda: now)
    assert run("--older-than", "30", "--yes").exit_code == 0
    assert names(app) == {"1 ms later"}


@pytest.mark.usefixtures("trash", "terminal")
@pytest.mark.parametrize(("answer", "left"), [("y\n", {"recent", "live"}), ("n\n", ALL), ("\n", ALL), ("", ALL)])
def test_purge_asks_for_confirmation(app: Flask, run: Callable, answer: str, left: set[str]) -> None:
    before = count_rows(app)
    result = run("--older-than", "30", input=answer)
    assert "Permanently delete 3 batches and 6 calls? [y/N]" in result.stdout
    assert names(app) == left
    assert (count_rows(app) == before) == (left == ALL)
    assert ("Permanently deleted" in result.stdout) == (left != ALL)
    assert result.exit_code == (1 if answer == "" else 0)
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("trash")
def test_without_a_terminal_nothing_is_purged(app: Flask, run: Callable) -> None:
    result = run("--older-than", "30", input="y\n")  # a pipe is no confirmation
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Confirmation needs a terminal")
    assert "--yes" in result.stderr
    assert names(app) == ALL


@pytest.mark.usefixtures("terminal")
def test_purging_an_empty_trash_asks_nothing(app: Flask, run: Callable, create: Callable) -> None:
    create("recent", 29)
    result = run("--older-than", "30")
    assert (result.exit_code, result.stdout) == (0, "Nothing to purge: no batch was deleted that long ago\n")
    assert names(app) == {"recent"}


def test_only_the_first_batches_are_listed(run: Callable, build: Builder, owner: User) -> None:
    for number in range(32):
        build.create_batch(owner, f"number {number}", deleted=True, total_calls=0)
    lines = run("--older-than", "1", "--yes").stdout.splitlines()
    assert [line for line in lines if line.startswith("  number")] == [
        f"  number {number}: 0 calls" for number in range(20)
    ]
    assert lines[21:] == ["  ... and 12 more", "Permanently deleted: 32 batches and 0 calls"]


@pytest.mark.usefixtures("trash")
def test_a_batch_restored_in_the_meantime_is_not_purged(
    app: Flask, run: Callable, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    purge = actions.purge_batch

    def restore_before_purge(owner_key: int, batch_id: str) -> bool:
        if batch_id == first:
            actions.restore_batch(Actor(owner.key, Channel.PAGE), first)
        return purge(owner_key, batch_id)

    with app.app_context():
        first = db.session.execute(db.select(Batch.id).where(Batch.name == "long ago")).scalar_one()
    monkeypatch.setattr(actions, "purge_batch", restore_before_purge)
    result = run("--older-than", "30", "--yes")
    assert result.stdout.splitlines()[-2:] == [
        "Permanently deleted: 2 batches and 3 calls",
        "Skipped: 1 batch restored or purged in the meantime",
    ]
    assert names(app) == {"long ago", "recent", "live"}
    assert is_consistent(app)


@pytest.mark.usefixtures("trash")
def test_an_interrupted_purge_reports_the_purged_batches(
    app: Flask, run: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    purge = actions.purge_batch
    purged: list[str] = []

    def interrupt_after_first(owner_key: int, batch_id: str) -> bool:
        if purged:
            raise KeyboardInterrupt
        purged.append(batch_id)
        return purge(owner_key, batch_id)

    monkeypatch.setattr(actions, "purge_batch", interrupt_after_first)
    result = run("--older-than", "30", "--yes")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "Permanently deleted: 1 batch and 3 calls"
    assert names(app) == ALL - {"long ago"}


@pytest.mark.parametrize("days", ["-1", "many", "1.5", "", "99999999999999999999"])
def test_invalid_days_are_wrong_usage(app: Flask, run: Callable, create: Callable, days: str) -> None:
    create("old", 40)
    result = run("--older-than", days, "--yes")
    assert result.exit_code == 2
    assert "--older-than" in result.stderr
    assert names(app) == {"old"}


def test_an_unknown_owner_is_reported(app: Flask, run: Callable, create: Callable) -> None:
    create("old", 40)
    result = run("--older-than", "30", "--owner", "absent@example.com", "--yes")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: owner: there is no account absent@example.com\n"
    assert names(app) == {"old"}
