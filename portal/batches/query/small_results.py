"""A search with few results: they are read at once, and totals, counts and pages are computed from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Select, bindparam

from portal.batches.query.conditions import Conditions, NameLookup
from portal.batches.query.list_query import SORT_COLUMNS, ListQuery, NameSearch, name_conditions
from portal.batches.rows import LIST_COLUMNS
from portal.db.transactions import fetch
from portal.models import Batch, QueueStatus

# A larger result is not small; one more row is read to detect it.
MAX_SMALL_RESULT = 100


@lru_cache(maxsize=64)
def find_small_result(search: NameSearch) -> tuple[Row[Any], ...] | None:
    """Return all live batches whose names match; None if they are more than MAX_SMALL_RESULT."""
    if search.lookup is not NameLookup.INDEX:
        return None
    statement = select_first_matches(name_conditions(NameLookup.INDEX))
    rows = fetch(statement, **search.values, size=MAX_SMALL_RESULT + 1).all()
    return tuple(rows) if len(rows) <= MAX_SMALL_RESULT else None


@lru_cache
def select_first_matches(conditions: Conditions) -> Select[Any]:
    """Return a select of up to `size` matching rows, in any order."""
    return conditions.build_query(*LIST_COLUMNS, Batch.name_folded).limit(bindparam("size"))


def filter_by_created(rows: Sequence[Row[Any]], query: ListQuery) -> list[Row[Any]]:
    """Return the rows created in the query's range."""
    return [row for row in rows if query.first <= row.created_at < query.end]


def count_by_status(rows: Sequence[Row[Any]]) -> dict[QueueStatus, int]:
    """Return the number of rows per status."""
    counter = Counter(row.status for row in rows)
    return {status: counter[status] for status in QueueStatus}


def slice_rows(rows: Sequence[Row[Any]], query: ListQuery, size: int) -> list[Row[Any]]:
    """Return `size` rows of the query's page. Names are ordered by code point, as in both databases."""
    column = SORT_COLUMNS[query.sort_by].key
    matches = [row for row in filter_by_created(rows, query) if row.status in query.shown_statuses]
    matches.sort(key=lambda row: (getattr(row, column), row.id), reverse=not query.ascending)
    return matches[query.offset : query.offset + size]
