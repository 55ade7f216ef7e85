"""Uploads whose clients disconnect, and many uploads at once: other clients are served, and nothing is stored."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor

from portal.models import Scope, User
from tests.support.builders import Builder
from tests.support.http_client import ApiClient
from tests.support.wsgi_client import FormFile, multipart_request
from tests.trials.app import break_server, run_portal
from tests.trials.trial import Conditions, Outcome, Trial

THREADS = 4
UPLOADS = 12  # at once
ROWS = 20_000  # about a second of work
MAX_WAIT_SECONDS = 2.0  # of another client
RETRY = (429, 503)


def run(conditions: Conditions) -> Outcome:
    """Let twelve clients disconnect, then let twelve wait for a response; `count` is the number of rounds."""
    failures: list[str] = []
    slowest = 0.0
    read = refused = rounds = 0
    with conditions.app() as app:
        build = Builder(app)
        leaving, waiting = build.create_user("owner"), build.create_user("stranger")
        tokens = {user.id: build.create_token(user, Scope.READ, Scope.WRITE) for user in (leaving, waiting)}
        abandoned, awaited = (
            [build_upload(user, tokens[user.id], number) for number in range(UPLOADS)] for user in (leaving, waiting)
        )
        settings = {"WEB_WORKERS": 1, "WEB_THREADS": THREADS, "RATE_PER_TOKEN": 0}
        with run_portal(app.config["SQLALCHEMY_DATABASE_URI"], **settings) as server:
            client = ApiClient(server.port, tokens[leaving.id])
            while rounds < conditions.max_count and not conditions.should_stop(failures):
                rounds += 1
                with ThreadPoolExecutor(UPLOADS) as pool:
                    list(pool.map(lambda upload: send(server.port, upload), abandoned))
                    started = time.monotonic()
                    client.send("GET", "/healthz")
                    slowest = max(slowest, time.monotonic() - started)
                    statuses = list(pool.map(lambda upload: send(server.port, upload, waits=True), awaited))
                read, refused = read + statuses.count(200), refused + sum(map(statuses.count, RETRY))
                if set(statuses) - {200, *RETRY}:
                    failures.append(f"uploads at once were answered {statuses}")
                if statuses.count(200) > UPLOADS // 2:
                    failures.append(f"{statuses.count(200)} of {UPLOADS} files of one account were read at once")
                if stored := client.send("GET", f"/api/call/batches/{leaving.id}").json["data"]["pagination"]["total"]:
                    failures.append(f"{stored} batches were created for clients that had disconnected")
                conditions.report_progress(f"{rounds} rounds, {read} files read, {refused} refused")
    if slowest > MAX_WAIT_SECONDS:
        failures.append(f"another client waited for {slowest:.1f} s")
    return Outcome(rounds, failures, {"read": read, "refused": refused, "longest wait": f"{slowest:.2f} s"})


def build_upload(user: User, token: str, number: int) -> bytes:
    """Return the bytes of an upload through the API."""
    rows = b"phoneNumber\n" + b"".join(b"+1%d555%04d\n" % (201 + row // 100, 100 + row % 100) for row in range(ROWS))
    fields = [("userId", user.id), ("batchName", f"Upload {number}"), ("callingNumbers", '["+12025550100"]')]
    request = multipart_request("/api/call/upload", fields, [FormFile("a.csv", rows)])
    head = (
        f"POST {request.path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n"
        f"Content-Type: {request.content_type}\r\nContent-Length: {len(request.body)}\r\n\r\n"
    )
    return head.encode() + request.body


def send(port: int, upload: bytes, *, waits: bool = False) -> int:
    """Send an upload and disconnect, or wait for the response and return its status."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(upload)
        return int(connection.recv(65_536).split()[1]) if waits else 0


TRIAL = Trial(
    name="abandoned",
    title="twelve uploads at once, and twelve whose clients disconnect",
    passes_when=f"an account's files are read one by one, nothing is stored, others wait at most {MAX_WAIT_SECONDS} s",
    unit="rounds",
    full=50,
    short=1,
    run=run,
    starts_servers=True,
    defects={
        "any number of files is read at once": lambda: break_server("reads all files"),
        "work goes on without its client": lambda: break_server("never stops"),
    },
)
