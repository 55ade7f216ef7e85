"""The session's cookie and the clock: the signature and the age count, not whose clock is ahead."""

from __future__ import annotations

import time

import pytest
from flask.testing import FlaskClient
from itsdangerous import BadSignature, SignatureExpired

from portal.web.sessions import ClockTolerantSigner

HOUR = 3600


def set_clock(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """Put the clock forward, or back, for the rest of the test."""
    right = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: right() + seconds * 1_000_000_000)
    monkeypatch.setattr(time, "time", lambda: right() / 1e9 + seconds)


@pytest.mark.parametrize("back", [2, HOUR])
def test_who_is_signed_in_stays_so_when_the_clock_is_set_back(
    signed_in: FlaskClient, monkeypatch: pytest.MonkeyPatch, back: int
) -> None:
    assert signed_in.get("/batches").status_code == 200
    set_clock(monkeypatch, -back)
    assert signed_in.get("/batches").status_code == 200


def test_what_was_signed_by_a_clock_that_is_ahead_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    signer = ClockTolerantSigner("only for tests")
    signed = signer.sign("owner")
    assert signer.unsign(signed, max_age=HOUR) == b"owner"
    set_clock(monkeypatch, -HOUR)
    assert signer.unsign(signed, max_age=1) == b"owner"
    with pytest.raises(BadSignature):
        signer.unsign(b"somebody" + signed, max_age=1)


def test_what_was_signed_too_long_ago_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    signer = ClockTolerantSigner("only for tests")
    signed = signer.sign("owner")
    set_clock(monkeypatch, HOUR)
    with pytest.raises(SignatureExpired):
        signer.unsign(signed, max_age=HOUR - 60)
