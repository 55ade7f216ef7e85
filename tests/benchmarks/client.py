"""One kept-alive connection that asks and times.

With as little of its own as can be: http.client takes longer than some of the answers.
"""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self


class WrongAnswer(Exception):
    """A contender answered otherwise than it should."""


@dataclass(frozen=True)
class Answer:
    """What came back, and how many seconds passed from the first byte sent to the last one read."""

    status: int
    head: bytes
    body: bytes
    seconds: float

    def header(self, name: str) -> str:
        """The value of a header; empty where it is not there."""
        for line in self.head.split(b"\r\n"):
            key, _, value = line.partition(b":")
            if key.strip().lower() == name.lower().encode():
                return value.strip().decode("latin-1")
        return ""

    def cookies(self) -> str:
        """The cookies that were set, as they are sent back."""
        lines = [line for line in self.head.split(b"\r\n") if line.lower().startswith(b"set-cookie:")]
        return "; ".join(line.split(b":", 1)[1].split(b";")[0].strip().decode() for line in lines)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def get(path: str, headers: dict[str, str] | None = None) -> bytes:
    """A GET as it goes over the wire."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def post(path: str, form: str, headers: dict[str, str]) -> bytes:
    """A form as it goes over the wire."""
    sent = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(form.encode())), **headers}
    return get(path, sent).replace(b"GET ", b"POST ", 1) + form.encode()


class Client:
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

    def ask(self, request: bytes, *expected: int) -> Answer:
        """Send a request and read the whole answer. Raises WrongAnswer for a status other than `expected` (200)."""
        started = time.perf_counter()
        self.socket.sendall(request)
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self.more()
        head, body = received[:end], received[end + 4 :]
        status = int(head[9:12])
        body = self.rest(head.lower(), body) if status not in (204, 304) else b""
        answer = Answer(status, head, body, time.perf_counter() - started)
        if status not in (expected or (200,)):
            raise WrongAnswer(f"{request.split()[1].decode()}: {status} {body[:300]!r}")
        return answer

    def rest(self, head: bytes, body: bytes) -> bytes:
        """The whole body, by its length or by its chunks."""
        if b"transfer-encoding: chunked" in head:
            while not body.endswith(b"0\r\n\r\n"):
                body += self.more()
            return unchunked(body)
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += self.more()
        return body

    def more(self) -> bytes:
        """What has come in meanwhile."""
        received = self.socket.recv(262_144)
        if not received:
            raise WrongAnswer("the server closed the connection in the midst of an answer")
        return received


def unchunked(body: bytes) -> bytes:
    """A chunked body put together (RFC 9112, 7.1)."""
    parts = []
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        parts.append(rest[:length])
        body = rest[length + 2 :] if length else b""
    return b"".join(parts)
