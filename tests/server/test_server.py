"""A real server: shared metrics, readable log lines, and no lost requests when it stops or reloads."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

import pytest
from flask import Flask

from portal.models import User
from portal.server import paced_unreader
from portal.server.paced_unreader import PacedUnreader
from tests.support.builders import Builder
from tests.support.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 60
GRACEFUL_TIMEOUT_SECONDS = 30  # as in gunicorn.conf.py


@dataclass
class Server:
    """A running server with two workers."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    address: str
    token: str

    def get(self, address: str, **headers: str) -> tuple[int, str]:
        """Return the status and body of a GET request on a new connection."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        connection.request("GET", address, headers=headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text

    def send(self, raw: bytes) -> bytes:
        """Send these bytes and return everything until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_SECONDS) as connection:
            connection.sendall(raw)
            return b"".join(iter(lambda: connection.recv(65_536), b""))


@pytest.fixture
def server(make_app: Callable[..., Flask], tmp_path: Path) -> Iterator[Server]:
    """Start gunicorn as `make run` does, on SQLite."""
    app = make_app("sqlite")
    build = Builder(app)
    owner: User = build.create_user("owner")
    build.create_batch(owner)
    log, port = tmp_path / "log", free_port()
    settings = {
        "DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
        "INSTANCE_DIR": str(tmp_path),
        "PORT": str(port),
        "METRICS_TOKEN": "metrics-token",
        "DIALER": "off",
        "RATE_PER_TOKEN": "0",
    }
    environ = {name: value for name, value in os.environ.items() if name not in settings} | settings
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "gunicorn", "wsgi:app"], cwd=ROOT, env=environ, stderr=output)
    running = Server(process, port, log, f"/api/call/batches/{owner.id}", build.create_token(owner))
    try:
        wait_for(lambda: log.read_text().count("Booting worker") == 2 or process.poll() is not None, log)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=TIMEOUT_SECONDS)


def wait_for(condition: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


@dataclass
class Client(threading.Thread):
    """Send requests until the server is gone, on one connection or on a new one for each request.

    `results` counts statuses and how the thread ended: "refused" (nothing was sent), "idle" (a connection that was idle
    for longer than the server guarantees), "unserved" (a new connection was reset) or "cut" (a response was lost).
    """

    server: Server
    keeps_connection: bool
    results: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.is_done = threading.Event()

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        connection: HTTPConnection | None = None
        while not self.is_done.is_set():
            if connection is None or connection.sock is None:
                connection = HTTPConnection("127.0.0.1", self.server.port, timeout=TIMEOUT_SECONDS)
                try:
                    connection.connect()
                except ConnectionRefusedError:
                    self.results["refused"] += 1
                    return
                answered_at = None
            sent_at = None
            try:
                connection.request("GET", self.server.address, headers={"Authorization": f"Bearer {self.server.token}"})
                sent_at = time.monotonic()
                response = connection.getresponse()
                response.read()
                self.results[str(response.status)] += 1
            except Exception as error:  # http.client raises various errors for a lost response
                # A busy machine may delay a client for longer than a connection is guaranteed to stay open.
                was_idle = answered_at is not None and (sent_at or time.monotonic()) - answered_at > 1
                outcome = "idle" if was_idle else "unserved" if answered_at is None else f"cut: {error!r}"
                self.results[outcome] += 1
                return
            answered_at = time.monotonic()
            if not self.keeps_connection:
                connection.close()


def test_workers_share_metrics_and_invalid_http_gets_the_envelope(server: Server) -> None:
    for number in range(20):
        bearer = {"Authorization": f"Bearer {server.token}", "X-Request-Id": f"request-{number}"}
        assert server.get(server.address, **bearer)[0] == 200
    text = server.get("/metrics", Authorization="Bearer metrics-token")[1]
    route = r'portal_requests_total\{method="GET",route="/api/call/batches/<user_id>",status="200"\} 20\.0'
    assert re.search(route, text)
    assert len(set(re.findall(r'process_resident_memory_bytes\{pid="(\d+)"\}', text))) == 3
    assert server.get("/readyz")[0] == 200

    line = b"GET /login HTTP/1.1\r\nHost: x\r\n"
    invalid_requests = {
        431: line + b"X-Long: " + b"a" * 9000 + b"\r\n\r\n",
        414: b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n",
        400: line + b"X Secret: +12025550123\r\n\r\n",
    }
    for code, raw in invalid_requests.items():
        head, _, body = server.send(raw).partition(b"\r\n\r\n")
        envelope = json.loads(body)
        assert (int(head.split()[1]), envelope["code"], envelope["status"], envelope["data"]) == (
            code,
            code,
            False,
            None,
        )
        assert b"X-Request-Id" in head
    assert server.send(line + b"X: 1\r\n" * 70 + b"\r\n").split()[1] == b"431"

    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert {line["id"] for line in requests} >= {f"request-{number}" for number in range(20)}
    assert {line["route"] for line in requests} == {"/api/call/batches/<user_id>"}  # no health checks
    assert "2025550123" not in server.log.read_text()


def test_no_request_is_lost_at_a_reload_or_a_stop(server: Server) -> None:
    clients = [Client(server, keeps_connection=number % 2 == 0) for number in range(6)]
    for client in clients:
        client.start()
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: server.log.read_text().count("Booting worker") >= 4, server.log)
    wait_for(lambda: server.log.read_text().count("Worker exiting") >= 2, server.log)
    before = sum(sum(client.results.values()) for client in clients)
    wait_for(lambda: sum(sum(client.results.values()) for client in clients) > before + 50, server.log)
    assert {result for client in clients for result in client.results} <= {"200", "idle"}
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=TIMEOUT_SECONDS) == 0
    for client in clients:
        client.is_done.set()
        client.join(timeout=TIMEOUT_SECONDS)
    results = sum((client.results for client in clients), Counter())
    # A connection may arrive between the last check and the closing of the socket. A worker that kept the socket open
    # until its end would leave every client unserved.
    assert results["unserved"] <= 1
    assert results.keys() <= {"200", "refused", "idle", "unserved"}
    folders = [path for path in (Path("/dev/shm"), Path("/tmp")) if path.is_dir()]
    assert not [path for folder in folders for path in folder.glob(f"portal-metrics-{server.process.pid}-*")]


