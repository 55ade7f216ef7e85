"""Retries and attempts through the API: contract, section 5."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import insert, update

from portal.batches.derived import check
from portal.calls import actions, query
from portal.db.transactions import write_transaction
from portal.models import Attempt, Batch, Call, CallEvent, User
from portal.times import format_iso
from tests.support.builders import MAY_2025, MINUTE, Builder

SECOND = 1000


@pytest.fixture
def batch(build: Builder, owner: User) -> Batch:
    """An active batch that tries a call three times, a minute apart."""
    return build.create_batch(owner, "Spring", status="active", settings={"retry": 2, "delay": 60}, total_calls=2)


@pytest.fixture
def calls(build: Builder, batch: Batch) -> list[Call]:
    """The two calls of the batch."""
    return [build.create_call(batch) for _ in range(2)]


def is_consistent(app: Flask) -> bool:
    """Return whether all kept counts agree with the rows."""
    with app.app_context():
        return not list(check.find_all_differences(lambda _count: None))


@pytest.fixture
def report(call_api: Callable, app: Flask) -> Callable[..., dict[str, int]]:
    """Return a function that reports (call or attempt, status, seconds after noon); counts always agree."""
    sent = iter(range(1000))

    def send(*events: tuple[Any, str, int]) -> dict[str, int]:
        body = [
            (target if isinstance(target, dict) else {"callId": target.id})
            | {"eventId": str(next(sent)), "callStatus": status, "occurredAt": format_iso(MAY_2025 + at * SECOND)}
            for target, status, at in events
        ]
        answer = call_api("call-events", {"events": body})
        assert answer.status_code == 200, answer.json
        assert is_consistent(app)
        return answer.json["data"]

    return send


@pytest.fixture
def details(call_api: Callable, batch: Batch) -> Callable[[], dict[str, Any]]:
    """Return a function that requests the calls of the batch."""
    return lambda: call_api(f"batch-details/{batch.id}").json["data"]


def test_a_call_is_tried_again_until_an_answer(
    report: Callable, calls: list[Call], details: Callable, api: Callable
) -> None:
    call, other = calls
    report((call, "dialing", 0), (call, "no-answer", 20))
    waiting = details()["data"][0]
    assert (waiting["attempts"], waiting["nextAt"], waiting["heldFor"]) == (1, format_iso(MAY_2025 + 80 * SECOND), None)
    assert [log["callStatus"] for log in waiting["phoneLogs"]] == ["no-answer"]
    report((other, "completed", 30))
    assert details()["batchStatus"] == "active"  # the first call waits for its next try
    report((call, "dialing", 90), (call, "in-progress", 95), (call, "dropped", 99))
    assert details()["batchStatus"] == "completed"
    ended = details()["data"][0]
    assert (ended["attempts"], ended["nextAt"]) == (2, None)
    assert [log["callStatus"] for log in ended["phoneLogs"]] == ["no-answer", "dropped"]
    counted = api().json["data"]["batches"][0]
    assert (counted["totalCalls"], counted["callsPicked"], counted["callsCompleted"]) == (2, 2, 1)


def test_a_call_ends_when_its_tries_are_used_up(report: Callable, calls: list[Call], details: Callable) -> None:
    call, other = calls
    report((other, "failed", 5))  # not in retryOn
    for number in range(3):
        assert details()["batchStatus"] == "active"
        report((call, "busy", 100 * number))
    assert details()["batchStatus"] == "completed"
    assert (details()["data"][0]["attempts"], details()["data"][0]["nextAt"]) == (3, None)


def test_the_next_try_is_inside_the_calling_hours(
    report: Callable, calls: list[Call], details: Callable, build: Builder, batch: Batch
) -> None:
    hours = {"callingHour": {"start": "09:00", "end": "12:01"}, "timezone": "UTC", "retryOn": ["failed"]}
    build.change(batch, settings={"retry": 1, "delay": 60} | hours)
    report((calls[0], "failed", 20), (calls[1], "busy", 20))
    first, second = details()["data"]
    assert (first["nextAt"], second["nextAt"]) == ("2025-05-02T09:00:00.000Z", None)


def test_attempts_are_listed_exported_and_named_in_events(
    report: Callable, calls: list[Call], call_api: Callable, batch: Batch, owner: User, stranger: User, build: Builder
) -> None:
    call, other = calls
    report((call, "dialing", 0), (call, "no-answer", 20), (call, "dialing", 90), (other, "completed", 50))
    answer = call_api(f"attempts/{batch.id}", query_string={"limit": 2})
    assert answer.json["data"]["pagination"] == {"total": 3, "page": 1, "limit": 2, "totalPages": 2}
    assert 'rel="next"' in answer.headers["Link"]
    first, second = answer.json["data"]["attempts"]
    assert (first["callId"], first["number"], first["state"], first["outcome"]) == (call.id, 1, "ended", "no-answer")
    assert (second["number"], second["state"], second["outcome"], second["lost"]) == (2, "placed", None, False)
    assert (second["placedAt"], second["endedAt"]) == (format_iso(MAY_2025 + 90 * SECOND), None)

    unknown = {"attemptId": "0" * 24}
    mismatch = {"attemptId": first["_id"], "callId": other.id}
    assert report((unknown, "busy", 95), (mismatch, "busy", 95)) == {"applied": 0, "duplicates": 0, "unknown": 2}
    report(({"attemptId": second["_id"]}, "completed", 120), ({"attemptId": first["_id"]}, "busy", 500))
    rows = call_api(f"attempts/{batch.id}", query_string={"callId": call.id}).json["data"]["attempts"]
    assert [(row["number"], row["outcome"]) for row in rows] == [(1, "busy"), (2, "completed")]

    exported = call_api(f"attempts/{batch.id}/csv")
    table = list(csv.DictReader(io.StringIO(exported.data.decode("utf-8-sig"))))
    assert [row["outcome"] for row in table] == ["busy", "completed", "completed"]
    assert table[0]["callId"] == call.id

    theirs = build.create_batch(stranger)
    for path in (f"attempts/{theirs.id}", f"attempts/{theirs.id}/csv"):
        assert call_api(path).status_code == 404
    assert call_api(f"attempts/{batch.id}", query_string={"callId": "x"}).status_code == 400


def test_a_contact_who_answered_any_attempt_was_reached(
    report: Callable, calls: list[Call], app: Flask, owner: User, build: Builder, batch: Batch
) -> None:
    build.change(batch, settings={"retry": 1, "retryOn": ["dropped"]})
    report((calls[0], "dropped", 9), (calls[0], "no-answer", 99), (calls[1], "no-answer", 9))
    with app.app_context():
        not_reached = [number for number, _ in query.fetch_contacts(owner.key, batch.id, only_not_reached=True)]
        answers = query.count_answers(owner.key, batch.id)
    assert not_reached == [calls[1].phone_number]
    assert (answers.first, answers.counts) == (MAY_2025 // MINUTE, {MAY_2025 // MINUTE: 1})


def test_a_change_of_the_settings_applies_to_calls_that_were_tried(
    app: Flask, report: Callable, calls: list[Call], details: Callable, call_api: Callable, batch: Batch
) -> None:
    report((calls[0], "busy", 20), (calls[1], "completed", 20))

    def change(**settings: Any) -> tuple[str, str | None]:
        assert call_api(f"batch/{batch.id}", settings, method="PATCH").status_code == 200
        data = details()
        return data["batchStatus"], data["data"][0]["nextAt"]

    assert change(delay=600) == ("active", format_iso(MAY_2025 + 620 * SECOND))
    assert change(retry=0) == ("completed", None)
    assert change(retry=1) == ("completed", format_iso(MAY_2025 + 620 * SECOND))  # it can be started again
    assert is_consistent(app)


def test_check_finds_and_repairs_a_wrong_number_of_attempts(app: Flask, report: Callable, calls: list[Call]) -> None:
    report((calls[0], "busy", 5))
    with app.app_context(), write_transaction() as session:
        session.execute(update(Call).where(Call.key == calls[0].key).values(attempts=7))
    run = app.test_cli_runner().invoke
    assert "1 calls have a wrong number of attempts" in run(args=["batch", "check"]).output
    assert run(args=["batch", "check", "--repair"]).output == "No differences found\n"


def add_event(call: Call, owner: User, event_id: str, status: str, at: int) -> None:
    """Store an event as a release without attempts does."""
    moment = MAY_2025 + at * SECOND
    row = {"owner_key": owner.key, "event_id": event_id, "call_key": call.key, "status": status}
    with write_transaction() as session:
        session.execute(insert(CallEvent.__table__).values(**row, occurred_at=moment, received_at=moment))


def report_as_earlier_release(batch: Batch, call: Call, status: str, called: int) -> None:
    """Change a call and the counts as a release without attempts does, which counts by statuses alone."""
    with write_transaction() as session:
        session.execute(update(Call).where(Call.key == call.key).values(status=status))
        counts = {"calls_called": Batch.calls_called + called}
        session.execute(update(Batch).where(Batch.key == batch.key).values(**counts))


def test_an_earlier_release_beside_this_one_counts_no_call_twice(
    app: Flask, owner: User, report: Callable, calls: list[Call], batch: Batch, details: Callable
) -> None:
    for call in calls:
        report((call, "busy", 10))  # both are called, and wait for the next try
    with app.app_context():
        for number, status in enumerate(("dialing", "no-answer")):
            add_event(calls[0], owner, f"old-{number}", status, 100 + number)
            report_as_earlier_release(batch, calls[0], status, called=int(status == "dialing"))
    assert is_consistent(app)
    with app.app_context():
        actions.divide_earlier_events()
    assert is_consistent(app)
    assert [log["callStatus"] for log in details()["data"][0]["phoneLogs"]] == ["busy", "no-answer"]
    assert details()["data"][0]["nextAt"] == format_iso(MAY_2025 + 161 * SECOND)


def test_calls_of_an_earlier_release_get_their_attempts(
    app: Flask, build: Builder, owner: User, report: Callable, details: Callable, batch: Batch, calls: list[Call]
) -> None:
    """By the migration, or later if the earlier release reported them during the upgrade; their outcomes stay."""
    call, other = calls
    build.change(batch, status="stopped", calls_called=1)
    build.change(call, status="no-answer", attempts=2, last_event_at=MAY_2025 + 80 * SECOND)
    with app.app_context():
        for number, (status, at) in enumerate([("dialing", 0), ("busy", 5), ("dialing", 60), ("no-answer", 80)]):
            add_event(call, owner, f"old-{number}", status, at)
        downgrade(revision="0011b")
        upgrade()
    assert [log["callStatus"] for log in details()["data"][0]["phoneLogs"]] == ["busy", "no-answer"]
    with app.app_context():
        add_event(other, owner, "beside", "busy", 200)
        report_as_earlier_release(batch, other, "busy", called=1)
        actions.divide_earlier_events()
    assert is_consistent(app)
    assert [log["callStatus"] for log in details()["data"][1]["phoneLogs"]] == ["busy"]
    report((call, "busy", 300))
    assert [call["nextAt"] for call in details()["data"]] == [None, None]  # the past is not tried again


def test_attempts_go_with_their_calls(app: Flask, report: Callable, calls: list[Call], batch: Batch) -> None:
    report((calls[0], "busy", 5))
    with app.app_context(), write_transaction() as session:
        session.execute(Batch.__table__.delete().where(Batch.key == batch.key))
        assert session.query(Attempt).count() == 0
