"""The rounds: every contender is asked everything in turn, again and again, so that whatever drifts hits all alike."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from tests.benchmarks.asks import (
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
    Kind,
    User,
)
from tests.benchmarks.client import Client, get
from tests.benchmarks.contenders import Bare, Contender, Portal, PortalFragment, peers
from tests.benchmarks.servers import Server, serving
from tests.benchmarks.stores import Store
from tests.benchmarks.writer import Writer

# One turn of one cell: so many answers, or as many as come in this time, but one at least.
MOST_ANSWERS = 30
MOST_SECONDS = 0.2
# Asked before, untimed, where no cache is at stake.
WARMING = 5
MOST_WARMING_SECONDS = 0.02

FLOOR, BEARER_FLOOR, SESSION_FLOOR = "nothing", "bearer check", "session"
NOT_MODIFIED = "304"
FLOORS = {FLOOR: "/bench/nothing", BEARER_FLOOR: "/bench/bearer", SESSION_FLOOR: "/bench/session"}


@dataclass(frozen=True)
class Cell:
    """One figure: who was asked, by a user of how many batches, for what."""

    contender: str
    size: int
    kind: str


Seconds = dict[Cell, list[float]]


class Field:
    """Every contender on one engine, running; the field of a race."""

    def __init__(self, store: Store, users: list[User], python: str, stack: ExitStack) -> None:
        self.store = store
        self.users = users
        self.portal, self.fragment, self.bare = Portal(), PortalFragment(), Bare()
        self.peers = peers(store.engine, python)
        self.servers: dict[str, Server] = {}
        for contender in (self.portal, self.bare, *self.peers):
            name = f"{store.engine} {contender.name}"
            running = serving(name, contender.command(store), contender.environ(store))
            self.servers[contender.name] = stack.enter_context(running)
        self.servers[self.fragment.name] = self.servers[self.portal.name]
        for user in users:
            self.fragment.sign_in(self.port(self.fragment), user)
        self.writer = Writer(store.portal)
        stack.callback(self.writer.close)
        self.turns: dict[Cell, int] = defaultdict(int)

    def port(self, contender: Contender) -> int:
        """Where a contender listens."""
        return self.servers[contender.name].port

    def cells(self) -> list[tuple[Cell, Callable[[], list[float]]]]:
        """Every figure there is to be, and the way to a turn of it."""
        smallest, largest = self.users[0], self.users[-1]
        found: list[tuple[Cell, Callable[[], list[float]]]] = []

        def add(contender: Contender, user: User, kind: Kind) -> None:
            if contender.address(user, kind.at(user, 0)) is not None:
                cell = Cell(contender.name, user.size, kind.name)
                found.append((cell, lambda: self.turn(contender, user, kind, cell)))

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
        for name, contender in ((FLOOR, self.bare), (FLOOR, self.portal), (BEARER_FLOOR, self.portal)):
            found.append(self.floor(contender, largest, name))
        found.append(self.floor(self.fragment, largest, SESSION_FLOOR))
        cell = Cell(self.portal.name, largest.size, NOT_MODIFIED)
        found.append((cell, lambda: self.poll(largest)))
        return found

    def floor(self, contender: Contender, user: User, name: str) -> tuple[Cell, Callable[[], list[float]]]:
        """A route that does nothing."""
        request = get(FLOORS[name], contender.headers(user) if name != FLOOR else {})
        return Cell(contender.name, user.size, name), lambda: self.repeat(contender, request)

    def turn(self, contender: Contender, user: User, kind: Kind, cell: Cell) -> list[float]:
        """One turn of a kind of request. What no cache may know is asked after a touch, or is never the same."""
        first = kind.before or (PAGE_1.at(user, 0) if kind.fresh else kind.at(user, 0))
        with Client(self.port(contender)) as client:
            if not kind.fresh:
                self.warm(client, contender.request(user, first))
                return self.timed(client, lambda: contender.request(user, kind.at(user, 0)))

            def fresh() -> bytes:
                turn = self.turns[cell]
                self.turns[cell] += 1
                if isinstance(contender, Portal) and kind.needs_touch(user, turn):
                    self.writer.touch(user.key)
                    client.ask(contender.request(user, first))
                return contender.request(user, kind.at(user, turn))

            client.ask(contender.request(user, first))
            return self.timed(client, fresh)

    def repeat(self, contender: Contender, request: bytes) -> list[float]:
        """One turn of the same request."""
        with Client(self.port(contender)) as client:
            self.warm(client, request)
            return self.timed(client, lambda: request)

    def poll(self, user: User) -> list[float]:
        """One turn of a poller who has the newest answer already."""
        with Client(self.port(self.portal)) as client:
            tag = client.ask(self.portal.request(user, PAGE_1.at(user, 0))).header("ETag")
            request = self.portal.request(user, PAGE_1.at(user, 0), **{"If-None-Match": tag})
            self.warm(client, request, 304)
            return self.timed(client, lambda: request, 304)

    def warm(self, client: Client, request: bytes, *expected: int) -> None:
        """Ask a few times, untimed; whoever takes long is asked once."""
        seconds = 0.0
        for _ in range(WARMING):
            if seconds < MOST_WARMING_SECONDS:
                seconds += client.ask(request, *expected).seconds

    def timed(self, client: Client, request: Callable[[], bytes], *expected: int) -> list[float]:
        """How many seconds each answer took."""
        found: list[float] = []
        while len(found) < MOST_ANSWERS and sum(found) < MOST_SECONDS:
            prepared = request()
            found.append(client.ask(prepared, *expected).seconds)
        return found


def run(field: Field, count: int, say: Callable[[str], None]) -> Seconds:
    """So many rounds, each in another order; and one before them that does not count."""
    seconds: Seconds = defaultdict(list)
    chance = random.Random(1)
    cells = field.cells()
    started = time.monotonic()
    for number in range(count + 1):
        for cell, turn in chance.sample(cells, len(cells)):
            taken = turn()
            if number:
                seconds[cell] += taken
        say(f"  round {number} of {count}, {time.monotonic() - started:,.0f} s")
    return seconds


def medians(seconds: Seconds) -> dict[Cell, float]:
    """The median of each cell, in seconds."""
    return {cell: median(taken) for cell, taken in seconds.items()}
