"""Emergency stops: no call is taken while one is in force, and every page says so."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.admin import actions as admin_actions
from portal.admin.actions import AdminActionRefused
from portal.dialing import stops
from portal.extensions import db
from portal.models import AccountLogEntry, Channel, Scope, User
from portal.models.actor import Actor
from tests.conftest import csrf_token, sign_in
from tests.support.builders import Builder

PATH = "/settings/emergency-stop"
on_sqlite = pytest.mark.parametrize("app", ["sqlite"], indirect=True)


def audit_log(app: Flask) -> list[tuple[str, dict[str, Any]]]:
    with app.app_context():
        rows = db.session.execute(select(AccountLogEntry).order_by(AccountLogEntry.key)).scalars()
        return [(row.what, row.details) for row in rows if row.what.startswith("emergency")]


def test_a_stopped_account_takes_no_calls(
    app: Flask, owner: User, stranger: User, call_api: Callable, create_batch: Callable, take: Callable
) -> None:
    create_batch(3)
    assert len(take()) == 3
    create_batch(2)
    stopped = call_api("emergency-stop", {"reason": "Wrong list"})
    assert (stopped.status_code, stopped.json["data"]) == (200, {"hungUp": 3})
    assert call_api("emergency-stop", {}).json["data"] == {"hungUp": 3}
    assert take(1) == []
    with app.app_context():
        assert stops.is_stopped(owner.key)
        assert not stops.is_stopped(stranger.key)
    assert call_api("emergency-resume", {"reason": "Corrected"}).json["message"] == "Calls resumed"
    assert call_api("emergency-resume", {}).json["message"] == "No emergency stop was in force"
    assert len(take(2)) == 2
    assert audit_log(app) == [
        ("emergency-stop", {"why": "Wrong list", "hung_up": 3}),
        ("emergency-resume", {"why": "Corrected"}),
    ]


def test_admins_stop_all_accounts(
    app: Flask,
    build: Builder,
    owner: User,
    stranger: User,
    call_api: Callable,
    create_batch: Callable,
    take: Callable,
) -> None:
    create_batch(1)
    with app.app_context():
        with pytest.raises(AdminActionRefused):
            admin_actions.stop_everyone("", Actor(stranger.key, Channel.PAGE))
        assert not stops.is_stopped(owner.key)
        assert admin_actions.stop_everyone("Carrier complaint") == 0
        assert stops.is_stopped(owner.key)
        assert stops.is_stopped(stranger.key)
    assert take() == []
    refused = call_api("emergency-resume", {"reason": "x"}).json
    assert (refused["code"], refused["message"]) == (
        200,
        "The calls of all accounts are stopped; only an admin can resume them",
    )
    assert take() == []
    build.change(stranger, is_admin=True)
    with app.app_context():
        assert admin_actions.resume_everyone("", Actor(stranger.key, Channel.PAGE))
        assert not admin_actions.resume_everyone("")
    assert len(take(1)) == 1
    assert audit_log(app)[0][1] == {"all_accounts": True, "why": "Carrier complaint"}


def test_nothing_is_taken_after_the_answer(
    app: Flask, owner: User, create_batch: Callable, take: Callable, find_attempts: Callable, build: Builder, trunk: Any
) -> None:
    build.change(trunk, lines=1000)
    create_batch(200)
    answered = threading.Event()
    late: list[Any] = []

    def take_repeatedly() -> None:
        while not answered.is_set():
            take()
        late.extend(take(1))

    dialers = [threading.Thread(target=take_repeatedly) for _ in range(2)]
    for dialer in dialers:
        dialer.start()
    try:
        while not find_attempts():
            pass
        with app.app_context():
            hung_up = stops.stop(Actor(owner.key, Channel.API), "Enough")
        at_the_answer = len(find_attempts())
    finally:
        answered.set()
        for dialer in dialers:
            dialer.join()
    assert hung_up == at_the_answer == len(find_attempts())
    assert late == []


def test_outside_dialers_lease_nothing_and_hang_up(
    app: Flask, owner: User, build: Builder, call_api: Callable, create_batch: Callable
) -> None:
    create_batch(2, numbers=("+12025550155",))
    token = build.create_token(owner, Scope.DIAL)
    leased = call_api("lease", {"worker": "outside", "limit": 1, "seconds": 60}, token=token).json["data"]
    (held,) = [attempt["attemptId"] for attempt in leased["attempts"]]
    assert call_api("emergency-stop", {"reason": ""}).json["data"] == {"hungUp": 1}
    refused = call_api("lease", {"worker": "outside", "limit": 1, "seconds": 60}, token=token)
    assert (refused.status_code, "emergency stop" in refused.json["errorMessage"]) == (409, True)
    beat = {"attemptIds": [held], "seconds": 60}
    assert call_api("heartbeat", beat, token=token).json["data"] == {"extended": [], "gone": [held]}
    call_api("emergency-resume", {})
    assert call_api("heartbeat", beat, token=token).json["data"] == {"extended": [held], "gone": []}


def test_bad_bodies_name_the_field(call_api: Callable) -> None:
    for body in ({"reason": "x" * 201}, {"reason": 5}, {"why": "x"}):
        answer = call_api("emergency-stop", body)
        assert answer.status_code == 400
        assert next(iter(body)) in answer.json["errorMessage"]


# --- pages ------------------------------------------------------------------------------------------------------------


def send(client: FlaskClient, path: str, **form: str) -> str:
    token = csrf_token(client.get("/settings/tokens").text)
    return client.post(path, data=form | {"csrf_token": token}, follow_redirects=True).text


@on_sqlite
def test_pages_offer_the_stop_say_that_it_is_in_force_and_lift_it(
    signed_in: FlaskClient, build: Builder, owner: User
) -> None:
    assert "Stop all calls" not in signed_in.get("/batches").text
    batch = build.create_batch(owner, status="active", total_calls=1)
    build.create_call(batch)
    for path in ("/batches", "/settings/tokens", f"/batches/{batch.id}", "/nowhere"):
        assert f'class="button stop-link" href="{PATH}"' in signed_in.get(path).text
    assert "No call is open now." in signed_in.get(PATH).text
    page = send(signed_in, PATH, reason="Wrong “list”")
    assert "All calls stopped. No call was open." in page
    assert "Lift the stop" in page
    for path in ("/batches", "/settings/tokens", f"/batches/{batch.id}", "/nowhere"):
        page = signed_in.get(path).text
        assert "All calls are stopped." in page
        assert "Wrong “list”" in page
        assert f'<a href="{PATH}">Lift the stop</a>' in page
    assert "the end of the emergency stop" in signed_in.get(f"/batches/{batch.id}").text
    assert "Emergency stop lifted. Active batches continue." in send(signed_in, f"{PATH}/lift")
    assert "No change needed." in send(signed_in, f"{PATH}/lift")
    assert "All calls are stopped." not in signed_in.get("/batches").text
    assert "must be at most" in send(signed_in, PATH, reason="x" * 201)


@on_sqlite
def test_open_pages_learn_of_a_stop(app: Flask, signed_in: FlaskClient, build: Builder, owner: User) -> None:
    build.create_batch(owner, status="active")
    headers = {"X-Refresh": "-"}
    tag = signed_in.get("/batches", headers=headers).headers["ETag"]
    with app.app_context():
        stops.stop(Actor(owner.key, Channel.API), "")
    fresh = signed_in.get("/batches", headers=headers | {"If-None-Match": tag})
    assert fresh.status_code == 200
    assert "All calls are stopped." in fresh.text


@on_sqlite
def test_only_admins_stop_and_lift_the_stop_of_all_accounts(
    app: Flask, build: Builder, owner: User, stranger: User
) -> None:
    user = sign_in(app, owner)
    admin = sign_in(app, build.change(stranger, is_admin=True))
    assert user.get("/admin/emergency-stop").status_code == 404
    assert "Stop the calls of all accounts?" in admin.get("/admin/emergency-stop").text
    assert "The calls of all accounts are stopped" in send(admin, "/admin/emergency-stop", reason="Complaint")
    page = user.get("/batches").text
    assert "The calls of all accounts are stopped." in page
    assert "Only an admin can lift this stop." in page
    assert "Lift the stop" not in page
    assert "Emergency stop of all accounts lifted." in send(admin, "/admin/emergency-stop/lift")
    assert "are stopped" not in user.get("/batches").text


@on_sqlite
def test_commands_stop_and_resume(app: Flask, owner: User) -> None:
    run = app.test_cli_runner().invoke
    assert run(args=["emergency-stop", "--reason", "Maintenance"]).output == "0 open calls being hung up\n"
    assert run(args=["emergency-stop", "--user", owner.email]).output == "0 open calls being hung up\n"
    assert run(args=["emergency-resume"]).output == "Calls resumed\n"
    with app.app_context():
        assert stops.is_stopped(owner.key)
    assert run(args=["emergency-resume", "--user", owner.email]).output == "Calls resumed\n"
    assert run(args=["emergency-resume", "--user", owner.email]).output == "No emergency stop was in force\n"
    assert "there is no account" in run(args=["emergency-stop", "--user", "unknown@example.com"]).output
    with app.app_context():
        assert not stops.is_stopped(owner.key)
