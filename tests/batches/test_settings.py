"""Settings of a batch: in the API, on its page, and its scheduled start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit import batch_query
from portal.audit.batch_presenter import batch_event_view
from portal.batches import actions
from portal.batches.settings import dialing_rules
from portal.dialing.rules import DialingRules
from portal.dialing.windows import Window
from portal.extensions import db
from portal.models import Batch, Call, User
from portal.times import DAY_MS, format_iso, now_ms
from tests.batches.test_pages import strip
from tests.support.builders import Builder
from tests.support.sessions import csrf_token
from tests.support.statements import record_statements

CALLER_ID = "+12025550100"
NOW = 1_795_802_400_000  # 2026-11-27T18:00:00Z, a Friday
MONDAY = "2026-11-30T08:00:00.000Z"
ON_SQLITE = pytest.mark.parametrize("app", ["sqlite"], indirect=True)  # does not depend on the database
NEW = {"batchName": "Spring", "callingNumbers": [CALLER_ID]}


@pytest.fixture(autouse=True)
def friday(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock of settings and pages."""
    for module in ("portal.batches.settings", "portal.web.clock"):
        monkeypatch.setattr(f"{module}.now_ms", lambda: NOW)


@pytest.fixture
def send(signed_in: FlaskClient) -> Callable[..., Any]:
    """Send the form of a batch, as the page shows it, with some fields changed; None leaves a field out."""

    def post(batch_id: str, **changes: Any) -> Any:
        page = signed_in.get(f"/batches/{batch_id}/settings").text
        form = {
            "csrf_token": csrf_token(page),
            "batchName": "Spring",
            "callingNumbers": CALLER_ID,
            "timezone": "Europe/Paris",
            "start": "",
            "end": "",
            "retry": "0",
            "delay": "0",
            "retryOn": ["", "busy", "no-answer"],
            "useCalleeZone": ["false", "true"],
            "attemptsPerDay": "",
            "maxConcurrent": "",
            "startsAt": "",
        }
        sent = {name: value for name, value in (form | changes).items() if value is not None}
        return signed_in.post(f"/batches/{batch_id}/settings", data=sent)

    return post


def latest_events(app: Flask, owner: User, batch_id: str) -> list[tuple[str, str, str]]:
    """Return description, actor and channel of the batch's events, newest first."""
    with app.app_context():
        views = [batch_event_view(row) for row in batch_query.fetch_batch_events(owner.key, batch_id, 1, 10).rows]
    return [(view.description, view.actor, view.channel) for view in views]


# --- the API ----------------------------------------------------------------------------------------------------------


def test_every_setting_is_stored_answered_and_changed(call_api: Callable) -> None:
    sent = NEW | {
        "retry": 3,
        "delay": 900,
        "retryOn": ["failed", "busy", "busy"],
        "timezone": "Europe/Paris",
        "callingHour": {"start": "22:00", "end": "02:00"},
        "allowedDays": [5],
        "useCalleeZone": False,
        "attemptsPerDay": 2,
        "maxConcurrent": 20,
        "enableDNC": True,
        "startsAt": "2026-11-30T09:00:00+01:00",
    }
    batch_id = call_api("createBatch", sent).json["data"]
    stored = {"batchId": batch_id} | sent | {"retryOn": ["busy", "failed"], "startsAt": MONDAY}
    answer = call_api(f"batch/{batch_id}")
    assert (answer.status_code, answer.json["data"]) == (200, stored)
    assert dialing_rules(stored) == DialingRules(Window("22:00", "02:00", (5,)), "Europe/Paris", False, 2)
    cleared = {
        "maxConcurrent": 0,
        "attemptsPerDay": 0,
        "startsAt": "",
        "callingHour": {"start": "00:00", "end": "00:00"},
    }
    answer = call_api(f"batch/{batch_id}", cleared, method="PATCH")
    assert answer.json["data"] == stored | cleared | {"startsAt": None, "callingHour": None}
    answer = call_api(f"batch/{batch_id}", {"startsAt": MONDAY, "useCalleeZone": True}, method="PATCH")
    assert (answer.json["data"]["startsAt"], answer.json["data"]["useCalleeZone"]) == (MONDAY, True)


