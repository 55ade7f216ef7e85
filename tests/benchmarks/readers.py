"""How long a reader waits for the list while one writer imports a call history."""

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

from tests.benchmarks import load
from tests.benchmarks.asks import PAGE_1, User
from tests.benchmarks.client import Client, WrongAnswer
from tests.benchmarks.contenders import Portal
from tests.benchmarks.servers import Server, serving
from tests.benchmarks.stores import BUILD, ROOT, Keeper, Store

CALLS_A_BATCH = 2_000


@dataclass(frozen=True)
class Readers:
    """The 95th percentile of the list in seconds, idle and while the import ran; answers that were no list; how long
    the import of how many calls took; and the list's answers meanwhile."""

    idle_p95: float
    busy_p95: float
    failures: int
    import_seconds: float
    calls: int
    answers: int


def measure(keeper: Keeper, store: Store, users: list[User], calls: int, idle_seconds: float) -> Readers:
    """One client reads all the time; a process of its own imports, as a person would start it. On a copy."""
    history = BUILD / f"calls-{calls}.csv"
    write_history(history, calls)
    portal = Portal()
    with keeper.scratch(store.portal, "readers") as url:
        copy = Store(store.engine, url, store.bare, store.covered)
        with serving(f"{store.engine} readers", portal.command(copy), portal.environ(copy)) as server:
            read(server, portal, users, until_passed(1))
            idle, _ = read(server, portal, users, until_passed(idle_seconds))
            started = time.monotonic()
            command = [sys.executable, "-m", "flask", "--app", "wsgi", "batch", "import", str(history)]
            with subprocess.Popen(
                [*command, "--owner", load.email(users[0].key)],
                cwd=ROOT,
                env={**os.environ, **portal.environ(copy)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ) as process:
                busy, failures = read(server, portal, users, lambda: process.poll() is not None)
                said = process.stdout.read() if process.stdout else ""
            if process.returncode:
                raise RuntimeError(f"the import failed: {said.strip()[-300:]}")
            taken = time.monotonic() - started
    return Readers(p95(idle), p95(busy), failures, taken, calls, len(busy))


def read(server: Server, portal: Portal, users: list[User], finished: Callable[[], bool]) -> tuple[list[float], int]:
    """Ask for page 1 of one user after another until it is finished. Returns the seconds, and how many failed."""
    taken, failures = [], 0
    requests = [portal.request(user, PAGE_1.at(user, 0)) for user in users]
    client = Client(server.port)
    while not finished():
        try:
            taken.append(client.ask(requests[len(taken) % len(requests)]).seconds)
        except WrongAnswer:
            failures += 1
            client.socket.close()
            client = Client(server.port)
    client.socket.close()
    return taken, failures


def until_passed(seconds: float) -> Callable[[], bool]:
    """Whether so many seconds have passed since now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def p95(seconds: list[float]) -> float:
    """The 95th percentile."""
    return quantiles(seconds, n=20)[-1]


def write_history(path: Path, calls: int) -> None:
    """A call history of so many calls; numbers are fictional."""
    chance = random.Random(4)
    start = datetime(2024, 1, 1, 8, tzinfo=UTC)
    lines = ["batchName,phoneNumber,startedAt,durationSeconds,callStatus,attempts,segment"]
    for call in range(calls):
        batch, place = divmod(call, CALLS_A_BATCH)
        number = f"+1{201 + place // 100}55501{place % 100:02}"
        moment = start + timedelta(days=batch, seconds=place * 10)
        status = chance.choice(("completed", "dropped", "no-answer", "busy"))
        seconds = chance.randrange(5, 300) if status == "completed" else 0
        lines.append(f"Imported {batch},{number},{moment:%Y-%m-%dT%H:%M:%SZ},{seconds},{status},1,loyal")
    path.write_text("\n".join(lines) + "\n")
