"""Exact counts of matching batches, mostly without reading the batches.

Counts are cached under the version of the list. Versions never repeat, so a cached count is correct in every process;
some functions take the version only as a part of the cache key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, func

from portal.batches.derived import time_buckets
from portal.batches.query.conditions import Conditions, NameLookup
from portal.batches.query.list_query import ListQuery, NameSearch, name_conditions
from portal.batches.query.small_results import count_by_status, filter_by_created, find_small_result
from portal.db.transactions import fetch
from portal.live import Deleted
from portal.models import Batch, QueueStatus

Counts = Mapping[QueueStatus, int]


def count_batches(query: ListQuery) -> int:
    """Return the number of matching batches."""
    only_by_name = query.search and not (query.named_statuses or query.statuses or query.has_range)
    if only_by_name and query.deleted is Deleted.EXCLUDE:
        return count_names(query.search)
    counts = status_counts(query)
    return sum(counts[status] for status in query.shown_statuses)


def status_counts(query: ListQuery) -> Counts:
    """Return the number of batches per status that match all filters except the status filter."""
    if query.deleted is Deleted.EXCLUDE:
        return count_live(query)
    state = query.state
    trash = count_trash(state.version, state.owner_key, query.search, query.named_statuses, query.first, query.end)
    if query.deleted is Deleted.ONLY:
        return trash
    live = count_live(query)
    return {status: live[status] + trash[status] for status in QueueStatus}


def count_live(query: ListQuery) -> Counts:
    """Return the live batches per status that match all filters except the status filter."""
    state = query.state
    in_range = count_created(state.version, state.owner_key, query.first, query.end) if query.has_range else state.live
    if not query.search:
        return in_range
    small = find_small_result(query.search)
    if small is not None:
        by_name: Counts = count_by_status(filter_by_created(small, query))
    else:
        by_name = count_by_name_and_time(query.search, state.total, query.first, query.end)
    return {status: (in_range if status in query.named_statuses else by_name)[status] for status in QueueStatus}


@lru_cache(maxsize=4096)
def count_created(version: int, owner_key: int, first: int, end: int) -> Counts:
    """Return the owner's live batches per status created from `first` to before `end`.

    Whole buckets are summed; only the batches at the edges are counted.
    """
    cover = time_buckets.cover_range(first, end)
    counts = time_buckets.count_spans(owner_key, cover.spans)
    for edge_first, edge_end in cover.edges:
        edge = count_rows(Conditions(first=True, end=True), {"owner": owner_key, "first": edge_first, "end": edge_end})
        counts = {status: counts[status] + edge[status] for status in QueueStatus}
    return counts


@lru_cache(maxsize=4096)
def count_trash(
    version: int, owner_key: int, search: NameSearch | None, named: tuple[QueueStatus, ...], first: int, end: int
) -> Counts:
    """Return the owner's deleted batches per status that match, by reading them: derived data covers live ones only."""
    lookup = NameLookup.SCAN if search else NameLookup.NONE
    conditions = replace(name_conditions(lookup, first, end), named_statuses=bool(named), deleted=Deleted.ONLY)
    values = {"owner": owner_key, "first": first, "end": end, "named_statuses": named}
    return count_rows(conditions, values | (search.values if search else {}))


@lru_cache(maxsize=4096)
def count_names(search: NameSearch) -> int:
    """Return the number of live batches whose names match."""
    small = find_small_result(search)
    if small is not None:
        return len(small)
    return fetch(select_name_count(name_conditions(search.lookup)), **search.values).scalar_one()


@lru_cache(maxsize=4096)
def count_by_name_and_time(search: NameSearch, live: int, first: int, end: int) -> Counts:
    """Return the number per status, of the owner's `live` batches, that were created in the range and match by name."""
    lookup = search.lookup
    # With many matches, reading every name is faster than fetching the index's matches row by row.
    if lookup is NameLookup.INDEX and count_names(search) * 8 >= live:
        lookup = NameLookup.SCAN
    return count_rows(name_conditions(lookup, first, end), search.values | {"first": first, "end": end})


def count_rows(conditions: Conditions, values: Mapping[str, Any]) -> Counts:
    """Return the number of matching batches per status, by reading them."""
    row = fetch(select_status_counts(conditions), **values).one()
    return {status: getattr(row, status) for status in QueueStatus}


@lru_cache
def select_status_counts(conditions: Conditions) -> Select[Any]:
    """Return a select of all counts in one row, which an index of names can serve alone."""
    columns = [func.count().filter(Batch.status == status).label(status) for status in QueueStatus]
    return conditions.build_query(*columns)


@lru_cache
def select_name_count(conditions: Conditions) -> Select[tuple[int]]:
    """Return a select of the number of matching names, from the index alone where the engine supports it."""
    if conditions.lookup is NameLookup.INDEX and conditions.engine.INDEXED_KEYS is not None:
        return conditions.engine.INDEXED_KEYS.with_only_columns(func.count())
    return conditions.build_query(func.count())
