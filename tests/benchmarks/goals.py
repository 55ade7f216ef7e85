"""The portal's goals, as ratios of figures of one run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.benchmarks.measurement import BEARER_FLOOR, FLOOR, NOT_MODIFIED, SESSION_FLOOR, Metric
from tests.benchmarks.read_latency import ReadLatency
from tests.benchmarks.request_kinds import (
    FEW,
    GROWING,
    LAST,
    MANY,
    MANY_AGAIN,
    ONE_LETTER,
    PAGE_1,
    SEARCHES,
    SORTS,
    TWO_LETTERS,
)
from tests.benchmarks.worker_memory import WorkerMemory
from tests.benchmarks.write_costs import GROUPED, SINGLE, Costs

PORTAL, FRAGMENT, PLAIN, COVERING = (
    "portal",
    "portal fragment",
    "Flask-SQLAlchemy",
    "Flask-SQLAlchemy, covering index",
)


@dataclass
class Results:
    """All figures of one engine; times are medians in seconds."""

    engine: str
    sizes: list[int]
    medians: dict[Metric, float] = field(default_factory=dict)
    throughput: dict[str, float] = field(default_factory=dict)
    worker_memory: WorkerMemory | None = None
    read_latency: ReadLatency | None = None
    write_costs: Costs = field(default_factory=dict)

    def time(self, system: str, kind: str, size: int | None = None) -> float | None:
        """Return a median, by default of the largest user; None if it was not measured."""
        return self.medians.get(Metric(system, size or self.sizes[-1], kind))

    def growth(self, *kinds: str) -> float | None:
        """Return the largest growth of these kinds of request from the smallest user to the largest."""
        return largest(ratio(self.time(PORTAL, kind), self.time(PORTAL, kind, self.sizes[0])) for kind in kinds)

    def ratio_to(self, other: str, kind: str, than: str = PORTAL) -> float | None:
        """Return how many times as long another system takes."""
        return ratio(self.time(other, kind), self.time(than, kind))


Figure = Callable[[Results], float | None]


@dataclass(frozen=True)
class Goal:
    """A ratio and its bound for each engine (None = no goal); `at_least` = a lower bound, else an upper one."""

    description: str
    sqlite: float | None
    postgresql: float | None
    figure: Figure
    at_least: bool = False

    def bound(self, engine: str) -> float | None:
        return self.sqlite if engine == "sqlite" else self.postgresql

    def is_met(self, engine: str, value: float) -> bool:
        """Return whether a value reaches the bound, after rounding to the printed digits."""
        bound, value = self.bound(engine), round(value, 2)
        return bound is None or (value >= bound if self.at_least else value <= bound)


def ratio(one: float | None, other: float | None) -> float | None:
    """Return the ratio; None if a value is missing."""
    return one / other if one and other else None


def largest(values: object) -> float | None:
    """Return the largest value that is not None."""
    known = [value for value in values if value is not None]
    return max(known) if known else None


def floor_ratio(system: str, kind: str, floor_of: str, floor: str) -> Figure:
    """Compare a request with a no-op route of the same server."""
    return lambda results: ratio(results.time(system, kind), results.time(floor_of, floor))


def slowest_growth(kinds: list) -> Figure:
    """Compare the sizes of lists for several kinds."""
    return lambda results: results.growth(*(kind.name for kind in kinds))


def peer(name: str, kind: object) -> Figure:
    """Compare a peer with the portal."""
    return lambda results: results.ratio_to(name, kind.name)


def rate(name: str) -> Figure:
    """Compare the portal's requests per second with a peer's, for a small user."""
    return lambda results: ratio(results.throughput.get(PORTAL), results.throughput.get(name))


def write(change: str, mode: str) -> Figure:
    """Compare a write in the portal's tables with the same table without derived data."""
    return lambda results: ratio(
        results.write_costs.get((PORTAL, change, mode)), results.write_costs.get(("indexed", change, mode))
    )


