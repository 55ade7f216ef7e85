"""The purge command: what was deleted long enough ago goes for good, with all that is in it, and nothing else."""

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
    """Runs the command: `run("--older-than", "30")`; `input` is what a person would type."""
    return lambda *options, **how: app.test_cli_runner().invoke(args=["batch", "purge", *options], **how)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sits there."""
    monkeypatch.setattr("portal.cli.is_interactive", lambda: True)


@pytest.fixture
def make(call_api: Callable, build: Builder, owner: User) -> Callable[..., Batch]:
    """Makes an owner's batch with calls, an event of the first and two changes; deleted so many days ago, or live."""

    def make(name: str, days: float | None, calls: int = 2) -> Batch:
        batch = build.create_batch(owner, name)
        sent = [{"phoneNumber": f"+120255501{place:02}"} for place in range(calls)]
        ids = call_api("addCallsToBatch", {"batchId": batch.id, "call_data": sent}).json["data"]["callIds"]
        event = {"eventId": f"{batch.id}-1", "callId": ids[0], "callStatus": "busy"}
        assert call_api("call-events", {"events": [event]}).json["data"]["applied"] == 1
        if days is not None:
            assert call_api(f"delete-batch/{batch.id}", method="DELETE").status_code == 200
            build.change(batch, deleted_at=now_ms() - int(days * DAY_MS), deleted_by_key=owner.key)
        return batch

    return make


@pytest.fixture
def trash(make: Callable, build: Builder, stranger: User) -> None:
    """Two batches deleted long ago, one lately, one that lives; and a stranger's, deleted long ago."""
    make("long ago", 40, calls=3)
    make("long ago, too", 31)
    make("lately", 29)
    make("alive", None)
    ago = now_ms() - 60 * DAY_MS
    theirs = build.create_batch(stranger, "theirs", deleted_at=ago, deleted_by_key=stranger.key, total_calls=1)
    build.create_call(theirs)


def names(app: Flask) -> set[str]:
    """Every batch that there is, in the trash or not."""
    with app.app_context():
        return set(db.session.execute(db.select(Batch.name)).scalars())


def rows(app: Flask) -> tuple[int, int, int, int]:
    """How many batches, calls, events and changes there are."""
    with app.app_context():
        models = (Batch, Call, CallEvent, BatchLogEntry)
        return tuple(db.session.execute(db.select(db.func.count()).select_from(model)).scalar_one() for model in models)


def agrees(app: Flask) -> bool:
    """Whether everything that is kept agrees with all rows."""
    with app.app_context():
        return not list(check.find_all_differences(lambda _count: None))


ALL = {"long ago", "long ago, too", "lately", "alive", "theirs"}


@pytest.mark.usefixtures("trash")
def test_what_is_old_enough_goes_with_all_that_is_in_it(app: Flask, run: Callable) -> None:
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
    assert agrees(app)


@pytest.mark.usefixtures("trash")
def test_one_owners_alone(app: Flask, run: Callable) -> None:
    result = run("--older-than", "30", "--owner", "Stranger@example.com", "--yes")
    assert result.exit_code == 0
    assert "owner@example.com" not in result.stdout
    assert names(app) == ALL - {"theirs"}
    assert agrees(app)


@pytest.mark.usefixtures("trash")
def test_no_day_at_all_is_the_whole_trash(app: Flask, run: Callable, make: Callable) -> None:
    make("just now", 0)
    assert run("--older-than", "0", "--yes").exit_code == 0
    assert names(app) == {"alive"}


def test_the_last_day_counts_from_the_moment_of_the_deletion(
    app: Flask, run: Callable, make: Callable, monkeypatch: pytest.MonkeyPatch, build: Builder
) -> None:
    now = now_ms()
    for name, later in (("exactly", 0), ("a moment later", 1)):
        build.change(make(name, 30), deleted_at=now - 30 * DAY_MS + later)
    monkeypatch.setattr(commands, "now_ms", lambda: now)
    assert run("--older-than", "30", "--yes").exit_code == 0
    assert names(app) == {"a moment later"}


