"""The engine of a provider with an HTTP call API, against a provider of the tests."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from portal.dialing.engines import EngineUnreachable, NotPlaced, Outcome, Unsure, create_engine
from portal.dialing.engines.http_provider import HttpProviderEngine
from tests.dialing.engines.placements import CALLER, call_to
from tests.support.call_provider import LATE, LOST, SECRET, CallProvider, run_call_provider
from tests.support.servers import free_port

CALLEE = "+12025550100"
CALLBACKS = "https://portal.example/api/call/webhooks/0123456789abcdef01234567"


@pytest.fixture
def provider() -> Iterator[CallProvider]:
    with run_call_provider() as running:
        yield running


@pytest.fixture
def engine(provider: CallProvider) -> Iterator[HttpProviderEngine]:
    address = f"{provider.address}?Url=https%3A%2F%2Fvoice.example%2Fhello"
    engine = create_engine("http", address, SECRET, {"callbackUrl": CALLBACKS})
    yield engine
    engine.close()


def test_a_call_carries_numbers_ring_time_options_and_callback(
    engine: HttpProviderEngine, provider: CallProvider
) -> None:
    placement = call_to(CALLEE, 25)
    assert engine.place(placement) is None
    assert provider.requests == [
        {
            "Url": ["https://voice.example/hello"],
            "To": [CALLEE],
            "From": [CALLER],
            "Timeout": ["25"],
            "StatusCallback": [f"{CALLBACKS}?attemptId={placement.attempt_id}"],
            "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
            "token": [placement.attempt_id],
        }
    ]
    assert engine.is_live(placement.attempt_id)
    assert engine.record(placement.attempt_id) is None


@pytest.mark.parametrize(
    ("status", "seconds", "sip_response", "expected"),
    [
        ("completed", 42, 200, (Outcome.COMPLETED, 16, 958_000)),
        ("busy", 0, 486, (Outcome.BUSY, 17, None)),
        ("no-answer", 0, 0, (Outcome.NO_ANSWER, 19, None)),
        ("no-answer", 0, 480, (Outcome.NO_ANSWER, 18, None)),
        ("failed", 0, 404, (Outcome.FAILED, 1, None)),
        ("failed", 0, 0, (Outcome.FAILED, 41, None)),
        ("canceled", 0, 487, (Outcome.NO_ANSWER, 16, None)),
    ],
)
def test_the_record_of_a_call_is_read_from_the_provider(
    engine: HttpProviderEngine,
    provider: CallProvider,
    status: str,
    seconds: int,
    sip_response: int,
    expected: tuple[Outcome, int, int | None],
) -> None:
    placement = call_to(CALLEE)
    engine.place(placement)
    call = provider.call_of(placement.attempt_id)
    call.statuses.append(status)
    call.seconds, call.sip_response, call.ended_at = seconds, sip_response, 1000
    record = engine.record(placement.attempt_id)
    assert (record.outcome, record.cause, record.answered_at) == expected
    assert record.ended_at == 1_000_000
    assert not engine.is_live(placement.attempt_id)


def test_a_call_is_hung_up(engine: HttpProviderEngine, provider: CallProvider) -> None:
    placement = call_to(CALLEE)
    engine.place(placement)
    engine.hang_up(placement.attempt_id)
    assert provider.call_of(placement.attempt_id).statuses[-1] == "canceled"


@pytest.mark.parametrize(
    ("status", "is_refused"),
    [(400, True), (422, True), (401, False), (404, False), (429, False), (302, False)],
)
def test_a_refusal_places_nothing(
    engine: HttpProviderEngine, provider: CallProvider, status: int, is_refused: bool
) -> None:
    provider.failures.append(status)
    assert engine.place(call_to(CALLEE)) == NotPlaced(f"the provider answered with {status}", is_refused)


@pytest.mark.parametrize("status", [LOST, 409, 500, 503])
def test_without_a_clear_answer_the_call_may_have_been_placed(
    engine: HttpProviderEngine, provider: CallProvider, status: int
) -> None:
    provider.failures.append(status)
    placement = call_to(CALLEE)
    assert isinstance(engine.place(placement), Unsure)
    with pytest.raises(EngineUnreachable):  # which is not a "no": callbacks may still come
        engine.is_live(placement.attempt_id)


def test_a_provider_that_hangs_leaves_the_call_unsure(
    engine: HttpProviderEngine, provider: CallProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.dialing.engines.http_api.TIMEOUT_SECONDS", (1, 0.05))
    provider.failures.append(LATE)
    assert isinstance(engine.place(call_to(CALLEE)), Unsure)


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}", "https://127.0.0.1:{port}"])
def test_without_a_connection_nothing_is_placed(address: str) -> None:
    engine = create_engine("http", address.format(port=free_port()), SECRET, {"callbackUrl": CALLBACKS})
    assert isinstance(engine.place(call_to(CALLEE)), NotPlaced)
    with pytest.raises(EngineUnreachable):
        engine.is_live("0" * 24)
    engine.events()
    assert engine.heard_at is None
    engine.close()


def test_without_a_public_url_nothing_is_placed(provider: CallProvider) -> None:
    engine = create_engine("http", provider.address, SECRET, {"callbackUrl": ""})
    assert isinstance(engine.place(call_to(CALLEE)), NotPlaced)
    assert provider.requests == []
    engine.close()


def test_the_provider_is_asked_for_a_sign_of_life(engine: HttpProviderEngine) -> None:
    assert engine.heard_at is None
    assert engine.events() == []
    assert engine.heard_at is not None


def test_the_password_is_sent_and_never_part_of_a_reason(
    engine: HttpProviderEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert engine.api.authorization == f"Basic {base64.b64encode(SECRET.encode()).decode()}"
    monkeypatch.setattr(engine.api, "base", f"http://127.0.0.1:{free_port()}")
    reason = engine.place(call_to(CALLEE)).reason
    assert "secret" not in reason
    assert CALLEE not in reason
