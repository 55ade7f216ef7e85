"""A search with few hits: all of them at once, from which the totals, the counts and every page are taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Select, bindparam

from portal.batches.parameters import BatchListParameters
from portal.batches.query.live import LIST_COLUMNS, SORT_COLUMNS
from portal.batches.query.matching import Match, Names, created_range, matching, name_lookup, name_values
from portal.database import fetch
from portal.extensions import db
from portal.models import Batch, QueueStatus
from portal.paging import SortOrder

# So many hits are few. More than one is asked for, so that it is known whether there are others.
MOST = 100


@lru_cache(maxsize=64)
def few_named(version: int, owner_key: int, folded: str) -> tuple[Row[Any], ...] | None:
    """All of the owner's live batches that hold `folded` in their names; None where they are not few.

    Kept while the list's version stands (see counts.py).
    """
    if name_lookup(version, owner_key, folded) is not Names.INDEXED:
        return None
    match = Match(Names.INDEXED, db.engine.dialect.name)
    rows = fetch(first_hits(match), **name_values(owner_key, folded), most=MOST + 1).all()
    return tuple(rows) if len(rows) <= MOST else None


@lru_cache
def first_hits(match: Match) -> Select[Any]:
    """A select, to be given its values, of up to `most` rows that match, in any order."""
    return matching(match).with_only_columns(*LIST_COLUMNS, Batch.name_folded).limit(bindparam("most"))


def created_within(rows: Sequence[Row[Any]], asked: BatchListParameters) -> list[Row[Any]]:
    """Those of the rows that were created in the range that was asked for."""
    first, end = created_range(asked)
    return [row for row in rows if first <= row.created_at < end]


def per_status(rows: Sequence[Row[Any]]) -> dict[QueueStatus, int]:
    """How many of the rows have each status."""
    counter = Counter(row.status for row in rows)
    return {status: counter[status] for status in QueueStatus}


def slice_of(rows: Sequence[Row[Any]], asked: BatchListParameters, begin: int, size: int) -> list[Row[Any]]:
    """`size` of the rows that match, after the first `begin`, in the order asked for.

    Texts stand by code point here as in both databases.
    """
    column = SORT_COLUMNS[asked.sort_by].key
    found = [row for row in created_within(rows, asked) if not asked.status or row.status in asked.status]
    found.sort(key=lambda row: (getattr(row, column), row.id), reverse=asked.sort_order is SortOrder.DESC)
    return found[begin : begin + size]
