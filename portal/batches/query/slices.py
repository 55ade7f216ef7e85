"""A page of rows, reached by the shortest way: by time, along an index, or by gathering what matches and sorting it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Select, bindparam, select, union_all

from portal.batches.derived import time_buckets
from portal.batches.parameters import BatchListParameters, SortBy
from portal.batches.query.base import LIST_COLUMNS, SORT_COLUMNS
from portal.batches.query.conditions import (
    MAX_MS,
    MIN_MS,
    Conditions,
    NameLookup,
    choose_name_lookup,
    condition_values,
    conditions_for,
    created_range,
    select_matching,
    status_name_condition,
    statuses_containing,
)
from portal.batches.query.counts import count_created
from portal.batches.query.small_results import find_small_result, slice_rows
from portal.db.transactions import fetch
from portal.models import Batch, QueueStatus
from portal.models.list_state import ListState
from portal.text import fold
from portal.web.pagination import SortOrder

# A page this near to an end of the list is reached by passing over the rows before it.
SHORT_OFFSET = 500


def fetch_slice(state: ListState, asked: BatchListParameters, total: int, begin: int, size: int) -> Sequence[Row[Any]]:
    """`size` rows of the `total` that match, after the first `begin`, in the order asked for."""
    if asked.sort_by is SortBy.CREATED_AT and not asked.search:
        return slice_by_time(state, asked, total, begin, size)
    folded, named = fold(asked.search), statuses_containing(asked)
    few = find_small_result(state.version, state.owner_key, folded) if folded and not named else None
    if few is not None:
        return slice_rows(few, asked, begin, size)
    passed = total - begin - size
    backwards = passed < begin
    skipped = passed if backwards else begin
    ascending = (asked.sort_order is SortOrder.ASC) is not backwards
    # Going along the order, one row in state.total / total matches; it may be cheaper to fetch all that match.
    if asked.narrows and total * total < (skipped + size) * state.total:
        names = choose_name_lookup(state.version, state.owner_key, folded) if folded else NameLookup.ANY
        run = select_gathered(conditions_for(asked, names), asked.sort_by, ascending)
    else:
        names = NameLookup.SCANNED if folded else NameLookup.ANY
        run = select_walk(conditions_for(asked, names), asked.sort_by, ascending)
    rows = fetch(run, **condition_values(state.owner_key, asked), skipped=skipped, size=size).all()
    return rows[::-1] if backwards else rows


@lru_cache(maxsize=512)
def select_walk(match: Conditions, sort_by: SortBy, ascending: bool) -> Select[Any]:
    """A select, to be given its values, of `size` rows along the order, what does not match passed over."""
    rows = select_matching(match).with_only_columns(*LIST_COLUMNS)
    return apply_slice(rows, SORT_COLUMNS[sort_by], Batch.id, ascending)


@lru_cache(maxsize=64)
def select_whole_walk(match: Conditions, sort_by: SortBy, ascending: bool) -> Select[Any]:
    """A select, to be given its values, of all rows that match, along the order."""
    keys = (SORT_COLUMNS[sort_by], Batch.id)
    rows = select_matching(match).with_only_columns(*LIST_COLUMNS)
    return rows.order_by(*(key.asc() if ascending else key.desc() for key in keys))


@lru_cache(maxsize=512)
def select_gathered(match: Conditions, sort_by: SortBy, ascending: bool) -> Select[Any]:
    """A select, to be given its values, of `size` rows of all that match, which are fetched first and then sorted."""
    columns = (*LIST_COLUMNS, Batch.name_folded)
    hits = select_matching(replace(match, or_status=False)).with_only_columns(*columns)
    if match.or_status:  # two ways in, each by its own index
        others = select_matching(replace(match, names=NameLookup.ANY)).with_only_columns(*columns)
        hits = union_all(hits.where(~status_name_condition()), others.where(status_name_condition()))
    found = hits.cte("hits").prefix_with("MATERIALIZED")
    return apply_slice(select(found), found.c[SORT_COLUMNS[sort_by].key], found.c.id, ascending)


def apply_slice(query: Select[Any], column: Any, public_id: Any, ascending: bool) -> Select[Any]:
    """The select in that order, equals by their ids, and cut to the page."""
    keys = (column, public_id)
    ordered = query.order_by(*(key.asc() if ascending else key.desc() for key in keys))
    return ordered.offset(bindparam("skipped")).limit(bindparam("size"))


# --- by time ----------------------------------------------------------------------------------------------------------


def slice_by_time(
    state: ListState, asked: BatchListParameters, total: int, begin: int, size: int
) -> Sequence[Row[Any]]:
    """The same for the list by its time of creation: from the nearer end, or from the span in which the page stands."""
    first, end = created_range(asked)
    ascending = asked.sort_order is SortOrder.ASC
    newer = total - begin - size if ascending else begin
    older = total - newer - size
    statuses = asked.status or tuple(QueueStatus)
    if min(newer, older) <= SHORT_OFFSET:
        backwards, skipped = older < newer, min(newer, older)
    else:
        later = count_created(state.version, state.owner_key, end, MAX_MS) if asked.created_to else {}
        newer += sum(later[status] for status in statuses) if later else 0
        span, before = find_bucket(state.version, state.owner_key, statuses, newer)
        end = min(end, (span + 1) << time_buckets.FINE_BITS)
        backwards, skipped = False, newer - before
    run = select_time_run(len(asked.status), first != MIN_MS, end != MAX_MS, backwards)
    of_status = {f"status_{number}": status for number, status in enumerate(asked.status)}
    values = {"owner": state.owner_key, "first": first, "end": end, "skipped": skipped, "size": size} | of_status
    rows = fetch(run, **values, reach=skipped + size).all()
    return rows[::-1] if backwards is not ascending else rows


@lru_cache(maxsize=4096)
def find_bucket(version: int, owner_key: int, statuses: tuple[QueueStatus, ...], newer: int) -> tuple[int, int]:
    """The span in which the row after the first `newer` stands, and how many stand in later ones; kept like a count."""
    span, before = fetch(time_buckets.select_bucket_at(statuses), owner=owner_key, newer=newer).one()
    return span, int(before)


@lru_cache
def select_time_run(statuses: int, from_first: bool, to_end: bool, backwards: bool) -> Select[Any]:
    """A select, to be given its values, of `size` rows of so many statuses (none = all), newest first or `backwards`.

    Several statuses are read each along its own index and then merged, so that rare ones are not looked for among all.
    """
    rows = select_matching(Conditions(from_first=from_first, to_end=to_end)).with_only_columns(*LIST_COLUMNS)

    def along(columns: Any) -> tuple[Any, Any]:
        keys = (columns.created_at, columns.id)
        return keys if backwards else tuple(key.desc() for key in keys)

    of_status = [rows.where(Batch.status == bindparam(f"status_{number}")) for number in range(statuses)]
    if statuses <= 1:
        only = of_status[0] if of_status else rows
        return only.order_by(*along(Batch)).offset(bindparam("skipped")).limit(bindparam("size"))
    runs = [run.order_by(*along(Batch)).limit(bindparam("reach")).subquery() for run in of_status]
    merged = union_all(*(select(run) for run in runs)).subquery()
    return select(merged).order_by(*along(merged.c)).offset(bindparam("skipped")).limit(bindparam("size"))
