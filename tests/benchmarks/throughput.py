"""Requests per second for a small user: several clients at once, all systems in turn."""

from __future__ import annotations

import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from tests.benchmarks.measurement import RunningSystems
from tests.benchmarks.request_kinds import PAGE_1
from tests.benchmarks.systems import System
from tests.support.timed_client import TimedClient

CLIENTS = 4


def run(running: RunningSystems, rounds: int, seconds: float) -> dict[str, float]:
    """Return the median requests per second of each system; each runs for `seconds` in each round."""
    rates: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for system in (running.portal, running.fragment, *running.peers):
            rates[system.name].append(measure_rate(running, system, seconds))
    return {name: median(found) for name, found in rates.items()}


def measure_rate(running: RunningSystems, system: System, seconds: float) -> float:
    """Return requests per second of page 1 of the smallest user."""
    request = system.request(running.users[0], PAGE_1.at(running.users[0], 0))

    def send_requests(_number: int) -> int:
        count = 0
        with TimedClient(running.port(system)) as client:
            while time.perf_counter() < end:
                client.send(request)
                count += 1
        return count

    with ThreadPoolExecutor(CLIENTS) as pool:
        started = time.perf_counter()
        end = started + seconds
        count = sum(pool.map(send_requests, range(CLIENTS)))
        return count / (time.perf_counter() - started)