def test_silent_connections_do_not_block_others(server: Server) -> None:
    """Browsers open connections in advance. If a thread waited for each of them, other clients would have to wait."""
    silent = [HTTPConnection("127.0.0.1", server.port, timeout=TIMEOUT_SECONDS) for _ in range(200)]
    for connection in silent:
        connection.connect()
    assert server.get("/healthz")[0] == 200
    silent[0].request("GET", "/healthz")
    assert silent[0].getresponse().status == 200

    server.process.send_signal(signal.SIGTERM)  # the server does not wait for them
    assert server.process.wait(timeout=GRACEFUL_TIMEOUT_SECONDS - 5) == 0
    for connection in silent:
        connection.close()


def test_half_sent_headers_do_not_block_others(server: Server) -> None:
    half = [socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_SECONDS) for _ in range(40)]
    for connection in half:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    time.sleep(0.2)  # until every thread has met them
    assert server.get("/healthz")[0] == 200
    for piece in (b"a", b"b\r\n", b"\r", b"\n"):
        half[0].sendall(piece)
        time.sleep(0.05)
    assert half[0].recv(65_536).startswith(b"HTTP/1.1 200 OK")
    half[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n")  # and a half
    time.sleep(0.2)
    assert half[0].recv(65_536).count(b"HTTP/1.1 200 OK") == 1
    half[0].sendall(b"\r\n")
    assert half[0].recv(65_536).startswith(b"HTTP/1.1 200 OK")
    for connection in half:
        connection.close()


def test_reading_a_slow_body_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paced_unreader, "BODY_SECONDS", 0.2)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        unreader = PacedUnreader(ours, threading.Semaphore())
        unreader.start_body()
        received = b""
        for _ in range(100):
            theirs.sendall(b"a")
            if not (piece := unreader.read(1)):
                break
            received += piece
            time.sleep(0.02)
        assert unreader.is_too_slow
        assert 0 < len(received) < 50
        theirs.sendall(b"more")
        assert unreader.read(4) == b""


def test_slow_bodies_leave_half_of_the_threads_free(server: Server) -> None:
    head = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\na="
    slow = [socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_SECONDS) for _ in range(12)]
    for connection in slow:
        connection.sendall(head)
    time.sleep(0.2)
    started = time.monotonic()
    assert server.get("/healthz")[0] == 200
    assert time.monotonic() - started < paced_unreader.BODY_SECONDS / 2
    for connection in slow:
        connection.close()


def test_a_body_in_pieces_arrives_whole(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_SECONDS) as connection:
        connection.sendall(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n")
        connection.sendall(b"Content-Type: application/x-www-form-urlencoded\r\n\r\na=")
        for piece in (b"bc", b"de"):
            time.sleep(0.05)
            connection.sendall(piece)
        assert b" 400 " in connection.recv(65_536).split(b"\r\n")[0]  # no CSRF token
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = connection.recv(65_536)
        while b"200 OK" not in answer:
            answer += connection.recv(65_536)