@ON_SQLITE
@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("startsAt", "2026-11-27T18:00:00Z", "startsAt must be in the future, at most 365 days ahead"),
        ("startsAt", "2062-11-30T18:00:00Z", "startsAt must be in the future, at most 365 days ahead"),
        ("startsAt", "2026-11-30T09:00:00", "startsAt must be an ISO date-time with an offset"),
        ("startsAt", 5, "startsAt must be text"),
        ("retryOn", [], "retryOn must have at least 1 item"),
        ("retryOn", ["completed"], "retryOn must contain only busy, no-answer, failed, dropped"),
        ("retryOn", [["busy"]], "retryOn must contain only busy, no-answer, failed, dropped"),
        ("retryOn", "busy", "retryOn must be a list of outcomes"),
        ("maxConcurrent", 1001, "maxConcurrent must be between 0 and 1000"),
        ("attemptsPerDay", -1, "attemptsPerDay must be between 0 and 100"),
        ("useCalleeZone", "perhaps", "useCalleeZone must be true or false"),
        ("retry", 11, "retry must be between 0 and 10"),
    ],
)
def test_a_wrong_setting_is_named(call_api: Callable, field: str, value: Any, message: str) -> None:
    batch_id = call_api("createBatch", NEW).json["data"]
    for answer in (
        call_api("createBatch", NEW | {field: value}),
        call_api(f"batch/{batch_id}", {field: value}, method="PATCH"),
    ):
        assert answer.status_code == 400
        assert answer.json["errorMessage"].startswith(message)


@ON_SQLITE
def test_settings_are_read_by_their_owner_only(call_api: Callable, build: Builder, owner: User, stranger: User) -> None:
    batch = build.create_batch(owner)
    assert call_api(f"batch/{batch.id}", token=build.create_token(stranger)).status_code == 404
    assert call_api(f"batch/{build.create_batch(owner, deleted=True).id}").status_code == 404
    assert call_api("batch/x").status_code == 400
    assert call_api(f"batch/{batch.id}?page=1").status_code == 400


def test_changed_rules_release_the_calls_that_they_held(
    app: Flask, call_api: Callable, build: Builder, owner: User
) -> None:
    batch = build.create_batch(owner, settings={"callingNumbers": [CALLER_ID]}, total_calls=3)
    build.create_call(batch, due_at=NOW + DAY_MS, held_for="window")
    build.create_call(batch, due_at=NOW + 60_000)

    def due_times() -> list[int]:
        with app.app_context():
            return list(db.session.execute(select(Call.due_at).order_by(Call.key)).scalars())

    call_api(f"batch/{batch.id}", {"retry": 2, "batchName": "Summer"}, method="PATCH")
    assert due_times() == [NOW + DAY_MS, NOW + 60_000]
    call_api(f"batch/{batch.id}", {"timezone": "Europe/Paris"}, method="PATCH")
    assert due_times() == [0, NOW + 60_000], "a retry waits for its delay"


