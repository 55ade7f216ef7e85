"""A search with few hits: all of them at once, from which the totals, the counts and every page are taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Select, bindparam

from portal.batches.parameters import BatchListParameters
from portal.batches.query.base import LIST_COLUMNS, SORT_COLUMNS
from portal.batches.query.conditions import (
    Conditions,
    NameLookup,
    choose_name_lookup,
    created_range,
    name_values,
    select_matching,
)
from portal.db.transactions import fetch
from portal.extensions import db
from portal.models import Batch, QueueStatus
from portal.web.pagination import SortOrder

# So many hits are few. More than one is asked for, so that it is known whether there are others.
MAX_SMALL_RESULT = 100


@lru_cache(maxsize=64)
def find_small_result(version: int, owner_key: int, folded: str) -> tuple[Row[Any], ...] | None:
    """All of the owner's live batches that hold `folded` in their names; None where they are not few.

    Kept while the list's version stands (see counts.py).
    """
    if choose_name_lookup(version, owner_key, folded) is not NameLookup.INDEXED:
        return None
    match = Conditions(NameLookup.INDEXED, db.engine.dialect.name)
    rows = fetch(select_first_hits(match), **name_values(owner_key, folded), most=MAX_SMALL_RESULT + 1).all()
    return tuple(rows) if len(rows) <= MAX_SMALL_RESULT else None


@lru_cache
def select_first_hits(match: Conditions) -> Select[Any]:
    """A select, to be given its values, of up to `most` rows that match, in any order."""
    return select_matching(match).with_only_columns(*LIST_COLUMNS, Batch.name_folded).limit(bindparam("most"))


def filter_by_created(rows: Sequence[Row[Any]], asked: BatchListParameters) -> list[Row[Any]]:
    """Those of the rows that were created in the range that was asked for."""
    first, end = created_range(asked)
    return [row for row in rows if first <= row.created_at < end]


def count_by_status(rows: Sequence[Row[Any]]) -> dict[QueueStatus, int]:
    """How many of the rows have each status."""
    counter = Counter(row.status for row in rows)
    return {status: counter[status] for status in QueueStatus}


def slice_rows(rows: Sequence[Row[Any]], asked: BatchListParameters, begin: int, size: int) -> list[Row[Any]]:
    """`size` of the rows that match, after the first `begin`, in the order asked for.

    Texts stand by code point here as in both databases.
    """
    column = SORT_COLUMNS[asked.sort_by].key
    found = [row for row in filter_by_created(rows, asked) if not asked.status or row.status in asked.status]
    found.sort(key=lambda row: (getattr(row, column), row.id), reverse=asked.sort_order is SortOrder.DESC)
    return found[begin : begin + size]
