"""The memory of a worker after requests of one small user, and after requests of all users."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.benchmarks.batch_data import Shape
from tests.benchmarks.databases import DatabaseUrls
from tests.benchmarks.request_kinds import FEW, KINDS, NONE, BenchmarkUser, ListView
from tests.benchmarks.systems import Portal
from tests.support.servers import ServerProcess, resident_bytes, run_server
from tests.support.timed_client import TimedClient


@dataclass(frozen=True)
class WorkerMemory:
    """Resident bytes: after the start, and after the same number of requests of one user and of all."""

    start: int
    small: int
    all_users: int


def measure(urls: DatabaseUrls, shape: Shape, users: list[BenchmarkUser], requests: int) -> WorkerMemory:
    """Start two workers: one serves the smallest user only, the other one all users."""
    portal = Portal()
    sizes = []
    for senders in (users[:1], create_users(shape, users)):
        with run_server(f"{urls.engine} memory", portal.command(urls), portal.environ(urls)) as server:
            start = resident_bytes(server.only_worker())
            send_requests(server, portal, senders, requests)
            sizes.append(resident_bytes(server.only_worker()))
    return WorkerMemory(start, *sizes)


def create_users(shape: Shape, users: list[BenchmarkUser]) -> list[BenchmarkUser]:
    """Return all users of the data."""
    end_ms = users[0].end_ms
    return [BenchmarkUser(key, size, shape.places(size), end_ms) for key, size in enumerate(shape.sizes, 1)]


def send_requests(server: ServerProcess, portal: Portal, users: list[BenchmarkUser], requests: int) -> None:
    """Send requests of every kind: half of them from the first four users, half from all in turn."""
    rng = random.Random(2)
    kinds = list(KINDS.values())
    with TimedClient(server.port) as client:
        for turn in range(requests):
            user = users[turn % len(users)] if turn % 2 else users[turn // 2 % min(len(users), 4)]
            kind = kinds[turn % len(kinds)]
            possible = user.places or kind not in (FEW, NONE)
            client.send(portal.request(user, kind.at(user, rng.randrange(1000)) if possible else ListView()))