def test_calls_store_the_time_zones_of_their_contacts(app: Flask, call_api: Callable) -> None:
    batch_id = call_api("createBatch", NEW).json["data"]
    contacts = [
        {"phoneNumber": "+12125550100"},
        {"phoneNumber": "+12125550101", "timezone": "Tokyo"},
        {"phoneNumber": "+870773111632"},
    ]
    for zone in ("America/New_York", "Europe/Paris"):
        call_api("addCallsToBatch", {"batchId": batch_id, "call_data": contacts})
        with app.app_context():
            calls = db.session.execute(select(Call).order_by(Call.key)).scalars()
            assert [call.zone_set for call in calls] == [zone, "Asia/Tokyo", "-"]
        contacts[0]["Time zone"] = "Europe/Paris"


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_page_changes_name_and_settings_in_any_status(
    app: Flask, send: Callable, signed_in: FlaskClient, call_api: Callable, build: Builder, owner: User
) -> None:
    batch_id = build.create_batch(owner, "Spring", status="active", settings={"callingNumbers": [CALLER_ID]}).id
    changes = {
        "batchName": "Summer",
        "callingNumbers": "+12025550101; +1 202 555 0102",
        "start": "09:00",
        "end": "17:00",
        "allowedDays": ["1", "5"],
        "retry": "2",
        "delay": "900",
        "retryOn": ["", "failed"],
        "useCalleeZone": ["false"],
        "attemptsPerDay": "3",
        "maxConcurrent": "20",
        "startsAt": None,
    }
    answer = send(batch_id, **changes)
    assert (answer.status_code, answer.location) == (303, f"/batches/{batch_id}")
    assert "Settings saved." in signed_in.get(answer.location).text
    assert call_api(f"batch/{batch_id}").json["data"] == {
        "batchId": batch_id,
        "batchName": "Summer",
        "callingNumbers": ["+12025550101", "+12025550102"],
        "retry": 2,
        "delay": 900,
        "retryOn": ["failed"],
        "timezone": "Europe/Paris",
        "callingHour": {"start": "09:00", "end": "17:00"},
        "allowedDays": [1, 5],
        "useCalleeZone": False,
        "attemptsPerDay": 3,
        "maxConcurrent": 20,
        "enableDNC": False,
        "startsAt": None,
    }
    assert latest_events(app, owner, batch_id) == [
        (
            "Changed caller IDs, retries (0 → 2), delay (0 s → 15 min), time zone (UTC → Europe/Paris), calling hours"
            " (all day → 09:00 to 17:00), days (every day → Monday and Friday), retried outcomes (busy, no answer →"
            " failed), hours in the callee's time zone (on → off), attempts in 24 hours (no limit → 3), simultaneous"
            " calls (no limit → 20)",
            "owner",
            "web app",
        ),
        ("Renamed from “Spring” to “Summer”", "owner", "web app"),
    ]
    page = signed_in.get(f"/batches/{batch_id}/settings").text
    for shown in ('value="Summer"', 'value="09:00"', 'name="retry" min="0" max="10" value="2"', 'value="Europe/Paris"'):
        assert shown in page
    assert 'name="startsAt"' not in page, "an active batch has started"


@ON_SQLITE
def test_a_form_without_a_change_changes_nothing(
    app: Flask, send: Callable, call_api: Callable, build: Builder, owner: User
) -> None:
    stored = {"callingNumbers": [CALLER_ID], "timezone": "Europe/Paris"}
    batch_id = build.create_batch(owner, "Spring", settings=stored, starts_at=NOW - DAY_MS).id
    assert send(batch_id, startsAt="2026-11-26T19:00").status_code == 303
    assert latest_events(app, owner, batch_id) == []
    assert send(batch_id, startsAt="").status_code == 303
    assert latest_events(app, owner, batch_id)[0][0] == "Changed scheduled start (Thu 26 Nov, 18:00 (UTC) → none)"


@ON_SQLITE
def test_a_batch_without_caller_ids_needs_none(send: Callable, build: Builder, owner: User) -> None:
    assert send(build.create_batch(owner, "Spring").id, callingNumbers="", retry="1").status_code == 303


@ON_SQLITE
@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("batchName", "", "Must not be empty."),
        ("callingNumbers", "12", "Has no country code; add it, such as +1, or choose a country."),
        ("start", "09:00", "Enter both times, such as 09:00 and 17:00."),
        ("timezone", "Atlantis", "Must be an IANA time zone"),
        ("retry", "11", "Must be between 0 and 10."),
        ("retryOn", [""], "Select at least one outcome."),
        ("maxConcurrent", "many", "Must be between 0 and 1000, as a whole number."),
        ("startsAt", "2026-11-27T09:00", "Must be in the future, at most 365 days ahead."),
        ("startsAt", "soon", "Enter a date and a time."),
        ("startsAt", "2026-02-31T09:00", "Enter a date and a time."),
    ],
)
def test_an_error_is_beside_its_field_and_nothing_changes(
    app: Flask, send: Callable, build: Builder, owner: User, field: str, value: Any, message: str
) -> None:
    batch_id = build.create_batch(owner, "Spring", settings={"callingNumbers": [CALLER_ID]}).id
    answer = send(batch_id, **{"attemptsPerDay": "7", field: value})
    assert answer.status_code == 400
    assert message in strip(answer.text)
    assert 'name="attemptsPerDay" min="0" max="100" value="7"' in answer.text, "what was entered stays"
    assert latest_events(app, owner, batch_id) == []


