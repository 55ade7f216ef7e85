"""Asterisk through its REST interface (ARI): calls are placed in deploy/asterisk's dialplan, and events are heard.

The channel's id is the attempt's id. A call goes on in the dialplan when no dialer listens. Its hangup handler leaves
the result in a global variable, which `record` reads; the engine deletes it some time after it heard the end.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Mapping
from datetime import datetime
from secrets import token_hex
from threading import Event, Thread
from typing import Any
from urllib.parse import urlencode

import requests
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from portal.dialing.engines.http_api import HttpApi, NotAnswered, NotSent
from portal.dialing.engines.interface import (
    EngineEvent,
    EngineRecord,
    EngineUnreachable,
    EventKind,
    NotPlaced,
    Placement,
    Unsure,
)
from portal.dialing.engines.outcomes import outcome_of
from portal.times import now_ms

ATTEMPT_ID = re.compile(r"[0-9a-f]{24}")
RECORD = re.compile(r"(?P<cause>\d+),(?P<answered>[\d.]*),(?P<ended>[\d.]+),(?P<done>\w*),(?P<machine>\w*)")
PING_SECONDS = 1.0  # of silence, after which the connection is checked
PONG_SECONDS = 2.0
RECONNECT_SECONDS = 0.5
FORGET_MS = 60_000
CHANNEL_REFUSED = (409, 500)  # the id exists, or the channel cannot be created: Asterisk confuses the two
STATE_KINDS = {"Ringing": EventKind.RINGING, "Up": EventKind.ANSWERED}


class AsteriskEngine:
    """An Asterisk with ARI at `address`, such as http://127.0.0.1:8088; `secret` is the user and password of ari.conf.

    Parameters of the address: `endpoint`, the PJSIP endpoint of the carrier, and `context` of answered calls.
    """

    def __init__(self, address: str, secret: str) -> None:
        self.api = HttpApi(address, secret, uses_proxies=False)
        self.api.base = f"{self.api.base.removesuffix('/ari')}/ari"
        options = dict(self.api.options)
        self.endpoint, self.context = options.get("endpoint", "carrier"), options.get("context", "portal")
        self.application = f"portal-{token_hex(8)}"  # Asterisk closes the older of two connections with one name
        self.heard: deque[EngineEvent] = deque()
        self.heard_at: int | None = None
        self.is_listening = False
        self.closing = Event()
        self.connection: ClientConnection | None = None
        self.listener: Thread | None = None
        self.ended: deque[tuple[int, str]] = deque()  # when to forget which record

    def place(self, placement: Placement) -> NotPlaced | Unsure | None:
        """Originate a channel into the dialplan. Refuses while events are not heard."""
        if not self.is_listening:
            return NotPlaced("Asterisk's events are not heard")
        number = placement.phone_number
        query = {
            "channelId": placement.attempt_id,
            "endpoint": f"PJSIP/{number}@{self.endpoint}",
            "context": self.context,
            "extension": number,
            "priority": 1,
            "timeout": placement.ring_seconds,
            "callerId": placement.from_number,
        }
        # The CDR names the number of an unanswered call nowhere else.
        variables = {"CHANNEL(accountcode)": number, "CHANNEL(hangup_handler_push)": f"{self.context}-over,s,1"}
        try:
            response = self.api.send("POST", "/channels", params=query, json={"variables": variables})
            if response.status_code in CHANNEL_REFUSED and not self.knows(placement.attempt_id):
                return NotPlaced(f"Asterisk cannot call over its endpoint {self.endpoint}")
        except NotSent as error:
            return NotPlaced(str(error))
        except (NotAnswered, EngineUnreachable) as error:
            return Unsure(str(error))
        return placed_answer(response)

    def knows(self, attempt_id: str) -> bool:
        """Return whether a call was placed before, live or over. Raises EngineUnreachable."""
        return self.is_live(attempt_id) or self.record(attempt_id) is not None

    def hang_up(self, attempt_id: str) -> None:
        """End a call. Raises EngineUnreachable."""
        self.api.ask("DELETE", f"/channels/{attempt_id}")

    def is_live(self, attempt_id: str) -> bool:
        """Return whether the channel exists. Raises EngineUnreachable."""
        return self.api.ask("GET", f"/channels/{attempt_id}") is not None

    def record(self, attempt_id: str) -> EngineRecord | None:
        """Return what the hangup handler stored. None for a live call, and after a restart of Asterisk.

        Raises EngineUnreachable.
        """
        found = self.api.ask("GET", "/asterisk/variable", params={"variable": record_name(attempt_id)}) or {}
        fields = RECORD.fullmatch(found.get("value", ""))
        if fields is None:
            return None
        self.ended.append((now_ms() + FORGET_MS, attempt_id))
        cause, answered_at = int(fields["cause"]), to_ms(fields["answered"] or "0") or None
        is_finished = fields["done"] == "1"
        outcome = outcome_of(cause, is_answered=answered_at is not None, is_finished=is_finished)
        answered_by = {"MACHINE": "machine", "HUMAN": "human"}.get(fields["machine"], "")
        return EngineRecord(outcome, cause, answered_at, to_ms(fields["ended"]), answered_by)

    def events(self) -> list[EngineEvent]:
        """Return the events since the last call of this method. The first call starts to listen."""
        if self.listener is None:
            self.listener = Thread(target=self.listen, name="asterisk-events", daemon=True)
            self.listener.start()
        return [self.heard.popleft() for _ in range(len(self.heard))]

    def close(self) -> None:
        """Stop listening."""
        self.closing.set()
        if self.connection is not None:
            self.connection.close()
        if self.listener is not None:
            self.listener.join()
        self.api.close()

    # --- The listening thread ---------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Hear events until the engine is closed, and connect again whenever the connection is lost."""
        query = urlencode({"app": self.application, "subscribeAll": "true"})
        url = f"ws{self.api.base.removeprefix('http')}/events?{query}"
        credentials = {"Authorization": self.api.authorization}
        while not self.closing.is_set():
            try:
                with connect(
                    url, additional_headers=credentials, proxy=None, open_timeout=PONG_SECONDS, close_timeout=1
                ) as connection:
                    self.hear(connection)
            except (OSError, WebSocketException):
                pass  # `heard_at` shows for how long
            finally:
                self.is_listening = False
            self.closing.wait(RECONNECT_SECONDS)

    def hear(self, connection: ClientConnection) -> None:
        """Store the events of a connection. Returns when it no longer answers."""
        self.connection = connection
        while not self.closing.is_set():
            self.heard_at, self.is_listening = now_ms(), True
            self.forget_records()
            try:
                message = connection.recv(timeout=PING_SECONDS)
            except TimeoutError:
                if not connection.ping().wait(PONG_SECONDS):
                    return
                continue
            event = parse_event(json.loads(message))
            if event is not None:
                self.heard.append(event)
                if event.kind is EventKind.OVER:
                    self.ended.append((now_ms() + FORGET_MS, event.attempt_id))

    def forget_records(self) -> None:
        """Delete the records of calls whose end was heard some time ago, so that Asterisk's memory does not grow."""
        while self.ended and self.ended[0][0] <= now_ms():
            try:
                self.api.ask("POST", "/asterisk/variable", params={"variable": record_name(self.ended[0][1])})
            except EngineUnreachable:
                return
            self.ended.popleft()


