"""The buckets of time in which live batches are counted, and how their counts are summed in SQL on both engines.

A bucket is a range of milliseconds whose length is a power of two: `created_at >> bits` is its number. Coarse buckets
of 2**31 ms are 25 days, fine ones of 2**24 ms are 4.7 hours, 128 to a coarse one. A distant page is found, and a range
of dates counted, by summing some hundred rows, however many batches there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import add
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, bindparam, func, or_, select

from portal.db.transactions import fetch
from portal.models import BatchBucket, QueueStatus

COARSE_BITS = 31
FINE_BITS = 24

STATUSES = tuple(str(status) for status in QueueStatus)
COUNT_COLUMNS = ", ".join(STATUSES)

# Consecutive buckets: (bits, first number, number after the last).
Span = tuple[int, int, int]


@dataclass(frozen=True)
class BucketCover:
    """Spans of buckets and edges (first ms, ms after the last) that together cover a range of time exactly once."""

    spans: list[Span]
    edges: list[tuple[int, int]]


def cover_range(first: int, end: int) -> BucketCover:
    """Return the smallest cover of the milliseconds from `first` to before `end`."""
    fine_first, fine_end = -(-first >> FINE_BITS), end >> FINE_BITS
    if fine_first >= fine_end:
        return BucketCover([], [(first, end)] if first < end else [])
    edges = [(first, fine_first << FINE_BITS), (fine_end << FINE_BITS, end)]
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
    return BucketCover([span for span in spans if span[1] < span[2]], [edge for edge in edges if edge[0] < edge[1]])


@lru_cache
def select_bucket_sums(span_count: int) -> Select[Any]:
    """Return a select of the `owner`'s live batches per status in spans, whose values are `bucket_span_values`."""
    spans = [
        and_(
            BatchBucket.bits == bindparam(f"bits_{index}"),
            BatchBucket.number >= bindparam(f"first_{index}"),
            BatchBucket.number < bindparam(f"end_{index}"),
        )
        for index in range(span_count)
    ]
    columns = (func.coalesce(func.sum(getattr(BatchBucket, status)), 0).label(status) for status in STATUSES)
    return select(*columns).where(BatchBucket.owner_key == bindparam("owner"), or_(*spans))


def bucket_span_values(spans: Iterable[Span]) -> dict[str, int]:
    """Return the values of `select_bucket_sums` for spans."""
    return {
        f"{name}_{index}": value
        for index, span in enumerate(spans)
        for name, value in zip(("bits", "first", "end"), span, strict=True)
    }


def count_spans(owner_key: int, spans: list[Span]) -> dict[QueueStatus, int]:
    """Return the owner's live batches per status in spans of buckets."""
    if not spans:
        return dict.fromkeys(QueueStatus, 0)
    row = fetch(select_bucket_sums(len(spans)), owner=owner_key, **bucket_span_values(spans)).one()
    return {status: int(getattr(row, status)) for status in QueueStatus}


@lru_cache(maxsize=4096)
def find_bucket(version: int, owner_key: int, statuses: tuple[QueueStatus, ...], newer: int) -> tuple[int, int]:
    """Return the bucket with the batch that follows `newer` batches, and the number of batches in later buckets.

    `version` is a part of the cache key: a new version of the list makes a new key.
    """
    bucket, before = fetch(select_bucket_at(statuses), owner=owner_key, newer=newer).one()
    return bucket, int(before)


@lru_cache
def select_bucket_at(statuses: tuple[str, ...]) -> Select[tuple[int, int]]:
    """Return a select of the fine bucket with the `owner`'s batch that follows `newer` batches, newest first.

    Only batches with the given statuses count. Columns: the bucket's number, and the number of batches in later ones.
    """
    count = reduce(add, (getattr(BatchBucket, status) for status in statuses))

    def with_later_batches(*conditions: ColumnElement[bool], later: Any = 0) -> Select[Any]:
        before = later + func.sum(count).over(order_by=BatchBucket.number.desc()) - count
        of_owner = BatchBucket.owner_key == bindparam("owner")
        return select(BatchBucket.number, before.label("before")).where(of_owner, *conditions)

    def bucket_of_batch(buckets: Any) -> Select[tuple[int, int]]:
        # An empty bucket has the same number before it as the next non-empty one; the oldest of them has the batch.
        query = select(buckets.c.number, buckets.c.before)
        query = query.where(buckets.c.before <= bindparam("newer", type_=BigInteger))
        return query.order_by(buckets.c.before.desc(), buckets.c.number).limit(1)

    coarse = bucket_of_batch(with_later_batches(BatchBucket.bits == COARSE_BITS).cte("coarse")).cte("place")
    ratio = 1 << (COARSE_BITS - FINE_BITS)
    inside = and_(BatchBucket.number >= coarse.c.number * ratio, BatchBucket.number < (coarse.c.number + 1) * ratio)
    fine = with_later_batches(BatchBucket.bits == FINE_BITS, inside, later=coarse.c.before)
    return bucket_of_batch(fine.cte("fine"))