# --- the scheduled start ----------------------------------------------------------------------------------------------


@pytest.fixture
def scheduled(build: Builder, owner: User) -> Batch:
    """Return a pending batch with a call that starts on Monday, 09:00 in Paris."""
    settings = {"callingNumbers": [CALLER_ID], "timezone": "Europe/Paris"}
    batch = build.create_batch(owner, "Spring", settings=settings, starts_at=NOW + 62 * 3_600_000, total_calls=1)
    build.create_call(batch)
    return batch


@ON_SQLITE
def test_pages_say_when_a_batch_starts(
    signed_in: FlaskClient, scheduled: Batch, build: Builder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for address in ("/batches", f"/batches/{scheduled.id}"):
        page = signed_in.get(address).text
        assert "Starts Mon 30 Nov, 09:00 (Paris)" in strip(page)
        assert "data-refresh" in page
    assert 'name="startsAt" value="2026-11-30T09:00"' in signed_in.get(f"/batches/{scheduled.id}/settings").text
    monkeypatch.setattr("portal.web.clock.now_ms", lambda: NOW + 62 * 3_600_000)
    assert "Starts in a few seconds" in strip(signed_in.get("/batches").text)
    build.change(scheduled, total_calls=0)
    assert "Starts when it has calls" in strip(signed_in.get("/batches").text)


def test_a_batch_starts_by_itself_at_its_time(
    app: Flask, api: Callable, scheduled: Batch, build: Builder, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {
        "without calls": build.create_batch(owner, starts_at=NOW),
        "without open calls": build.create_batch(owner, starts_at=NOW, total_calls=1),
        "stopped": build.create_batch(owner, starts_at=NOW, total_calls=1, status="stopped"),
        "deleted": build.create_batch(owner, starts_at=NOW, total_calls=1, deleted=True),
        "disabled": build.create_batch(build.create_user("gone", disabled_at=1), starts_at=NOW, total_calls=1),
    }
    for name in ("stopped", "deleted", "disabled"):
        build.create_call(others[name])
    clock = NOW + 62 * 3_600_000 - 1
    monkeypatch.setattr("portal.batches.actions.lifecycle.now_ms", lambda: clock)
    for expected in ("pending", "active", "active"):
        with app.app_context():
            actions.start_scheduled_batches()
        statuses = {batch["_id"]: batch["queue_status"] for batch in api().json["data"]["batches"]}
        assert statuses.pop(scheduled.id) == expected
        assert sorted(statuses.values()) == ["pending", "pending", "stopped"]
        clock += 1
    assert latest_events(app, owner, scheduled.id) == [("Changed from pending to active", "System", "schedule")]


def test_without_a_due_batch_the_check_reads_one_statement(app: Flask, scheduled: Batch) -> None:
    with app.app_context(), record_statements(app) as executed:
        actions.start_scheduled_batches()
    assert len(executed) == 1


@ON_SQLITE
def test_a_copy_is_not_scheduled(signed_in: FlaskClient, call_api: Callable, scheduled: Batch) -> None:
    form = {"name": "Copy", "csrf_token": csrf_token(signed_in.get(f"/batches/{scheduled.id}/duplicate").text)}
    copy_id = signed_in.post(f"/batches/{scheduled.id}/duplicate", data=form).location.rpartition("/")[2]
    settings = call_api(f"batch/{copy_id}").json["data"]
    assert (settings["timezone"], settings["startsAt"]) == ("Europe/Paris", None)


@ON_SQLITE
def test_a_start_time_of_today_is_accepted(call_api: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.batches.settings.now_ms", now_ms)
    soon = format_iso(now_ms() + 60_000)
    batch_id = call_api("createBatch", NEW | {"startsAt": soon}).json["data"]
    assert call_api(f"batch/{batch_id}").json["data"]["startsAt"] == soon
