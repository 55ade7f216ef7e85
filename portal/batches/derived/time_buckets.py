"""The spans of time in which live batches are counted, and how their counts are added up in SQL on both engines.

A span is a run of milliseconds whose length is a power of two, so that `created_at >> bits` is its number. Coarse
spans of 2**31 ms are 25 days, fine ones of 2**24 ms are 4.7 hours, 128 to a coarse one. A far-off page is found, and
a range of dates counted, by adding up some hundred rows, however many batches there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import add
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, bindparam, func, or_, select

from portal.models import BatchBucket, QueueStatus

COARSE_BITS = 31
FINE_BITS = 24

STATUSES = tuple(str(status) for status in QueueStatus)
COUNT_COLUMNS = ", ".join(STATUSES)


@dataclass(frozen=True)
class BucketCover:
    """What together holds a range of time, each moment once: whole spans as (bits, first number, number after the
    last), and left-over pieces as (first ms, ms after the last)."""

    spans: list[tuple[int, int, int]]
    pieces: list[tuple[int, int]]


def cover_range(first: int, end: int) -> BucketCover:
    """The range of milliseconds from `first` up to but not including `end`, in as few spans as there can be."""
    fine_first, fine_end = -(-first >> FINE_BITS), end >> FINE_BITS
    if fine_first >= fine_end:
        return BucketCover([], [(first, end)] if first < end else [])
    pieces = [(first, fine_first << FINE_BITS), (fine_end << FINE_BITS, end)]
    ratio = COARSE_BITS - FINE_BITS
    coarse_first, coarse_end = -(-fine_first >> ratio), fine_end >> ratio
    if coarse_first < coarse_end:
        spans = [
            (FINE_BITS, fine_first, coarse_first << ratio),
            (COARSE_BITS, coarse_first, coarse_end),
            (FINE_BITS, coarse_end << ratio, fine_end),
        ]
    else:
        spans = [(FINE_BITS, fine_first, fine_end)]
    return BucketCover(
        [span for span in spans if span[1] < span[2]], [piece for piece in pieces if piece[0] < piece[1]]
    )


@lru_cache
def select_bucket_sums(count: int) -> Select[Any]:
    """A select, to be given `run_values`, of the `owner`'s live batches in so many runs of spans, a column a status."""
    runs = [
        and_(
            BatchBucket.bits == bindparam(f"bits_{run}"),
            BatchBucket.number >= bindparam(f"first_{run}"),
            BatchBucket.number < bindparam(f"end_{run}"),
        )
        for run in range(count)
    ]
    columns = (func.coalesce(func.sum(getattr(BatchBucket, status)), 0).label(status) for status in STATUSES)
    return select(*columns).where(BatchBucket.owner_key == bindparam("owner"), or_(*runs))


def bucket_run_values(runs: Iterable[tuple[int, int, int]]) -> dict[str, int]:
    """The values of `sums` for these runs of spans."""
    return {
        f"{name}_{place}": value
        for place, run in enumerate(runs)
        for name, value in zip(("bits", "first", "end"), run, strict=True)
    }


@lru_cache
def select_bucket_at(statuses: tuple[str, ...]) -> Select[tuple[int, int]]:
    """A select, to be given its values, of the fine span in which stands the `owner`'s batch that has `newer` batches
    of these statuses before it, newest first: the span's number, and how many stand in spans after it in time."""
    count = reduce(add, (getattr(BatchBucket, status) for status in statuses))

    def passed(*conditions: ColumnElement[bool], before: Any = 0) -> Select[Any]:
        so_far = before + func.sum(count).over(order_by=BatchBucket.number.desc()) - count
        of_owner = BatchBucket.owner_key == bindparam("owner")
        return select(BatchBucket.number, so_far.label("before")).where(of_owner, *conditions)

    def last(spans: Any) -> Select[tuple[int, int]]:
        # Empty spans have as many before them as the next one that is not; the oldest of them is the one meant.
        found = select(spans.c.number, spans.c.before).where(spans.c.before <= bindparam("newer", type_=BigInteger))
        return found.order_by(spans.c.before.desc(), spans.c.number).limit(1)

    coarse = last(passed(BatchBucket.bits == COARSE_BITS).cte("coarse")).cte("place")
    ratio = 1 << (COARSE_BITS - FINE_BITS)
    inside = and_(BatchBucket.number >= coarse.c.number * ratio, BatchBucket.number < (coarse.c.number + 1) * ratio)
    return last(passed(BatchBucket.bits == FINE_BITS, inside, before=coarse.c.before).cte("fine"))
