"""Requests a second for a small user: several clients at once, all contenders in turn."""

from __future__ import annotations

import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from tests.benchmarks.asks import PAGE_1
from tests.benchmarks.client import Client
from tests.benchmarks.contenders import Contender
from tests.benchmarks.rounds import Field

CLIENTS = 4


def run(field: Field, count: int, seconds: float) -> dict[str, float]:
    """The median of so many rounds, as requests a second by contender; each runs for `seconds` in each round."""
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(count):
        for contender in (field.portal, field.fragment, *field.peers):
            found[contender.name].append(rate(field, contender, seconds))
    return {name: median(rates) for name, rates in found.items()}


def rate(field: Field, contender: Contender, seconds: float) -> float:
    """Requests a second of page 1 of the smallest user."""
    request = contender.request(field.users[0], PAGE_1.at(field.users[0], 0))

    def work(_number: int) -> int:
        answered = 0
        with Client(field.port(contender)) as client:
            while time.perf_counter() < end:
                client.ask(request)
                answered += 1
        return answered

    with ThreadPoolExecutor(CLIENTS) as pool:
        started = time.perf_counter()
        end = started + seconds
        answered = sum(pool.map(work, range(CLIENTS)))
        return answered / (time.perf_counter() - started)
