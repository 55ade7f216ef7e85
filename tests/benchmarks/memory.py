"""The memory of a worker, after it has worked through a small user's batches and after everybody's."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.benchmarks.asks import FEW, KINDS, NONE, User, View
from tests.benchmarks.client import Client
from tests.benchmarks.contenders import Portal
from tests.benchmarks.data import Shape
from tests.benchmarks.servers import Server, resident_bytes, serving
from tests.benchmarks.stores import Store


@dataclass(frozen=True)
class Memory:
    """Resident bytes: after as many requests each, and just after the start."""

    start: int
    small: int
    everybody: int


def measure(store: Store, shape: Shape, users: list[User], requests: int) -> Memory:
    """Two workers, each asked as often: one by the smallest user alone, one by everybody."""
    portal = Portal()
    found = []
    for asking in (users[:1], everybody(shape, users)):
        with serving(f"{store.engine} memory", portal.command(store), portal.environ(store)) as server:
            start = resident_bytes(server.worker())
            ask(server, portal, asking, requests)
            found.append(resident_bytes(server.worker()))
    return Memory(start, *found)


def everybody(shape: Shape, users: list[User]) -> list[User]:
    """All users of the data."""
    end_ms = users[0].end_ms
    return [User(key, size, shape.places(size), end_ms) for key, size in enumerate(shape.sizes, 1)]


def ask(server: Server, portal: Portal, users: list[User], requests: int) -> None:
    """Every user in turn, the measured ones again and again, one kind of request after another."""
    chance = random.Random(2)
    kinds = list(KINDS.values())
    with Client(server.port) as client:
        for turn in range(requests):
            user = users[turn % len(users)] if turn % 2 else users[turn // 2 % min(len(users), 4)]
            kind = kinds[turn % len(kinds)]
            known = user.places or kind not in (FEW, NONE)
            client.ask(portal.request(user, kind.at(user, chance.randrange(1000)) if known else View()))