@pytest.mark.usefixtures("trash", "terminal")
@pytest.mark.parametrize(("answer", "left"), [("y\n", {"lately", "alive"}), ("n\n", ALL), ("\n", ALL), ("", ALL)])
def test_it_asks_and_takes_no_for_an_answer(app: Flask, run: Callable, answer: str, left: set[str]) -> None:
    before = rows(app)
    result = run("--older-than", "30", input=answer)
    assert "Remove 3 batches and 6 calls for good? [y/N]" in result.stdout
    assert names(app) == left
    assert (rows(app) == before) == (left == ALL)
    assert ("Removed for good" in result.stdout) == (left != ALL)
    assert result.exit_code == (1 if answer == "" else 0)
    assert "Traceback" not in result.output


@pytest.mark.usefixtures("trash")
def test_where_nobody_can_answer_nothing_is_removed(app: Flask, run: Callable) -> None:
    result = run("--older-than", "30", input="y\n")  # what a pipe holds is nobody's word
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Confirmation needs a terminal")
    assert "--yes" in result.stderr
    assert names(app) == ALL


@pytest.mark.usefixtures("terminal")
def test_an_empty_trash_is_said_and_nothing_is_asked(app: Flask, run: Callable, make: Callable) -> None:
    make("lately", 29)
    result = run("--older-than", "30")
    assert (result.exit_code, result.stdout) == (0, "Nothing to remove: no batch was deleted that long ago\n")
    assert names(app) == {"lately"}


def test_the_first_of_many_are_named(run: Callable, build: Builder, owner: User) -> None:
    for place in range(32):
        build.create_batch(owner, f"number {place}", deleted=True, total_calls=0)
    told = run("--older-than", "1", "--yes").stdout.splitlines()
    assert [line for line in told if line.startswith("  number")] == [
        f"  number {place}: 0 calls" for place in range(20)
    ]
    assert told[21:] == ["  ... and 12 more", "Removed for good: 32 batches and 0 calls"]


@pytest.mark.usefixtures("trash")
def test_one_that_is_restored_meanwhile_stays(
    app: Flask, run: Callable, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    purge = actions.purge_batch

    def restored_first(owner_key: int, batch_id: str) -> bool:
        if batch_id == first:
            actions.restore_batch(Actor(owner.key, Channel.PAGE), first)
        return purge(owner_key, batch_id)

    with app.app_context():
        first = db.session.execute(db.select(Batch.id).where(Batch.name == "long ago")).scalar_one()
    monkeypatch.setattr(actions, "purge_batch", restored_first)
    result = run("--older-than", "30", "--yes")
    assert result.stdout.splitlines()[-2:] == [
        "Removed for good: 2 batches and 3 calls",
        "Left alone: 1 batch, restored or removed meanwhile",
    ]
    assert names(app) == {"long ago", "lately", "alive"}
    assert agrees(app)


@pytest.mark.usefixtures("trash")
def test_what_was_removed_is_said_also_where_it_is_cut_short(
    app: Flask, run: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    purge = actions.purge_batch
    done: list[str] = []

    def interrupted(owner_key: int, batch_id: str) -> bool:
        if done:
            raise KeyboardInterrupt
        done.append(batch_id)
        return purge(owner_key, batch_id)

    monkeypatch.setattr(actions, "purge_batch", interrupted)
    result = run("--older-than", "30", "--yes")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "Removed for good: 1 batch and 3 calls"
    assert names(app) == ALL - {"long ago"}


@pytest.mark.parametrize("days", ["-1", "many", "1.5", "", "99999999999999999999"])
def test_days_that_cannot_be_counted_are_wrong_usage(app: Flask, run: Callable, make: Callable, days: str) -> None:
    make("gone", 40)
    result = run("--older-than", days, "--yes")
    assert result.exit_code == 2
    assert "--older-than" in result.stderr
    assert names(app) == {"gone"}


def test_an_owner_that_there_is_not(app: Flask, run: Callable, make: Callable) -> None:
    make("gone", 40)
    result = run("--older-than", "30", "--owner", "nobody@example.com", "--yes")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: owner: there is no account nobody@example.com\n"
    assert names(app) == {"gone"}
