"""The measurement in rounds: each round times every metric once, in random order, so that drift affects all alike."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from tests.benchmarks.databases import DatabaseUrls
from tests.benchmarks.driver_connection import DriverConnection
from tests.benchmarks.request_kinds import (
    FEW,
    GROWING,
    LAST,
    MANY,
    MANY_AGAIN,
    MIDDLE,
    NONE,
    ONE_LETTER,
    PAGE_1,
    SEARCHES,
    SORTS,
    STATUS,
    TWO_LETTERS,
    BenchmarkUser,
    RequestKind,
)
from tests.benchmarks.systems import BareFlask, Portal, PortalFragment, System, peers
from tests.support.servers import ServerProcess, run_server
from tests.support.timed_client import TimedClient, get

# The limits of one turn of one metric; it has at least one response.
MAX_RESPONSES = 30
MAX_SECONDS = 0.2
# Untimed requests before a turn, unless a cache could answer the turn.
WARM_UP_REQUESTS = 5
MAX_WARM_UP_SECONDS = 0.02

FLOOR, BEARER_FLOOR, SESSION_FLOOR = "nothing", "bearer check", "session"
NOT_MODIFIED = "304"
FLOORS = {FLOOR: "/bench/nothing", BEARER_FLOOR: "/bench/bearer", SESSION_FLOOR: "/bench/session"}


@dataclass(frozen=True)
class Metric:
    """One figure of the report: a system, the number of the user's batches, and the kind of request."""

    system: str
    size: int
    kind: str


Samples = dict[Metric, list[float]]


