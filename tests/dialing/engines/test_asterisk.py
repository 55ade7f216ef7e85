"""The engine against a real Asterisk, with SIPp as the people called."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from portal.dialing.engines import EventKind, NotPlaced, Outcome, Placement, Unsure
from portal.dialing.engines.asterisk import AsteriskEngine, parse_event, record_name
from portal.times import now_ms
from tests.dialing.engines.placements import call_to, hear_until_over, wait_until
from tests.support.asterisk import Telephony
from tests.support.servers import free_port

pytestmark = pytest.mark.xdist_group("asterisk")  # one Asterisk for all of them

RING_SECONDS = 1  # so that the tests are short; trunks ring for at least 15 seconds

# The last digit of the number called, the outcome, and the Q.850 cause (tests/support/callees.py).
OUTCOMES = {
    "+12025550100": (Outcome.COMPLETED, 16),
    "+12025550104": (Outcome.DROPPED, 16),
    "+12025550105": (Outcome.BUSY, 17),
    "+12025550106": (Outcome.NO_ANSWER, 0),  # the ring time of the engine ended
    "+12025550107": (Outcome.NO_ANSWER, 19),  # the phone is unavailable
    "+12025550108": (Outcome.FAILED, 1),  # there is no such number
    "+12025550109": (Outcome.FAILED, 21),  # rejected
}


@pytest.fixture
def engine(telephony: Telephony) -> Iterator[AsteriskEngine]:
    engine = AsteriskEngine(telephony.address, telephony.secret)
    engine.events()
    wait_until(lambda: engine.is_listening)
    yield engine
    engine.close()


def answers(number: str) -> bool:
    return OUTCOMES[number][0] in (Outcome.COMPLETED, Outcome.DROPPED)


def test_events_and_records_agree_on_every_outcome(engine: AsteriskEngine, telephony: Telephony) -> None:
    invited = len(telephony.invited_numbers())
    calls = {number: call_to(number, RING_SECONDS) for number in OUTCOMES}
    began_at = now_ms() - 1000
    assert [engine.place(placement) for placement in calls.values()] == [None] * len(calls)
    assert engine.is_live(calls["+12025550106"].attempt_id)
    heard = hear_until_over(engine, {placement.attempt_id for placement in calls.values()})
    for number, placement in calls.items():
        events = [event for event in heard if event.attempt_id == placement.attempt_id]
        over, record = events[-1], engine.record(placement.attempt_id)
        assert (over.outcome, over.cause) == OUTCOMES[number]
        assert (record.outcome, record.cause) == OUTCOMES[number]
        assert (record.answered_at is not None) == answers(number)
        assert (EventKind.ANSWERED in {event.kind for event in events}) == answers(number)
        assert began_at < over.moment < now_ms() + 1000
        assert not engine.is_live(placement.attempt_id)
    assert sorted(telephony.invited_numbers()[invited:]) == sorted(OUTCOMES)


def test_answering_machines_are_reported(engine: AsteriskEngine) -> None:
    placement = call_to("+12025550130", RING_SECONDS)
    assert engine.place(placement) is None
    events = hear_until_over(engine, {placement.attempt_id})
    assert [event.kind for event in events if event.attempt_id == placement.attempt_id] == [
        EventKind.RINGING,
        EventKind.ANSWERED,
        EventKind.MACHINE,
        EventKind.OVER,
    ]
    assert engine.record(placement.attempt_id).answered_by == "machine"


def test_an_attempt_rings_once_however_often_it_is_placed(engine: AsteriskEngine, telephony: Telephony) -> None:
    invited = len(telephony.invited_numbers())
    placement = call_to("+12025550106", RING_SECONDS)
    assert engine.place(placement) is None
    assert isinstance(engine.place(placement), Unsure)
    hear_until_over(engine, {placement.attempt_id})
    assert telephony.invited_numbers()[invited:] == ["+12025550106"]


def test_a_ringing_call_is_hung_up(engine: AsteriskEngine) -> None:
    placement = call_to("+12025550106")
    engine.place(placement)
    engine.hang_up(placement.attempt_id)
    over = hear_until_over(engine, {placement.attempt_id})[-1]
    assert (over.outcome, over.cause) == (Outcome.NO_ANSWER, 16)
    engine.hang_up(placement.attempt_id)  # a second time changes nothing


def test_a_call_goes_on_without_a_listener_and_its_record_is_read_later(
    engine: AsteriskEngine, telephony: Telephony
) -> None:
    placement = call_to("+12025550104", RING_SECONDS)
    engine.place(placement)
    engine.close()
    later = AsteriskEngine(telephony.address, telephony.secret)
    wait_until(lambda: not later.is_live(placement.attempt_id))
    assert later.record(placement.attempt_id).outcome is Outcome.DROPPED
    assert later.record("0" * 24) is None
    assert isinstance(later.place(call_to("+12025550100")), NotPlaced)  # it does not listen
    later.close()


def test_two_workers_hear_all_calls(engine: AsteriskEngine, telephony: Telephony) -> None:
    other = AsteriskEngine(telephony.address, telephony.secret)
    other.events()
    wait_until(lambda: other.is_listening)
    placement = call_to("+12025550105")
    engine.place(placement)
    assert hear_until_over(engine, {placement.attempt_id}) == hear_until_over(other, {placement.attempt_id})
    other.close()


def test_records_are_deleted_after_their_calls_were_heard(
    engine: AsteriskEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.dialing.engines.asterisk.FORGET_MS", 0)
    placement = call_to("+12025550105")
    engine.place(placement)
    hear_until_over(engine, {placement.attempt_id})
    wait_until(lambda: not engine.api.ask("GET", "/asterisk/variable", params=variable(placement))["value"])


def variable(placement: Placement) -> dict[str, str]:
    return {"variable": record_name(placement.attempt_id)}


def test_an_endpoint_that_does_not_exist_places_nothing(telephony: Telephony) -> None:
    engine = AsteriskEngine(f"{telephony.address}?endpoint=missing", telephony.secret)
    engine.events()
    wait_until(lambda: engine.is_listening)
    assert isinstance(engine.place(call_to("+12025550100")), NotPlaced)
    engine.close()


def test_nothing_is_placed_while_asterisk_is_down_and_the_engine_connects_again(telephony: Telephony) -> None:
    engine = AsteriskEngine(telephony.address, telephony.secret)
    engine.events()
    wait_until(lambda: engine.is_listening)
    live = call_to("+12025550106")
    assert engine.place(live) is None
    telephony.kill_asterisk()
    wait_until(lambda: not engine.is_listening)
    assert isinstance(engine.place(call_to("+12025550100")), NotPlaced)
    heard_at = engine.heard_at
    telephony.start_asterisk()
    wait_until(lambda: engine.is_listening)
    assert engine.heard_at > heard_at
    assert not engine.is_live(live.attempt_id)
    assert engine.record(live.attempt_id) is None  # lost with Asterisk
    engine.close()


def test_a_silent_connection_is_noticed_and_the_end_that_was_not_heard_is_recorded(
    telephony: Telephony, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.dialing.engines.asterisk.PING_SECONDS", 0.1)
    monkeypatch.setattr("portal.dialing.engines.asterisk.PONG_SECONDS", 0.3)
    engine = AsteriskEngine(telephony.address, telephony.secret)
    engine.events()
    wait_until(lambda: engine.is_listening)
    placement = call_to("+12025550106", RING_SECONDS)
    engine.place(placement)
    with stopped(telephony.asterisk):
        wait_until(lambda: not engine.is_listening)
        assert isinstance(engine.place(call_to("+12025550100")), NotPlaced)
    wait_until(lambda: engine.record(placement.attempt_id))
    assert engine.record(placement.attempt_id).outcome is Outcome.NO_ANSWER
    wait_until(lambda: engine.is_listening)
    engine.close()


@contextmanager
def stopped(process: subprocess.Popen) -> Iterator[None]:
    """Stop a process for a while: it answers nothing, like one behind a network that is cut."""
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("secret", ["portal:wrong", "no password"])
def test_a_wrong_secret_is_never_heard(telephony: Telephony, secret: str) -> None:
    engine = AsteriskEngine(telephony.address, secret)
    engine.events()
    time.sleep(0.1)
    assert engine.heard_at is None
    engine.close()


def test_without_asterisk_the_engine_never_listens() -> None:
    engine = AsteriskEngine(f"http://127.0.0.1:{free_port()}", "portal:secret")
    assert engine.events() == []
    assert isinstance(engine.place(call_to("+12025550100")), NotPlaced)
    engine.close()


def test_messages_about_other_channels_are_ignored() -> None:
    message = {"type": "ChannelDestroyed", "channel": {"id": "1795615888.12", "state": "Up"}, "cause": 16}
    assert parse_event(message) is None
    assert parse_event({"type": "DeviceStateChanged"}) is None
