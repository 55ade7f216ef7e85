"""A telephone provider for tests: an HTTP call API on this machine, and the callbacks that it would send."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from portal.dialing.engines import sign_callback

SECRET = "AC0123:a-secret-for-tests"
# The call is placed, but the connection is closed instead of an answer: at once, or after this many seconds.
LOST, LATE = 0, 0.2


@dataclass(frozen=True)
class SignedCallback:
    """A request that the provider sends to the portal."""

    url: str
    fields: list[tuple[str, str]]
    signature: str


@dataclass
class ProviderCall:
    """A call at the provider. `fields` are those of the request that created it."""

    sid: str
    fields: dict[str, str]
    statuses: list[str] = field(default_factory=lambda: ["initiated"])
    seconds: int = 0
    sip_response: int = 0
    ended_at: int = 0  # seconds since 1970

    @property
    def attempt_id(self) -> str:
        """Return the attempt that placed the call."""
        return dict(parse_qsl(urlsplit(self.fields["StatusCallback"]).query))["attemptId"]

    def callback(self, secret: str, number: int, at: int) -> SignedCallback:
        """Return the callback of a status, sent at a time in seconds since 1970."""
        status = self.statuses[number]
        fields = [
            ("CallSid", self.sid),
            ("CallStatus", status),
            ("SequenceNumber", str(number)),
            ("Timestamp", formatdate(at, usegmt=True)),
            ("To", self.fields["To"]),
            ("From", self.fields["From"]),
        ]
        if number and number == len(self.statuses) - 1:
            fields += [("CallDuration", str(self.seconds)), ("SipResponseCode", str(self.sip_response))]
        url = self.fields["StatusCallback"]
        return SignedCallback(url, fields, sign_callback(url, fields, secret))

    def resource(self) -> dict[str, Any]:
        """Return the call as the API shows it."""
        return {
            "sid": self.sid,
            "status": self.statuses[-1],
            "duration": str(self.seconds),
            "sip_response_code": self.sip_response or None,
            "end_time": formatdate(self.ended_at, usegmt=True) if self.ended_at else None,
        }


class CallProvider(ThreadingHTTPServer):
    """The API. `failures` are answers to the next requests that create calls: a status, LOST or LATE."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ProviderHandler)
        self.calls: dict[str, ProviderCall] = {}
        self.requests: list[dict[str, list[str]]] = []
        self.failures: list[float] = []

    @property
    def address(self) -> str:
        """Return the address of an account."""
        return f"http://127.0.0.1:{self.server_port}/Accounts/AC0123"

    def create(self, fields: dict[str, list[str]]) -> ProviderCall:
        """Create a call."""
        sid = f"CA{len(self.calls):032x}"
        self.calls[sid] = ProviderCall(sid, {name: values[0] for name, values in fields.items()})
        return self.calls[sid]

    def call_of(self, attempt_id: str) -> ProviderCall:
        """Return the call that an attempt placed."""
        return next(call for call in self.calls.values() if call.attempt_id == attempt_id)


class ProviderHandler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: CallProvider
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet per answer: two would wait for the first to be acknowledged

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing."""

    def do_GET(self) -> None:
        """Return a call, or a page of calls."""
        sid = self.sid()
        if sid == "Calls":
            self.answer(200, {"calls": []})
        elif sid in self.server.calls:
            self.answer(200, self.server.calls[sid].resource())
        else:
            self.answer(404, {"message": "not found"})

    def do_POST(self) -> None:
        """Create or end a call."""
        fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        sid = self.sid()
        if sid != "Calls":
            self.server.calls[sid].statuses.append("canceled")
            self.answer(200, self.server.calls[sid].resource())
            return
        self.server.requests.append(fields | {"token": [self.headers["Idempotency-Key"]]})
        failure = self.server.failures.pop(0) if self.server.failures else None
        if failure in (LOST, LATE):
            self.server.create(fields)
            self.close_connection = True
            time.sleep(failure)
        elif failure:
            self.answer(failure, {"message": "refused"})
        else:
            self.answer(201, self.server.create(fields).resource())

    def sid(self) -> str:
        """Return the last part of the path."""
        return urlsplit(self.path).path.rpartition("/")[2].removesuffix(".json")

    def answer(self, status: int, content: dict[str, Any]) -> None:
        """Send JSON."""
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def run_call_provider() -> Iterator[CallProvider]:
    """Run a provider in a thread of this process."""
    with CallProvider() as provider:
        thread = threading.Thread(target=provider.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield provider
        provider.shutdown()
        thread.join()
