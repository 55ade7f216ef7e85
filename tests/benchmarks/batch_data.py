"""The batches of the benchmark: invented, plausible, and identical in every build except for their end time."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from tests.benchmarks import campaign_names

SEED = 20_09
DAY_MS = 86_400_000
SPAN_MS = 730 * DAY_MS  # created over about two years
FRESH_MS = 14 * DAY_MS  # many younger batches are still running
DELETED_RATIO = 0.1  # in proportion to the live ones
NAMED_SHARE = 0.2  # of the live batches have a place name
PER_PLACE = 13  # batches for each place name

FRESH = {"active": 30, "pending": 25, "completed": 25, "paused": 12, "stopped": 8}
SETTLED = {"completed": 90, "stopped": 8, "paused": 2}


@dataclass(frozen=True)
class Shape:
    """The size of the data: live batches of each measured user, number of users, live batches in total."""

    name: str
    measured: tuple[int, ...]
    users: int
    live: int

    @cached_property
    def sizes(self) -> list[int]:
        """The number of live batches of each user, by their key from 1; the measured users come first."""
        rng = random.Random(SEED)
        weights = [rng.lognormvariate(0, 0.6) for _ in range(self.users - len(self.measured))]
        rest = self.live - sum(self.measured)
        shares = [round(rest * reached / sum(weights)) for reached in accumulate(weights)]
        return [*self.measured, *(share - before for before, share in zip([0, *shares], shares, strict=False))]

    def places(self, size: int) -> int:
        """Return the number of place names, each in PER_PLACE batches, of a user of that size."""
        return int(size * NAMED_SHARE) // PER_PLACE


FULL = Shape("full", (1_000, 10_000, 100_000, 300_000), 1_000, 1_000_000)
SMALL = Shape("small", (200, 600, 2_000, 6_000), 40, 12_000)
TINY = Shape("tiny", (100, 2_000), 6, 2_500)
SHAPES = {shape.name: shape for shape in (FULL, SMALL, TINY)}


class BatchRow(NamedTuple):
    """One batch. `number` counts from 1 for each owner in the order of creation; times are milliseconds."""

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
    """Return the number of a user's batches, deleted ones included."""
    return size + round(size * DELETED_RATIO)


def batches(shape: Shape, end_ms: int) -> Iterator[BatchRow]:
    """Return every batch of every user in the order of creation, up to `end_ms`."""
    rng = random.Random(SEED)
    moments = []
    plans = {}
    for key, size in enumerate(shape.sizes, 1):
        plans[key] = plan(rng, shape, size)
        moments += [(moment, key) for moment in distinct_moments(rng, all_rows(size), end_ms)]
    numbers = dict.fromkeys(plans, 0)
    for created_at, key in sorted(moments):
        position = numbers[key]
        numbers[key] += 1
        deleted, places = plans[key]
        yield batch(rng, key, position, created_at, end_ms, position in deleted, places.get(position))


def plan(rng: random.Random, shape: Shape, size: int) -> tuple[set[int], dict[int, str]]:
    """Choose a user's deleted batches and those with a place name, by their position from 0."""
    count = all_rows(size)
    deleted = set(rng.sample(range(count), count - size))
    live = [turn for turn in range(count) if turn not in deleted]
    named = rng.sample(live, shape.places(size) * PER_PLACE)
    return deleted, {turn: campaign_names.place(found // PER_PLACE) for found, turn in enumerate(named)}


def distinct_moments(rng: random.Random, count: int, end_ms: int) -> set[int]:
    """Return distinct creation times, so that the order of a list is unambiguous on every engine."""
    moments: set[int] = set()
    while len(moments) < count:
        moments.add(end_ms - rng.randrange(SPAN_MS))
    return moments


def batch(
    rng: random.Random, key: int, turn: int, created_at: int, end_ms: int, deleted: bool, place: str | None
) -> BatchRow:
    """Return a batch whose counts fit its status."""
    shares = FRESH if end_ms - created_at < FRESH_MS else SETTLED
    status = pick(rng, shares)
    total = 10 + int(rng.lognormvariate(5, 1))
    called = {"completed": total, "pending": 0}.get(status, int(total * rng.random()))
    picked = int(called * rng.uniform(0.48, 0.79))
    updated_at = max(created_at + 1, min(created_at + 1 + int(rng.expovariate(1 / DAY_MS)), end_ms))
    return BatchRow(
        owner_key=key,
        number=turn + 1,
        id=f"{created_at // 1000:08x}{rng.getrandbits(64):016x}",
        name=campaign_names.campaign(rng, datetime.fromtimestamp(created_at / 1000, UTC), place),
        status=status,
        total_calls=total,
        calls_called=called,
        calls_picked=picked,
        calls_completed=int(picked * rng.uniform(0.82, 0.96)),
        created_at=created_at,
        updated_at=updated_at,
        deleted_at=min(updated_at + rng.randrange(30 * DAY_MS), end_ms + 1) if deleted else None,
    )


def pick(rng: random.Random, shares: dict[str, int]) -> str:
    """Choose a word by its share in per cent."""
    return list(shares)[bisect(list(accumulate(shares.values())), rng.random() * 100)]
