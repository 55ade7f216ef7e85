"""The batches that are measured: invented, believable, and the same at every build but for the moment they end at."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from tests.benchmarks import names

SEED = 20_09
DAY_MS = 86_400_000
SPAN_MS = 730 * DAY_MS  # created over about two years
FRESH_MS = 14 * DAY_MS  # of what is younger than this, much is still under way
DELETED_SHARE = 0.1  # beside the live ones
NAMED_SHARE = 0.2  # of the live batches, so many have a place in their names
PER_PLACE = 13  # and each place stands in so many of them

FRESH = {"active": 30, "pending": 25, "completed": 25, "paused": 12, "stopped": 8}
SETTLED = {"completed": 90, "stopped": 8, "paused": 2}


@dataclass(frozen=True)
class Shape:
    """How much there is: the live batches of each user who is measured, of all users, and how many they are."""

    name: str
    measured: tuple[int, ...]
    users: int
    live: int

    @cached_property
    def sizes(self) -> list[int]:
        """How many live batches each user has; the user at place 0 has the key 1. The measured ones stand first."""
        chance = random.Random(SEED)
        weights = [chance.lognormvariate(0, 0.6) for _ in range(self.users - len(self.measured))]
        rest = self.live - sum(self.measured)
        shares = [round(rest * reached / sum(weights)) for reached in accumulate(weights)]
        return [*self.measured, *(share - before for before, share in zip([0, *shares], shares, strict=False))]

    def places(self, size: int) -> int:
        """How many places, each in PER_PLACE names, a user of that size has."""
        return int(size * NAMED_SHARE) // PER_PLACE


FULL = Shape("full", (1_000, 10_000, 100_000, 300_000), 1_000, 1_000_000)
SMALL = Shape("small", (200, 600, 2_000, 6_000), 40, 12_000)
TINY = Shape("tiny", (100, 2_000), 6, 2_500)
SHAPES = {shape.name: shape for shape in (FULL, SMALL, TINY)}


class BatchRow(NamedTuple):
    """One batch. `number` counts up from 1 for each owner, in the order of creation; times are milliseconds."""

    owner_key: int
    number: int
    id: str
    name: str
    status: str
    total_calls: int
    calls_called: int
    calls_picked: int
    calls_completed: int
    created_at: int
    updated_at: int
    deleted_at: int | None


def all_rows(size: int) -> int:
    """The batches of a user with so many live ones, deleted ones too."""
    return size + round(size * DELETED_SHARE)


def batches(shape: Shape, end_ms: int) -> Iterator[BatchRow]:
    """Every batch of every user in the order in which they were made, up to `end_ms`."""
    chance = random.Random(SEED)
    moments = []
    plans = {}
    for key, size in enumerate(shape.sizes, 1):
        plans[key] = plan(chance, shape, size)
        moments += [(moment, key) for moment in distinct_moments(chance, all_rows(size), end_ms)]
    numbers = dict.fromkeys(plans, 0)
    for created_at, key in sorted(moments):
        place = numbers[key]
        numbers[key] += 1
        deleted, places = plans[key]
        yield batch(chance, key, place, created_at, end_ms, place in deleted, places.get(place))


def plan(chance: random.Random, shape: Shape, size: int) -> tuple[set[int], dict[int, str]]:
    """Which of a user's batches are deleted, and which have a place in their names, by their turn from 0."""
    count = all_rows(size)
    deleted = set(chance.sample(range(count), count - size))
    live = [turn for turn in range(count) if turn not in deleted]
    named = chance.sample(live, shape.places(size) * PER_PLACE)
    return deleted, {turn: names.place(found // PER_PLACE) for found, turn in enumerate(named)}


def distinct_moments(chance: random.Random, count: int, end_ms: int) -> set[int]:
    """Moments of one user's batches, no two alike: then the order of a list leaves nothing to an engine's taste."""
    moments: set[int] = set()
    while len(moments) < count:
        moments.add(end_ms - chance.randrange(SPAN_MS))
    return moments


def batch(
    chance: random.Random, key: int, turn: int, created_at: int, end_ms: int, deleted: bool, place: str | None
) -> BatchRow:
    """One batch, whose counts agree with its status."""
    shares = FRESH if end_ms - created_at < FRESH_MS else SETTLED
    status = pick(chance, shares)
    total = 10 + int(chance.lognormvariate(5, 1))
    called = {"completed": total, "pending": 0}.get(status, int(total * chance.random()))
    picked = int(called * chance.uniform(0.48, 0.79))
    updated_at = max(created_at + 1, min(created_at + 1 + int(chance.expovariate(1 / DAY_MS)), end_ms))
    return BatchRow(
        owner_key=key,
        number=turn + 1,
        id=f"{created_at // 1000:08x}{chance.getrandbits(64):016x}",
        name=names.campaign(chance, datetime.fromtimestamp(created_at / 1000, UTC), place),
        status=status,
        total_calls=total,
        calls_called=called,
        calls_picked=picked,
        calls_completed=int(picked * chance.uniform(0.82, 0.96)),
        created_at=created_at,
        updated_at=updated_at,
        deleted_at=min(updated_at + chance.randrange(30 * DAY_MS), end_ms + 1) if deleted else None,
    )


def pick(chance: random.Random, shares: dict[str, int]) -> str:
    """One of the words, by their shares in per cent."""
    return list(shares)[bisect(list(accumulate(shares.values())), chance.random() * 100)]
