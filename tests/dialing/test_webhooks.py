"""Callbacks of providers over HTTP: only genuine ones change a call, and repeating them changes nothing more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from portal.db.transactions import write_transaction
from portal.dialing.engines import SIGNATURE_HEADER, Placement
from portal.dialing.reports import record_placements
from portal.dialing.taking import TakenCall
from portal.dialing.trunk_engines import callback_url, open_engine
from portal.models import Batch, Trunk, User
from portal.times import now_ms
from portal.trunks.actions import encrypt
from tests.support.builders import Builder
from tests.support.call_provider import SECRET, CallProvider, ProviderCall, SignedCallback, run_call_provider

PUBLIC_URL = "https://portal.example"


@pytest.fixture
def app(app: Flask) -> Iterator[Flask]:
    app.config["PUBLIC_URL"] = PUBLIC_URL
    yield app
    app.config["PUBLIC_URL"] = ""


@pytest.fixture
def provider() -> Iterator[CallProvider]:
    with run_call_provider() as running:
        yield running


@pytest.fixture
def place(app: Flask, owner: User, trunk: Trunk, provider: CallProvider, take: Callable) -> Callable:
    """Take a call and place it at the provider; return the call as both know it."""
    with app.app_context():
        encrypted = encrypt(SECRET)
        with write_transaction() as session:
            values = {"kind": "http", "address": provider.address, "secret": encrypted}
            session.execute(update(Trunk).where(Trunk.key == trunk.key).values(**values))

    def run() -> tuple[TakenCall, ProviderCall]:
        [call] = take()
        with app.app_context():
            trunk_now = Trunk(id=trunk.id, kind="http", address=provider.address, secret=encrypted)
            with closing(open_engine(trunk_now)) as engine:
                numbers = (call.phone_number, call.from_number, call.ring_seconds)
                record_placements(owner.key, {call.attempt_id: engine.place(Placement(call.attempt_id, *numbers))})
        return call, provider.call_of(call.attempt_id)

    return run


def send(client: FlaskClient, callback: SignedCallback, **changes: str) -> TestResponse:
    path = callback.url.removeprefix(PUBLIC_URL)
    headers = {SIGNATURE_HEADER: changes.get("signature", callback.signature)}
    return client.post(changes.get("path", path), data=dict(callback.fields), headers=headers)


def test_callbacks_lead_a_call_to_its_end_in_any_order_and_number(
    client: FlaskClient,
    create_batch: Callable[..., Batch],
    place: Callable,
    find_attempts: Callable,
    find_calls: Callable,
    is_consistent: Callable,
) -> None:
    batch = create_batch()
    _, call = place()
    at = now_ms() // 1000 + 1
    call.statuses += ["ringing", "in-progress", "completed"]
    call.seconds = 42
    times = [at, at, at + 5, at + 47]
    callbacks = [call.callback(SECRET, number, times[number]) for number in range(4)]
    for callback in [callbacks[3], callbacks[1], callbacks[3], callbacks[2], callbacks[0], callbacks[1]]:
        answer = send(client, callback)
        assert (answer.status_code, answer.json["message"]) == (200, "Callback received")
    [attempt] = find_attempts()
    assert (attempt.state, attempt.outcome, attempt.cause) == ("ended", "completed", 16)
    assert (attempt.answered_at, attempt.ended_at, attempt.duration_seconds) == (
        (at + 5) * 1000,
        (at + 47) * 1000,
        42,
    )
    assert [row.status for row in find_calls(batch)] == ["completed"]
    assert is_consistent()


def test_forged_callbacks_change_nothing(
    client: FlaskClient, create_batch: Callable[..., Batch], place: Callable, find_attempts: Callable
) -> None:
    create_batch()
    _, call = place()
    before = find_attempts()
    call.statuses.append("busy")
    callback = call.callback(SECRET, 1, now_ms() // 1000)
    other_attempt = callback.url.removeprefix(PUBLIC_URL)[:-24] + "0" * 24
    for changes in ({"signature": ""}, {"signature": "forged"}, {"path": other_attempt}):
        answer = send(client, callback, **changes)
        assert answer.status_code == 403
        assert "X-Twilio-Signature must be" in answer.json["errorMessage"]
    assert send(client, call.callback("AC0123:another secret", 1, 0)).status_code == 403
    assert find_attempts() == before


def test_what_concerns_no_attempt_is_ignored_or_refused(
    app: Flask, client: FlaskClient, create_batch: Callable[..., Batch], place: Callable, trunk: Trunk
) -> None:
    create_batch()
    _, call = place()
    call.statuses.append("busy")
    with app.app_context():
        address = callback_url(trunk.id)
    call.fields["StatusCallback"] = f"{address}?attemptId={'0' * 24}"
    assert send(client, call.callback(SECRET, 1, 0)).status_code == 200  # its batch may be deleted
    call.fields["StatusCallback"] = f"{address}?attemptId=none"
    answer = send(client, call.callback(SECRET, 1, 0))
    assert answer.status_code == 400
    assert answer.json["errorMessage"] == "attemptId must be 24 hexadecimal digits"
    callback = call.callback(SECRET, 1, 0)
    assert send(client, callback, path="/api/call/webhooks/none").status_code == 404
    assert send(client, callback, path=f"/api/call/webhooks/{'0' * 24}").status_code == 404
    large = SignedCallback(callback.url, [("CallSid", "x" * 30_000)], "")
    assert send(client, large).status_code == 413


def test_a_simulator_receives_no_callbacks(client: FlaskClient, build: Builder, owner: User) -> None:
    trunk = build.create_trunk(owner)
    assert client.post(f"/api/call/webhooks/{trunk.id}?attemptId={'0' * 24}").status_code == 404
