"""The server as it runs: workers that add up, lines that can be read, and no request cut when it stops or reloads."""

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
from tests.support.builders import Builder
from tests.support.servers import free_port

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds
GRACE = 30  # seconds that requests under way have at a stop, as gunicorn.conf.py says


@dataclass
class Server:
    """A server of two workers that is running."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    address: str
    token: str

    def ask(self, address: str, **headers: str) -> tuple[int, str]:
        """The status and body of an answer, asked on a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("GET", address, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def send(self, raw: bytes) -> bytes:
        """Whatever comes back for these very bytes, until the server closes the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(raw)
            parts = iter(lambda: connection.recv(65_536), b"")
            return b"".join(parts)


@pytest.fixture
def server(make_app: Callable[..., Flask], tmp_path: Path) -> Iterator[Server]:
    """gunicorn as `make run` starts it, on SQLite."""
    app = make_app("sqlite")
    build = Builder(app)
    owner: User = build.create_user("owner")
    build.create_batch(owner)
    log, port = tmp_path / "log", free_port()
    settings = {
        "DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
        "INSTANCE_DIR": str(tmp_path),
        "PORT": str(port),
        "METRICS_TOKEN": "watcher",
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
        process.wait(timeout=PATIENCE)


def wait_for(happens: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happens():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


@dataclass
class Caller(threading.Thread):
    """Asks again and again until the server is gone, on one connection or on a new one each time."""

    server: Server
    keeps: bool
    got: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        connection: HTTPConnection | None = None
        while not self.over.is_set():
            if connection is None or connection.sock is None:
                connection = HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
                try:
                    connection.connect()
                except ConnectionRefusedError:  # said before anything was sent: nobody loses anything
                    self.got["refused"] += 1
                    return
                answered = None
            sent = None
            try:
                connection.request("GET", self.server.address, headers={"Authorization": f"Bearer {self.server.token}"})
                sent = time.monotonic()
                answer = connection.getresponse()
                answer.read()
                self.got[str(answer.status)] += 1
            except Exception as error:  # any of http.client's ways to say that an answer was cut
                # Kept for longer than a server promises to: a busy machine may hold a caller up.
                rested = answered is not None and (sent or time.monotonic()) - answered > 1
                self.got["rested" if rested else "at the door" if answered is None else f"cut: {error!r}"] += 1
                return
            answered = time.monotonic()
            if not self.keeps:
                connection.close()


def test_workers_add_up_and_what_cannot_be_read_is_told_in_the_envelope(server: Server) -> None:
    for number in range(20):
        bearer = {"Authorization": f"Bearer {server.token}", "X-Request-Id": f"ask-{number}"}
        assert server.ask(server.address, **bearer)[0] == 200
    figures = server.ask("/metrics", Authorization="Bearer watcher")[1]
    route = r'portal_requests_total\{method="GET",route="/api/call/batches/<user_id>",status="200"\} 20\.0'
    assert re.search(route, figures)
    assert len(set(re.findall(r'process_resident_memory_bytes\{pid="(\d+)"\}', figures))) == 3
    assert server.ask("/readyz")[0] == 200

    line = b"GET /login HTTP/1.1\r\nHost: x\r\n"
    unreadable = {
        431: line + b"X-Long: " + b"a" * 9000 + b"\r\n\r\n",
        414: b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n",
        400: line + b"X Secret: +12025550123\r\n\r\n",
    }
    for code, raw in unreadable.items():
        head, _, body = server.send(raw).partition(b"\r\n\r\n")
        told = json.loads(body)
        assert (int(head.split()[1]), told["code"], told["status"], told["data"]) == (code, code, False, None)
        assert b"X-Request-Id" in head
    assert server.send(line + b"X: 1\r\n" * 70 + b"\r\n").split()[1] == b"431"

    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert {line["id"] for line in requests} >= {f"ask-{number}" for number in range(20)}
    assert {line["route"] for line in requests} == {"/api/call/batches/<user_id>"}  # not who watches
    assert "2025550123" not in server.log.read_text()


def test_no_request_is_cut_when_the_server_reloads_and_when_it_stops(server: Server) -> None:
    callers = [Caller(server, keeps=number % 2 == 0) for number in range(6)]
    for caller in callers:
        caller.start()
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: server.log.read_text().count("Booting worker") >= 4, server.log)
    wait_for(lambda: server.log.read_text().count("Worker exiting") >= 2, server.log)
    before = sum(sum(caller.got.values()) for caller in callers)
    wait_for(lambda: sum(sum(caller.got.values()) for caller in callers) > before + 50, server.log)
    assert {what for caller in callers for what in caller.got} <= {"200", "rested"}
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=PATIENCE) == 0
    for caller in callers:
        caller.over.set()
        caller.join(timeout=PATIENCE)
    got = sum((caller.got for caller in callers), Counter())
    # Between the last look at the door and its closing lies an instant that no server has in its hands; a worker that
    # held its door open to its end would leave every caller there.
    assert got["at the door"] <= 1
    assert got.keys() <= {"200", "refused", "rested", "at the door"}
    folders = [path for path in (Path("/dev/shm"), Path("/tmp")) if path.is_dir()]
    assert not [path for folder in folders for path in folder.glob(f"portal-metrics-{server.process.pid}-*")]


def test_connections_that_say_nothing_keep_nobody_waiting(server: Server) -> None:
    """Browsers open some in advance. A thread that waited for each would have the next caller wait for all of them."""
    silent = [HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE) for _ in range(200)]
    for connection in silent:
        connection.connect()
    assert server.ask("/healthz")[0] == 200
    silent[0].request("GET", "/healthz")
    assert silent[0].getresponse().status == 200

    server.process.send_signal(signal.SIGTERM)  # they are not waited for until the time that requests have is over
    assert server.process.wait(timeout=GRACE - 5) == 0
    for connection in silent:
        connection.close()
