"""A client with one persistent connection that times each response.

It does as little work as possible: http.client alone takes longer than some responses.
"""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self


class UnexpectedResponse(Exception):
    """A system returned another response than expected."""


@dataclass(frozen=True)
class TimedResponse:
    """A response, and the seconds from the first sent byte to the last received one."""

    status: int
    head: bytes
    body: bytes
    seconds: float

    def header(self, name: str) -> str:
        """Return the value of a header; empty if it is missing."""
        for line in self.head.split(b"\r\n"):
            key, _, value = line.partition(b":")
            if key.strip().lower() == name.lower().encode():
                return value.strip().decode("latin-1")
        return ""

    def cookies(self) -> str:
        """Return the cookies of the response as a Cookie header."""
        lines = [line for line in self.head.split(b"\r\n") if line.lower().startswith(b"set-cookie:")]
        return "; ".join(line.split(b":", 1)[1].split(b";")[0].strip().decode() for line in lines)

    def json(self) -> Any:
        """Return the parsed body."""
        return json.loads(self.body)


def get(path: str, headers: dict[str, str] | None = None) -> bytes:
    """Return the bytes of a GET request."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def post(path: str, form: str, headers: dict[str, str]) -> bytes:
    """Return the bytes of a form submission."""
    sent = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(form.encode())), **headers}
    return get(path, sent).replace(b"GET ", b"POST ", 1) + form.encode()


class TimedClient:
    """A connection to a server on this machine."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, request: bytes, *expected: int) -> TimedResponse:
        """Send a request and read the response. Raises UnexpectedResponse for a status other than `expected` (200)."""
        started = time.perf_counter()
        self.socket.sendall(request)
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self.receive()
        head, body = received[:end], received[end + 4 :]
        status = int(head[9:12])
        body = self.read_body(head.lower(), body) if status not in (204, 304) else b""
        response = TimedResponse(status, head, body, time.perf_counter() - started)
        if status not in (expected or (200,)):
            raise UnexpectedResponse(f"{request.split()[1].decode()}: {status} {body[:300]!r}")
        return response

    def read_body(self, head: bytes, body: bytes) -> bytes:
        """Read the rest of the body, by its length or by its chunks."""
        if b"transfer-encoding: chunked" in head:
            while not body.endswith(b"0\r\n\r\n"):
                body += self.receive()
            return join_chunks(body)
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += self.receive()
        return body

    def receive(self) -> bytes:
        """Receive more bytes."""
        received = self.socket.recv(262_144)
        if not received:
            raise UnexpectedResponse("the server closed the connection during a response")
        return received


def join_chunks(body: bytes) -> bytes:
    """Join the chunks of a body (RFC 9112, 7.1)."""
    parts = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        parts.append(rest[:length])
        body = rest[length + 2 :] if length else b""
    return b"".join(parts)
