"""A telephone provider with an HTTP call API and signed status callbacks, in the form that Twilio's API has.

A call is created by POST Calls.json, read by GET Calls/{sid}.json, and ended by POST Calls/{sid}.json. The provider
chooses the id of a call (sid), which is known only to the worker that placed it: other workers depend on callbacks.
"""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from typing import Any
from urllib.parse import urlencode

from portal.dialing.engines.callbacks import ENDED_STATUSES, answer_time, end_of, parse_answered_by, parse_time
from portal.dialing.engines.http_api import HttpApi, NotAnswered, NotSent, read_object
from portal.dialing.engines.interface import (
    CallUnknownHere,
    EngineEvent,
    EngineRecord,
    EngineUnreachable,
    NotPlaced,
    Placement,
    Unsure,
)
from portal.times import now_ms

PROBE_MS = 2000
PROBE_SECONDS = (1.0, 2.0)  # to connect, and to answer
REFUSED_CALL = (400, 422)  # the provider refuses this call; other 4xx concern the account, the address or the rate
CALLBACK_EVENTS = ("initiated", "ringing", "answered", "completed")
MAX_REMEMBERED = 100_000


class HttpProviderEngine:
    """A provider at `address`, such as https://api.example/v1/Accounts/ACCOUNT; `secret` is account:password.

    Parameters of the address are sent with each call, such as `Url` for what an answered call does. `callback_url` is
    the portal's public address for callbacks.
    """

    def __init__(self, address: str, secret: str, callback_url: str) -> None:
        self.api = HttpApi(address, secret, uses_proxies=True)
        self.callback_url = callback_url
        self.lock = Lock()
        self.sids: dict[str, str] = {}
        self.heard_at: int | None = None
        self.probed_at = 0

    def place(self, placement: Placement) -> NotPlaced | Unsure | None:
        """Create a call. Its callbacks carry the attempt's id in their address, which the signature covers."""
        if not self.callback_url:
            return NotPlaced("PUBLIC_URL is not set, so the provider cannot report calls")
        fields = [
            *self.api.options,
            ("To", placement.phone_number),
            ("From", placement.from_number),
            ("Timeout", str(placement.ring_seconds)),
            ("StatusCallback", f"{self.callback_url}?{urlencode({'attemptId': placement.attempt_id})}"),
            *(("StatusCallbackEvent", name) for name in CALLBACK_EVENTS),
        ]
        token = {"Idempotency-Key": placement.attempt_id, "I-Twilio-Idempotency-Token": placement.attempt_id}
        try:
            response = self.api.send("POST", "/Calls.json", data=fields, headers=token)
        except NotSent as error:
            return NotPlaced(str(error))
        except NotAnswered as error:
            return Unsure(str(error))
        if 300 <= response.status_code < 500 and response.status_code != 409:  # 409: the token was used before
            reason = f"the provider answered with {response.status_code}"
            return NotPlaced(reason, is_refused=response.status_code in REFUSED_CALL)
        sid = read_object(response).get("sid") if response.ok else None
        if not isinstance(sid, str):
            return Unsure(f"the provider answered with {response.status_code} and no id of the call")
        self.remember(placement.attempt_id, sid)
        return None

    def hang_up(self, attempt_id: str) -> None:
        """End a call that this worker placed. Raises EngineUnreachable."""
        self.ask("POST", f"/Calls/{self.sid_of(attempt_id)}.json", data={"Status": "completed"})

    def is_live(self, attempt_id: str) -> bool:
        """Return whether a call that this worker placed goes on. Raises EngineUnreachable."""
        call = self.find_call(attempt_id)
        return call is not None and call.get("status") not in ENDED_STATUSES

    def record(self, attempt_id: str) -> EngineRecord | None:
        """Return what became of a call that this worker placed; None if it goes on. Raises EngineUnreachable."""
        call = self.find_call(attempt_id)
        if call is None or call.get("status") not in ENDED_STATUSES:
            return None
        outcome, cause = end_of(call["status"], call.get("sip_response_code"))
        ended_at = parse_time(call.get("end_time"), now_ms())
        answered_at = answer_time(ended_at, call.get("duration")) if call["status"] == "completed" else None
        return EngineRecord(outcome, cause, answered_at, ended_at, parse_answered_by(call.get("answered_by")))

    def events(self) -> list[EngineEvent]:
        """Return no event: callbacks reach the web server. Ask the provider for a sign of life from time to time."""
        if now_ms() - self.probed_at >= PROBE_MS:
            self.probed_at = now_ms()
            with suppress(EngineUnreachable):  # `heard_at` shows for how long
                self.ask("GET", "/Calls.json", params={"PageSize": 1}, timeout=PROBE_SECONDS)
        return []

    def close(self) -> None:
        """Close the connections."""
        self.api.close()

    def remember(self, attempt_id: str, sid: str) -> None:
        """Store the provider's id of a call, and forget the oldest of too many."""
        with self.lock:
            self.sids[attempt_id] = sid
            if len(self.sids) > MAX_REMEMBERED:
                del self.sids[next(iter(self.sids))]

    def sid_of(self, attempt_id: str) -> str:
        """Return the provider's id of a call. Raises CallUnknownHere if another worker placed it."""
        sid = self.sids.get(attempt_id)
        if sid is None:
            raise CallUnknownHere("this worker does not know the provider's id of the call")
        return sid

    def find_call(self, attempt_id: str) -> dict[str, Any] | None:
        """Return the provider's call, or None if it does not exist. Raises EngineUnreachable."""
        return self.ask("GET", f"/Calls/{self.sid_of(attempt_id)}.json")

    def ask(self, method: str, path: str, **arguments: Any) -> dict[str, Any] | None:
        """Ask the provider, and remember when it answered. Raises EngineUnreachable."""
        answer = self.api.ask(method, path, **arguments)
        self.heard_at = now_ms()
        return answer
