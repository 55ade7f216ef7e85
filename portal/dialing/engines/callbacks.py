"""Status callbacks of a provider: their signature, and what they report.

The signature is Twilio's: HMAC-SHA1 with the account's secret over the full URL, followed by the names and values of
all fields, sorted by name. The URL carries the attempt's id.
"""

from __future__ import annotations

import hmac
import re
from base64 import b64encode
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, urlsplit

from portal.dialing.engines.interface import EngineEvent, EventKind
from portal.dialing.engines.outcomes import (
    CAUSES_BY_SIP_RESPONSE,
    NO_ANSWER_FROM_USER,
    NORMAL_CLEARING,
    TEMPORARY_FAILURE,
    USER_BUSY,
    Outcome,
)

SIGNATURE_HEADER = "X-Twilio-Signature"
ATTEMPT_ID = re.compile(r"[0-9a-f]{24}")
DIGITS = re.compile(r"[0-9]{1,7}")

# The outcome of each final status, and its cause if the provider does not report the SIP response.
ENDED_STATUSES = {
    "completed": (Outcome.COMPLETED, NORMAL_CLEARING),
    "busy": (Outcome.BUSY, USER_BUSY),
    "no-answer": (Outcome.NO_ANSWER, NO_ANSWER_FROM_USER),
    "canceled": (Outcome.NO_ANSWER, NORMAL_CLEARING),  # the portal hung up before an answer
    "failed": (Outcome.FAILED, TEMPORARY_FAILURE),
}


class ForgedCallback(Exception):
    """The signature is missing or wrong."""


class InvalidCallback(Exception):
    """The signature is right, but a field is missing or invalid; the message names it."""


def sign_callback(url: str, fields: Iterable[tuple[str, str]], secret: str) -> str:
    """Return the signature of a callback. The key is the password in `secret`, which is account:password."""
    text = url + "".join(name + value for name, value in sorted(fields))
    return b64encode(hmac.digest(secret.partition(":")[2].encode(), text.encode(), "sha1")).decode()


def parse_callback(
    url: str, fields: Iterable[tuple[str, str]], signature: str, secret: str, now: int
) -> list[EngineEvent]:
    """Return what a callback reports. `now` is the time of its receipt, used if the callback has no timestamp.

    `url` is the public URL to which the provider sent it, with its query. Raises ForgedCallback and InvalidCallback.
    """
    pairs = list(fields)
    expected = sign_callback(url, pairs, secret)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise ForgedCallback
    values = dict(pairs)
    attempt_id = parse_qs(urlsplit(url).query).get("attemptId", [""])[-1]
    if not ATTEMPT_ID.fullmatch(attempt_id):
        raise InvalidCallback("attemptId must be 24 hexadecimal digits")
    return list_events(attempt_id, values, now)


def list_events(attempt_id: str, values: dict[str, str], now: int) -> list[EngineEvent]:
    """Return the events of a callback, none for a status that the portal does not use.

    The last callback alone is enough: it says how long an answered call lasted.
    """
    status, moment = values.get("CallStatus", ""), parse_time(values.get("Timestamp"), now)
    if status == "ringing":
        return [EngineEvent(attempt_id, EventKind.RINGING, moment)]
    events = []
    if status in ("in-progress", "completed"):
        answered_at = moment if status == "in-progress" else answer_time(moment, values.get("CallDuration"))
        events.append(EngineEvent(attempt_id, EventKind.ANSWERED, answered_at))
        if parse_answered_by(values.get("AnsweredBy")) == "machine":
            events.append(EngineEvent(attempt_id, EventKind.MACHINE, answered_at))
    if status in ENDED_STATUSES:
        outcome, cause = end_of(status, values.get("SipResponseCode"))
        events.append(EngineEvent(attempt_id, EventKind.OVER, moment, outcome, cause))
    return events


def end_of(status: str, sip_response: object) -> tuple[Outcome, int]:
    """Return the outcome and the Q.850 cause of a final status."""
    outcome, cause = ENDED_STATUSES[status]
    code = str(sip_response or "")
    if outcome is not Outcome.COMPLETED and DIGITS.fullmatch(code):
        cause = CAUSES_BY_SIP_RESPONSE.get(int(code), cause)
    return outcome, cause


def parse_answered_by(text: object) -> str:
    """Return "machine", "human", or an empty text if the provider does not know."""
    word = str(text or "")
    return "machine" if word.startswith(("machine", "fax")) else "human" if word == "human" else ""


def parse_time(text: object, default: int) -> int:
    """Return a time of RFC 2822 in milliseconds since 1970, or the default."""
    try:
        return int(parsedate_to_datetime(str(text)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return default


def answer_time(ended_at: int, seconds: object) -> int:
    """Return the time at which a call was answered that ended after so many seconds of talk."""
    text = str(seconds)
    return ended_at - (int(text) * 1000 if DIGITS.fullmatch(text) else 0)
