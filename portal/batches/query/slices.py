"""The rows of one page, by the fastest method: by time, along an index, or by sorting all matches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Select, bindparam, select, union_all

from portal.batches.derived import time_buckets
from portal.batches.query.conditions import Conditions, NameLookup, status_name_condition
from portal.batches.query.counts import count_created
from portal.batches.query.list_query import MAX_MS, MIN_MS, SORT_COLUMNS, ListQuery, SortBy
from portal.batches.query.small_results import find_small_result, slice_rows
from portal.batches.rows import LIST_COLUMNS
from portal.db.transactions import fetch
from portal.live import Deleted
from portal.models import Batch

# Up to this many rows before a page are skipped; a page further from both ends is found by its bucket.
SHORT_OFFSET = 500


def fetch_slice(query: ListQuery, total: int, size: int) -> Sequence[Row[Any]]:
    """Return `size` rows of the query's page, of `total` matches."""
    if query.deleted is Deleted.EXCLUDE:
        if query.sort_by is SortBy.CREATED_AT and not query.search:
            return slice_by_time(query, total, size)
        small = find_small_result(query.search) if query.search and not query.named_statuses else None
        if small is not None:
            return slice_rows(small, query, size)
    rows_after = total - query.offset - size
    reverse = rows_after < query.offset
    skipped = rows_after if reverse else query.offset
    statement = select_slice(query, query.ascending is not reverse, total, skipped + size)
    rows = fetch(statement, **query.values, skipped=skipped, size=size, reach=skipped + size).all()
    return rows[::-1] if reverse else rows


def select_slice(query: ListQuery, ascending: bool, total: int, reach: int) -> Select[Any]:
    """Return the select that reads fewer rows to reach the first `reach` of `total` matches."""
    # Along the index, one row in state.total / total matches. With deleted batches, two indexes are merged.
    if query.deleted is Deleted.EXCLUDE and query.is_filtered and total * total < reach * query.state.total:
        lookup = query.search.lookup if query.search else NameLookup.NONE
        return select_sorted(query.conditions(lookup), query.sort_by, ascending)
    lookup = NameLookup.SCAN if query.search else NameLookup.NONE
    return select_along_index(query.conditions(lookup), query.sort_by, ascending)


@lru_cache(maxsize=512)
def select_along_index(conditions: Conditions, sort_by: SortBy, ascending: bool) -> Select[Any]:
    """Return a select of `size` rows that reads an index in order and skips rows that do not match.

    Live and deleted batches are read along their own indexes up to `reach`, and merged.
    """
    column = SORT_COLUMNS[sort_by]
    columns = tuple(dict.fromkeys((*LIST_COLUMNS, column)))
    parts = [replace(conditions, deleted=part).build_query(*columns) for part in conditions.deleted.parts]
    ordered = [apply_order(part, column, Batch.id, ascending) for part in parts]
    if len(ordered) == 1:
        return apply_slice(ordered[0])
    merged = union_all(*(select(one.limit(bindparam("reach")).subquery()) for one in ordered)).subquery()
    return apply_slice(apply_order(select(merged), merged.c[column.key], merged.c.id, ascending))


@lru_cache(maxsize=64)
def select_all(conditions: Conditions, sort_by: SortBy, ascending: bool) -> Select[Any]:
    """Return a select of all matching rows, in order."""
    return apply_order(conditions.build_query(*LIST_COLUMNS), SORT_COLUMNS[sort_by], Batch.id, ascending)


@lru_cache(maxsize=512)
def select_sorted(conditions: Conditions, sort_by: SortBy, ascending: bool) -> Select[Any]:
    """Return a select of `size` rows that fetches all matches first and then sorts them."""
    columns = (*LIST_COLUMNS, Batch.name_folded)
    matches = replace(conditions, named_statuses=False).build_query(*columns)
    if conditions.named_statuses:  # a separate select, so that each uses its own index
        by_status = replace(conditions, lookup=NameLookup.NONE).build_query(*columns)
        matches = union_all(matches.where(~status_name_condition()), by_status.where(status_name_condition()))
    rows = matches.cte("hits").prefix_with("MATERIALIZED")
    return apply_slice(apply_order(select(rows), rows.c[SORT_COLUMNS[sort_by].key], rows.c.id, ascending))


def apply_order(query: Select[Any], column: Any, public_id: Any, ascending: bool) -> Select[Any]:
    """Return the select ordered by the column, then by id."""
    return query.order_by(*(key.asc() if ascending else key.desc() for key in (column, public_id)))


def apply_slice(query: Select[Any]) -> Select[Any]:
    """Return the select limited to `size` rows after the first `skipped`."""
    return query.offset(bindparam("skipped")).limit(bindparam("size"))


# --- by time ----------------------------------------------------------------------------------------------------------


def slice_by_time(query: ListQuery, total: int, size: int) -> Sequence[Row[Any]]:
    """Return `size` rows of a list sorted by creation, from the nearer end or from the bucket that holds the page."""
    state, end = query.state, query.end
    newer = total - query.offset - size if query.ascending else query.offset
    older = total - newer - size
    if min(newer, older) <= SHORT_OFFSET:
        reverse, skipped = older < newer, min(newer, older)
    else:
        if end != MAX_MS:
            later = count_created(state.version, state.owner_key, end, MAX_MS)
            newer += sum(later[status] for status in query.shown_statuses)
        bucket, before = time_buckets.find_bucket(state.version, state.owner_key, query.shown_statuses, newer)
        end = min(end, (bucket + 1) << time_buckets.FINE_BITS)
        reverse, skipped = False, newer - before
    statement = select_by_time(len(query.statuses), query.first != MIN_MS, end != MAX_MS, reverse)
    values = query.values | {f"status_{number}": status for number, status in enumerate(query.statuses)}
    values |= {"end": end, "skipped": skipped, "size": size, "reach": skipped + size}
    rows = fetch(statement, **values).all()
    return rows[::-1] if reverse is not query.ascending else rows


@lru_cache
def select_by_time(status_count: int, has_first: bool, has_end: bool, reverse: bool) -> Select[Any]:
    """Return a select of `size` rows with the given number of statuses (0 = all), newest first unless `reverse`.

    Each status is read along its own index and the results are merged, so that rare statuses are found quickly.
    """
    rows = Conditions(first=has_first, end=has_end).build_query(*LIST_COLUMNS)
    by_status = [rows.where(Batch.status == bindparam(f"status_{number}")) for number in range(status_count)]
    if status_count <= 1:
        only = by_status[0] if by_status else rows
        return apply_slice(apply_order(only, Batch.created_at, Batch.id, reverse))
    ordered = [apply_order(one, Batch.created_at, Batch.id, reverse) for one in by_status]
    merged = union_all(*(select(one.limit(bindparam("reach")).subquery()) for one in ordered)).subquery()
    return apply_slice(apply_order(select(merged), merged.c.created_at, merged.c.id, reverse))
