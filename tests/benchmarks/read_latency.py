"""The latency of the list while another process imports a call history."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles

from tests.benchmarks import bulk_load
from tests.benchmarks.databases import BUILD, ROOT, BenchmarkDatabases, DatabaseUrls
from tests.benchmarks.request_kinds import PAGE_1, BenchmarkUser
from tests.benchmarks.systems import Portal
from tests.support.servers import ServerProcess, run_server
from tests.support.timed_client import TimedClient, UnexpectedResponse

CALLS_PER_BATCH = 2_000


@dataclass(frozen=True)
class ReadLatency:
    """The 95th percentile of the list in seconds, idle and during the import; the import's duration and size.

    `failures` and `responses` count the list's responses during the import.
    """

    idle_p95: float
    busy_p95: float
    failures: int
    import_seconds: float
    calls: int
    responses: int


def measure(
    databases: BenchmarkDatabases, urls: DatabaseUrls, users: list[BenchmarkUser], calls: int, idle_seconds: float
) -> ReadLatency:
    """Read the list with one client, idle and while a command imports. Both use a copy of the database."""
    history = BUILD / f"calls-{calls}.csv"
    write_history(history, calls)
    portal = Portal()
    with databases.temporary_copy(urls.portal, "readers") as url:
        copy = DatabaseUrls(urls.engine, url, urls.plain, urls.covering)
        with run_server(f"{urls.engine} readers", portal.command(copy), portal.environ(copy)) as server:
            read(server, portal, users, start_timer(1))
            idle, _ = read(server, portal, users, start_timer(idle_seconds))
            started = time.monotonic()
            command = [sys.executable, "-m", "flask", "--app", "wsgi", "batch", "import", str(history)]
            with subprocess.Popen(
                [*command, "--owner", bulk_load.email(users[0].key)],
                cwd=ROOT,
                env={**os.environ, **portal.environ(copy)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ) as process:
                busy, failures = read(server, portal, users, lambda: process.poll() is not None)
                output = process.stdout.read() if process.stdout else ""
            if process.returncode:
                raise RuntimeError(f"the import failed: {output.strip()[-300:]}")
            import_seconds = time.monotonic() - started
    return ReadLatency(p95(idle), p95(busy), failures, import_seconds, calls, len(busy))


def read(
    server: ServerProcess, portal: Portal, users: list[BenchmarkUser], is_finished: Callable[[], bool]
) -> tuple[list[float], int]:
    """Request page 1 of each user in turn until finished. Returns the seconds and the number of failures."""
    seconds, failures = [], 0
    requests = [portal.request(user, PAGE_1.at(user, 0)) for user in users]
    client = TimedClient(server.port)
    while not is_finished():
        try:
            seconds.append(client.send(requests[len(seconds) % len(requests)]).seconds)
        except UnexpectedResponse:
            failures += 1
            client.socket.close()
            client = TimedClient(server.port)
    client.socket.close()
    return seconds, failures


def start_timer(seconds: float) -> Callable[[], bool]:
    """Return a function that returns whether the time has passed."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def p95(seconds: list[float]) -> float:
    """Return the 95th percentile."""
    return quantiles(seconds, n=20)[-1]


def write_history(path: Path, calls: int) -> None:
    """Write a call history with fictional phone numbers."""
    rng = random.Random(4)
    start = datetime(2024, 1, 1, 8, tzinfo=UTC)
    lines = ["batchName,phoneNumber,startedAt,durationSeconds,callStatus,attempts,segment"]
    for call in range(calls):
        batch, position = divmod(call, CALLS_PER_BATCH)
        number = f"+1{201 + position // 100}55501{position % 100:02}"
        started_at = start + timedelta(days=batch, seconds=position * 10)
        status = rng.choice(("completed", "dropped", "no-answer", "busy"))
        seconds = rng.randrange(5, 300) if status == "completed" else 0
        lines.append(f"Imported {batch},{number},{started_at:%Y-%m-%dT%H:%M:%SZ},{seconds},{status},1,loyal")
    path.write_text("\n".join(lines) + "\n")
