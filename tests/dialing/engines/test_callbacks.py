"""Callbacks of providers: genuine, forged and unusual ones."""

from __future__ import annotations

import pytest

from portal.dialing.engines import (
    EngineEvent,
    EventKind,
    ForgedCallback,
    InvalidCallback,
    Outcome,
    parse_callback,
    sign_callback,
)

ATTEMPT = "0123456789abcdef01234567"
URL = f"https://portal.example/api/call/webhooks/76543210fedcba9876543210?attemptId={ATTEMPT}"
SECRET = "account:a secret with a : in it"
NOW = 1_700_000_000_000
TIMESTAMP = "Wed, 25 Nov 2026 14:00:00 +0000"
SENT_AT = 1_795_615_200_000


def parse(url: str = URL, **fields: str) -> list[EngineEvent]:
    pairs = list(({"CallSid": "CA1", "Timestamp": TIMESTAMP} | fields).items())
    return parse_callback(url, pairs, sign_callback(url, pairs, SECRET), SECRET, NOW)


def event(kind: EventKind, moment: int = SENT_AT, *end: object) -> EngineEvent:
    return EngineEvent(ATTEMPT, kind, moment, *end)


def test_the_signature_is_the_documented_one() -> None:
    """HMAC-SHA1 of the URL and the sorted fields, in Base64, computed independently with openssl."""
    fields = [("To", "+12025550100"), ("CallSid", "CA1")]
    url = "https://portal.example/hook?x=1"
    assert sign_callback(url, fields, "AC1:secret") == "WQc/wovVEZEA5QoPWDtvkNG8mpk="


@pytest.mark.parametrize(
    ("fields", "events"),
    [
        ({"CallStatus": "queued"}, []),
        ({"CallStatus": "initiated"}, []),
        ({"CallStatus": "of the future"}, []),
        ({"CallStatus": "ringing"}, [event(EventKind.RINGING)]),
        ({"CallStatus": "in-progress"}, [event(EventKind.ANSWERED)]),
        (
            {"CallStatus": "in-progress", "AnsweredBy": "machine_start"},
            [event(EventKind.ANSWERED), event(EventKind.MACHINE)],
        ),
        (
            {"CallStatus": "completed", "CallDuration": "60"},
            [event(EventKind.ANSWERED, SENT_AT - 60_000), event(EventKind.OVER, SENT_AT, Outcome.COMPLETED, 16)],
        ),
        (
            {"CallStatus": "busy", "SipResponseCode": "486"},
            [event(EventKind.OVER, SENT_AT, Outcome.BUSY, 17)],
        ),
        (
            {"CallStatus": "failed", "SipResponseCode": "603"},
            [event(EventKind.OVER, SENT_AT, Outcome.FAILED, 21)],
        ),
        (
            {"CallStatus": "no-answer", "Timestamp": "yesterday", "SipResponseCode": "x"},
            [event(EventKind.OVER, NOW, Outcome.NO_ANSWER, 19)],
        ),
    ],
)
def test_a_genuine_callback_reports_events(fields: dict[str, str], events: list[EngineEvent]) -> None:
    assert parse(**fields) == events


FIELDS = [("CallSid", "CA1"), ("CallStatus", "busy")]
SIGNATURE = sign_callback(URL, FIELDS, SECRET)


@pytest.mark.parametrize(
    ("url", "fields", "signature", "secret"),
    [
        (URL, FIELDS, "", SECRET),
        (URL, FIELDS, "ü" + SIGNATURE[1:], SECRET),
        (URL, FIELDS, SIGNATURE.lower(), SECRET),
        (URL, FIELDS, SIGNATURE, "account:another secret"),
        (URL, [("CallSid", "CA1"), ("CallStatus", "completed")], SIGNATURE, SECRET),
        (URL, [*FIELDS, ("CallDuration", "1")], SIGNATURE, SECRET),
        (URL.replace("https", "http"), FIELDS, SIGNATURE, SECRET),
        (URL.replace(ATTEMPT, ATTEMPT[::-1]), FIELDS, SIGNATURE, SECRET),
    ],
    ids=["none", "not-ascii", "case", "secret", "value", "field", "scheme", "attempt"],
)
def test_a_forged_callback_is_refused(url: str, fields: list[tuple[str, str]], signature: str, secret: str) -> None:
    with pytest.raises(ForgedCallback):
        parse_callback(url, fields, signature, secret, NOW)


@pytest.mark.parametrize("url", [URL.partition("?")[0], URL + "0", URL.replace("attemptId", "attempt")])
def test_a_callback_without_an_attempt_names_the_parameter(url: str) -> None:
    with pytest.raises(InvalidCallback, match="attemptId must be 24 hexadecimal digits"):
        parse(url, CallStatus="busy")
