"""What the portal must reach, as ratios of figures of one run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.benchmarks.asks import (
    FEW,
    GROWING,
    LAST,
    MANY,
    MANY_AGAIN,
    NONE,
    ONE_LETTER,
    PAGE_1,
    SEARCHES,
    SORTS,
    TWO_LETTERS,
)
from tests.benchmarks.memory import Memory
from tests.benchmarks.readers import Readers
from tests.benchmarks.rounds import BEARER_FLOOR, FLOOR, NOT_MODIFIED, SESSION_FLOOR, Cell
from tests.benchmarks.writes import GROUPED, SINGLE, Costs

PORTAL, FRAGMENT, PLAIN, COVERED = (
    "portal",
    "portal fragment",
    "Flask-SQLAlchemy",
    "Flask-SQLAlchemy, covering index",
)


@dataclass
class Results:
    """Everything that was measured on one engine; times are medians in seconds."""

    engine: str
    sizes: list[int]
    medians: dict[Cell, float] = field(default_factory=dict)
    throughput: dict[str, float] = field(default_factory=dict)
    memory: Memory | None = None
    readers: Readers | None = None
    writes: Costs = field(default_factory=dict)

    def time(self, contender: str, kind: str, size: int | None = None) -> float | None:
        """A median; of the largest user, unless told otherwise. None where that was not measured."""
        return self.medians.get(Cell(contender, size or self.sizes[-1], kind))

    def growth(self, *kinds: str) -> float | None:
        """The worst growth of these kinds of request from the smallest user to the largest."""
        return largest(ratio(self.time(PORTAL, kind), self.time(PORTAL, kind, self.sizes[0])) for kind in kinds)

    def against(self, other: str, kind: str, than: str = PORTAL) -> float | None:
        """How many times as long another contender takes."""
        return ratio(self.time(other, kind), self.time(than, kind))


Figure = Callable[[Results], float | None]


@dataclass(frozen=True)
class Goal:
    """A ratio with a bound for each engine (None = no goal there); `at_least`, or else at most."""

    what: str
    sqlite: float | None
    postgresql: float | None
    figure: Figure
    at_least: bool = False

    def bound(self, engine: str) -> float | None:
        """The bound on that engine."""
        return self.sqlite if engine == "sqlite" else self.postgresql

    def met(self, engine: str, value: float) -> bool:
        """Whether a value reaches the bound, as exactly as it is printed."""
        bound, value = self.bound(engine), round(value, 2)
        return bound is None or (value >= bound if self.at_least else value <= bound)


def ratio(one: float | None, other: float | None) -> float | None:
    """One over the other; None where either is missing."""
    return one / other if one and other else None


def largest(values: object) -> float | None:
    """The largest that is there."""
    there = [value for value in values if value is not None]
    return max(there) if there else None


def floor_ratio(contender: str, kind: str, floor_of: str, floor: str) -> Figure:
    """A request against a route that does nothing but the floor, on the same server."""
    return lambda results: ratio(results.time(contender, kind), results.time(floor_of, floor))


def slowest_growth(kinds: list) -> Figure:
    """The worst growth of several kinds."""
    return lambda results: results.growth(*(kind.name for kind in kinds))


def peer(name: str, kind: object) -> Figure:
    """How many times as long a peer takes."""
    return lambda results: results.against(name, kind.name)


def rate(name: str) -> Figure:
    """Requests a second against a peer's, for a small user."""
    return lambda results: ratio(results.throughput.get(PORTAL), results.throughput.get(name))


def write(change: str, mode: str) -> Figure:
    """A change in the portal's tables against the same table with nothing kept beside it."""
    return lambda results: ratio(
        results.writes.get((PORTAL, change, mode)), results.writes.get(("indexed", change, mode))
    )


def many_again(results: Results) -> float | None:
    """A search with many hits that was asked before, against page 1."""
    return ratio(results.time(PORTAL, MANY_AGAIN.name), results.time(PORTAL, PAGE_1.name))


GOALS = [
    Goal(
        "page 1 as JSON with its bearer check / a no-op route",
        2.0,
        3.0,
        floor_ratio(PORTAL, PAGE_1.name, PORTAL, FLOOR),
    ),
    Goal(
        "the fragment with its session / a no-op route with a session",
        2.0,
        2.5,
        floor_ratio(FRAGMENT, PAGE_1.name, FRAGMENT, SESSION_FLOOR),
    ),
    Goal(
        "a 304 to a poller / a no-op route with a bearer check",
        1.3,
        1.8,
        floor_ratio(PORTAL, NOT_MODIFIED, PORTAL, BEARER_FLOOR),
    ),
    *(Goal(f"growth: {kind.name}", 1.5, 1.5, slowest_growth([kind])) for kind in GROWING),
    Goal("growth: page 1 by each other sort (the worst)", 2.0, 2.0, slowest_growth(SORTS)),
    Goal("many hits, asked again / page 1", 2.0, 2.0, many_again),
    Goal("Flask-SQLAlchemy / portal: many hits, first time", 10, 2.5, peer(PLAIN, MANY), at_least=True),
    Goal("covering index / portal: one letter, first time", 1.5, 2, peer(COVERED, ONE_LETTER), at_least=True),
    Goal("covering index / portal: two letters, first time", 1.5, 2, peer(COVERED, TWO_LETTERS), at_least=True),
    Goal("Flask-SQLAlchemy / portal: page 1", 20, 25, peer(PLAIN, PAGE_1), at_least=True),
    Goal("Flask-SQLAlchemy / portal: last page", 30, 70, peer(PLAIN, LAST), at_least=True),
    Goal("Flask-SQLAlchemy / portal: few hits", 250, 120, peer(PLAIN, FEW), at_least=True),
    Goal("FastAPI / portal: page 1", 20, None, peer("FastAPI", PAGE_1), at_least=True),
    Goal("Datasette JSON / portal: page 1", 20, None, peer("Datasette JSON", PAGE_1), at_least=True),
    Goal("Flask-Admin / portal: page 1", 20, None, peer("Flask-Admin", PAGE_1), at_least=True),
    Goal("Django admin / portal: page 1", 90, None, peer("Django admin", PAGE_1), at_least=True),
    Goal("requests a second, small user: portal / Flask-SQLAlchemy", 2, 1.5, rate(PLAIN), at_least=True),
    Goal("requests a second, small user: portal / FastAPI", 3, 1.5, rate("FastAPI"), at_least=True),
    Goal("requests a second, small user: portal / Datasette JSON", 5, None, rate("Datasette JSON"), at_least=True),
    Goal("insert a batch / into the indexed table alone, 100 a transaction", 2.5, 2.5, write("insert", GROUPED)),
    Goal("change a status / in the indexed table alone, 100 a transaction", 4.5, 3, write("change_status", GROUPED)),
    Goal("insert a batch / into the indexed table alone, one a transaction", 2.5, 2.5, write("insert", SINGLE)),
    Goal("change a status / in the indexed table alone, one a transaction", 4.5, 3, write("change_status", SINGLE)),
    Goal(
        "memory of a worker: everybody's batches / the smallest user's",
        1.1,
        1.1,
        lambda results: ratio(results.memory.everybody, results.memory.small) if results.memory else None,
    ),
    Goal(
        "the list's p95 while a history is imported / idle",
        3,
        3,
        lambda results: ratio(results.readers.busy_p95, results.readers.idle_p95) if results.readers else None,
    ),
]

KINDS_TOLD = [kind.name for kind in (*GROWING, *SORTS, *SEARCHES)]
SEARCH_KINDS = [kind.name for kind in (FEW, NONE, MANY)]