def many_again(results: Results) -> float | None:
    """Compare the second page of a search that has just been sent with page 1."""
    return ratio(results.time(PORTAL, MANY_AGAIN.name), results.time(PORTAL, PAGE_1.name))


GOALS = [
    Goal(
        "page 1 as JSON, with token check / no-op route",
        2.0,
        3.0,
        floor_ratio(PORTAL, PAGE_1.name, PORTAL, FLOOR),
    ),
    Goal(
        "HTML fragment, with session / no-op route with session",
        2.0,
        2.5,
        floor_ratio(FRAGMENT, PAGE_1.name, FRAGMENT, SESSION_FLOOR),
    ),
    Goal(
        "304 for a polling client / no-op route with token check",
        1.3,
        1.8,
        floor_ratio(PORTAL, NOT_MODIFIED, PORTAL, BEARER_FLOOR),
    ),
    *(Goal(f"growth: {kind.name}", 1.5, 1.5, slowest_growth([kind])) for kind in GROWING),
    Goal("growth: page 1 slowest of the other sort orders", 2.0, 2.0, slowest_growth(SORTS)),
    Goal("many hits, second request / page 1", 2.0, 2.0, many_again),
    Goal("Flask-SQLAlchemy / portal: many hits, first time", 10, 2.5, peer(PLAIN, MANY), at_least=True),
    Goal("covering index / portal: one letter, first time", 1.5, 2, peer(COVERING, ONE_LETTER), at_least=True),
    Goal("covering index / portal: two letters, first time", 1.5, 2, peer(COVERING, TWO_LETTERS), at_least=True),
    Goal("Flask-SQLAlchemy / portal: page 1", 20, 25, peer(PLAIN, PAGE_1), at_least=True),
    Goal("Flask-SQLAlchemy / portal: last page", 30, 70, peer(PLAIN, LAST), at_least=True),
    Goal("Flask-SQLAlchemy / portal: few hits", 250, 120, peer(PLAIN, FEW), at_least=True),
    Goal("FastAPI / portal: page 1", 20, None, peer("FastAPI", PAGE_1), at_least=True),
    Goal("Datasette JSON / portal: page 1", 20, None, peer("Datasette JSON", PAGE_1), at_least=True),
    Goal("Flask-Admin / portal: page 1", 20, None, peer("Flask-Admin", PAGE_1), at_least=True),
    Goal("Django admin / portal: page 1", 90, None, peer("Django admin", PAGE_1), at_least=True),
    Goal("requests per second, small user: portal / Flask-SQLAlchemy", 2, 1.5, rate(PLAIN), at_least=True),
    Goal("requests per second, small user: portal / FastAPI", 3, 1.5, rate("FastAPI"), at_least=True),
    Goal("requests per second, small user: portal / Datasette JSON", 5, None, rate("Datasette JSON"), at_least=True),
    Goal("insert a batch / same without derived data, 100 per transaction", 2.5, 2.5, write("insert", GROUPED)),
    Goal("change a status / same without derived data, 100 per transaction", 4.5, 3, write("change_status", GROUPED)),
    Goal("insert a batch / same without derived data, 1 per transaction", 2.5, 2.5, write("insert", SINGLE)),
    Goal("change a status / same without derived data, 1 per transaction", 4.5, 3, write("change_status", SINGLE)),
    Goal(
        "memory of a worker: requests of all users / of the smallest user",
        1.1,
        1.1,
        lambda results: (
            ratio(results.worker_memory.all_users, results.worker_memory.small) if results.worker_memory else None
        ),
    ),
    Goal(
        "p95 of the list during an import / idle",
        3,
        3,
        lambda results: (
            ratio(results.read_latency.busy_p95, results.read_latency.idle_p95) if results.read_latency else None
        ),
    ),
]

REPORTED_KINDS = [kind.name for kind in (*GROWING, *SORTS, *SEARCHES)]