class RunningSystems:
    """Every system on one engine, with its running server."""

    def __init__(self, urls: DatabaseUrls, users: list[BenchmarkUser], python: str, stack: ExitStack) -> None:
        self.urls = urls
        self.users = users
        self.portal, self.fragment, self.bare_flask = Portal(), PortalFragment(), BareFlask()
        self.peers = peers(urls.engine, python)
        self.servers: dict[str, ServerProcess] = {}
        for system in (self.portal, self.bare_flask, *self.peers):
            name = f"{urls.engine} {system.name}"
            running = run_server(name, system.command(urls), system.environ(urls))
            self.servers[system.name] = stack.enter_context(running)
        self.servers[self.fragment.name] = self.servers[self.portal.name]
        for user in users:
            self.fragment.sign_in(self.port(self.fragment), user)
        self.connection = DriverConnection(urls.portal)
        stack.callback(self.connection.close)
        self.turns: dict[Metric, int] = defaultdict(int)

    def port(self, system: System) -> int:
        """Return the port of a system."""
        return self.servers[system.name].port

    def metrics(self) -> list[tuple[Metric, Callable[[], list[float]]]]:
        """Return every metric with the function that times it for one turn."""
        smallest, largest = self.users[0], self.users[-1]
        metrics: list[tuple[Metric, Callable[[], list[float]]]] = []

        def add(system: System, user: BenchmarkUser, kind: RequestKind) -> None:
            if system.address(user, kind.at(user, 0)) is not None:
                metric = Metric(system.name, user.size, kind.name)
                metrics.append((metric, lambda: self.turn(system, user, kind, metric)))

        for user in self.users:
            for kind in (*GROWING, *SORTS, *SEARCHES):
                add(self.portal, user, kind)
            add(self.fragment, user, PAGE_1)
            for kind in (PAGE_1, LAST, FEW):
                add(self.peers[0], user, kind)
        for peer in self.peers[:2]:
            for kind in (PAGE_1, MIDDLE, LAST, FEW, NONE, STATUS, MANY, MANY_AGAIN, ONE_LETTER, TWO_LETTERS):
                if (peer, kind) not in {(self.peers[0], known) for known in (PAGE_1, LAST, FEW)}:
                    add(peer, largest, kind)
        for peer in self.peers[2:]:
            add(peer, smallest, PAGE_1)
            for kind in (PAGE_1, LAST, FEW, MANY):
                add(peer, largest, kind)
        for name, system in ((FLOOR, self.bare_flask), (FLOOR, self.portal), (BEARER_FLOOR, self.portal)):
            metrics.append(self.floor(system, largest, name))
        metrics.append(self.floor(self.fragment, largest, SESSION_FLOOR))
        metric = Metric(self.portal.name, largest.size, NOT_MODIFIED)
        metrics.append((metric, lambda: self.poll(largest)))
        return metrics

    def floor(self, system: System, user: BenchmarkUser, name: str) -> tuple[Metric, Callable[[], list[float]]]:
        """Return the metric of a no-op route."""
        request = get(FLOORS[name], system.headers(user) if name != FLOOR else {})
        return Metric(system.name, user.size, name), lambda: self.repeat(system, request)

    def turn(self, system: System, user: BenchmarkUser, kind: RequestKind, metric: Metric) -> list[float]:
        """Time one turn of a kind of request. A `fresh` kind is requested after a write, or is never the same twice."""
        first = kind.before or (PAGE_1.at(user, 0) if kind.fresh else kind.at(user, 0))
        with TimedClient(self.port(system)) as client:
            if not kind.fresh:
                self.warm_up(client, system.request(user, first))
                return self.timed(client, lambda: system.request(user, kind.at(user, 0)))

            def fresh() -> bytes:
                turn = self.turns[metric]
                self.turns[metric] += 1
                if isinstance(system, Portal) and kind.needs_touch(user, turn):
                    self.connection.touch(user.key)
                    client.send(system.request(user, first))
                return system.request(user, kind.at(user, turn))

            client.send(system.request(user, first))
            return self.timed(client, fresh)

    def repeat(self, system: System, request: bytes) -> list[float]:
        """Time one turn of the same request."""
        with TimedClient(self.port(system)) as client:
            self.warm_up(client, request)
            return self.timed(client, lambda: request)

    def poll(self, user: BenchmarkUser) -> list[float]:
        """Time one turn of a client that polls with the newest ETag."""
        with TimedClient(self.port(self.portal)) as client:
            tag = client.send(self.portal.request(user, PAGE_1.at(user, 0))).header("ETag")
            request = self.portal.request(user, PAGE_1.at(user, 0), **{"If-None-Match": tag})
            self.warm_up(client, request, 304)
            return self.timed(client, lambda: request, 304)

    def warm_up(self, client: TimedClient, request: bytes, *expected: int) -> None:
        """Send a few untimed requests; a slow system gets one."""
        seconds = 0.0
        for _ in range(WARM_UP_REQUESTS):
            if seconds < MAX_WARM_UP_SECONDS:
                seconds += client.send(request, *expected).seconds

    def timed(self, client: TimedClient, request: Callable[[], bytes], *expected: int) -> list[float]:
        """Return the seconds of each response."""
        seconds: list[float] = []
        while len(seconds) < MAX_RESPONSES and sum(seconds) < MAX_SECONDS:
            prepared = request()
            seconds.append(client.send(prepared, *expected).seconds)
        return seconds


def run(running: RunningSystems, rounds: int, report_progress: Callable[[str], None]) -> Samples:
    """Time `rounds` rounds in random order, after one that does not count."""
    samples: Samples = defaultdict(list)
    rng = random.Random(1)
    metrics = running.metrics()
    started = time.monotonic()
    for number in range(rounds + 1):
        for metric, turn in rng.sample(metrics, len(metrics)):
            seconds = turn()
            if number:
                samples[metric] += seconds
        report_progress(f"  round {number} of {rounds}, {time.monotonic() - started:,.0f} s")
    return samples


def medians(samples: Samples) -> dict[Metric, float]:
    """Return the median of each metric in seconds."""
    return {metric: median(seconds) for metric, seconds in samples.items()}
