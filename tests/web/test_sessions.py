"""Session cookies tolerate clock differences, but not a wrong signature or a high age."""

from __future__ import annotations

import time

import pytest
from flask.testing import FlaskClient
from itsdangerous import BadSignature, SignatureExpired

from portal.web.sessions import ClockTolerantSigner

HOUR = 3600


def set_clock(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """Move the clock forward or back for the rest of the test."""
    real_time_ns = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real_time_ns() + seconds * 1_000_000_000)
    monkeypatch.setattr(time, "time", lambda: real_time_ns() / 1e9 + seconds)


@pytest.mark.parametrize("back", [2, HOUR])
def test_a_user_stays_signed_in_when_the_clock_is_set_back(
    signed_in: FlaskClient, monkeypatch: pytest.MonkeyPatch, back: int
) -> None:
    assert signed_in.get("/batches").status_code == 200
    set_clock(monkeypatch, -back)
    assert signed_in.get("/batches").status_code == 200


def test_a_signature_from_the_future_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    signer = ClockTolerantSigner("only for tests")
    signed = signer.sign("owner")
    assert signer.unsign(signed, max_age=HOUR) == b"owner"
    set_clock(monkeypatch, -HOUR)
    assert signer.unsign(signed, max_age=1) == b"owner"
    with pytest.raises(BadSignature):
        signer.unsign(b"stranger" + signed, max_age=1)


def test_an_old_signature_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    signer = ClockTolerantSigner("only for tests")
    signed = signer.sign("owner")
    set_clock(monkeypatch, HOUR)
    with pytest.raises(SignatureExpired):
        signer.unsign(signed, max_age=HOUR - 60)