def placed_answer(response: requests.Response) -> NotPlaced | Unsure | None:
    """Return what the response to a placement means."""
    status = response.status_code
    if response.ok:
        return None
    if status == 409:
        return Unsure("the attempt was placed before")
    if status >= 500:
        return Unsure(f"Asterisk answered with {status}")
    return NotPlaced(f"Asterisk answered with {status}", is_refused=status in (400, 422))


def to_ms(seconds: str) -> int:
    """Return seconds since 1970 in milliseconds."""
    return round(float(seconds) * 1000)


def record_name(attempt_id: str) -> str:
    """Return the name of the global variable in which the hangup handler stores a result."""
    return f"PORTAL_{attempt_id}"


def parse_event(message: Mapping[str, Any]) -> EngineEvent | None:
    """Return what a message of ARI reports of an attempt, or None if it reports nothing.

    The outcome follows from the cause of ChannelDestroyed: CDRs name ring timeouts in different ways.
    """
    channel = message.get("channel", {})
    attempt_id = channel.get("id", "")
    if not ATTEMPT_ID.fullmatch(attempt_id):
        return None
    moment = int(datetime.fromisoformat(message["timestamp"]).timestamp() * 1000)
    match message["type"]:
        case "ChannelStateChange" if channel["state"] in STATE_KINDS:
            return EngineEvent(attempt_id, STATE_KINDS[channel["state"]], moment)
        case "ChannelVarset" if (message["variable"], message["value"]) == ("AMDSTATUS", "MACHINE"):
            return EngineEvent(attempt_id, EventKind.MACHINE, moment)
        case "ChannelDestroyed":
            is_finished = channel.get("channelvars", {}).get("PORTAL_DONE") == "1"
            outcome = outcome_of(message["cause"], is_answered=channel["state"] == "Up", is_finished=is_finished)
            return EngineEvent(attempt_id, EventKind.OVER, moment, outcome, message["cause"])
    return None
