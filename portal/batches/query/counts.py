"""How many batches match, exactly, without reading them where that can be helped.

What had to be counted is kept for as long as the list's version stands: a version is a stamp that never comes back, so
that what was counted under it is true in every process and for good. The version is an argument for that reason alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, func

from portal.batches.derived import time_buckets
from portal.batches.parameters import BatchListParameters
from portal.batches.query.conditions import (
    MAX_MS,
    MIN_MS,
    Conditions,
    NameLookup,
    choose_name_lookup,
    created_range,
    name_values,
    select_matching,
    statuses_containing,
)
from portal.batches.query.small_results import count_by_status, filter_by_created, find_small_result
from portal.db.transactions import fetch
from portal.extensions import db
from portal.models import Batch, QueueStatus
from portal.models.list_state import ListState
from portal.text import fold

Counts = Mapping[QueueStatus, int]


def count_batches(state: ListState, asked: BatchListParameters) -> int:
    """How many batches match, exactly."""
    plain = not (asked.status or asked.created_from or asked.created_to)
    if asked.search and plain and not statuses_containing(asked):
        return count_names(state.version, state.owner_key, fold(asked.search))
    counts = status_counts(state, asked)
    return sum(counts[status] for status in asked.status or QueueStatus)


def status_counts(state: ListState, asked: BatchListParameters) -> Counts:
    """For each status, how many batches match everything but the status filter; their sum is what All would find."""
    first, end = created_range(asked)
    whole = (first, end) == (MIN_MS, MAX_MS)
    plain = state.live if whole else count_created(state.version, state.owner_key, first, end)
    if not asked.search:
        return plain
    folded, of_status = fold(asked.search), statuses_containing(asked)
    few = find_small_result(state.version, state.owner_key, folded)
    if few is not None:
        named: Counts = count_by_status(filter_by_created(few, asked))
    else:
        named = count_by_name_and_time(state.version, state.owner_key, state.total, folded, first, end)
    return {status: plain[status] if status in of_status else named[status] for status in QueueStatus}


@lru_cache(maxsize=4096)
def count_created(version: int, owner_key: int, first: int, end: int) -> Counts:
    """The owner's live batches per status created from `first` up to but not at `end`: whole spans, and a few rows."""
    covered = time_buckets.cover_range(first, end)
    counts = dict.fromkeys(QueueStatus, 0)
    if covered.spans:
        sums = time_buckets.select_bucket_sums(len(covered.spans))
        row = fetch(sums, owner=owner_key, **time_buckets.bucket_run_values(covered.spans)).one()
        counts = {status: int(getattr(row, status)) for status in QueueStatus}
    for piece_first, piece_end in covered.pieces:
        piece = Conditions(from_first=True, to_end=True)
        found = count_rows(piece, {"owner": owner_key, "first": piece_first, "end": piece_end})
        counts = {status: counts[status] + found[status] for status in QueueStatus}
    return counts


@lru_cache(maxsize=4096)
def count_names(version: int, owner_key: int, folded: str) -> int:
    """How many of the owner's live batches hold `folded` in their names."""
    few = find_small_result(version, owner_key, folded)
    if few is not None:
        return len(few)
    names = Conditions(choose_name_lookup(version, owner_key, folded), db.engine.dialect.name)
    return fetch(select_name_count(names), **name_values(owner_key, folded)).scalar_one()


@lru_cache(maxsize=4096)
def count_by_name_and_time(version: int, owner_key: int, live: int, folded: str, first: int, end: int) -> Counts:
    """Of the owner's live batches created in the range, per status those that hold `folded` in their names."""
    names = choose_name_lookup(version, owner_key, folded)
    # Where many match, reading every name is quicker than fetching what the index found, row by row.
    if names is NameLookup.INDEXED and count_names(version, owner_key, folded) * 8 >= live:
        names = NameLookup.SCANNED
    values = name_values(owner_key, folded) | {"first": first, "end": end}
    match = Conditions(names, db.engine.dialect.name, from_first=first != MIN_MS, to_end=end != MAX_MS)
    return count_rows(match, values)


def count_rows(match: Conditions, values: Mapping[str, Any]) -> Counts:
    """How many batches of each status match, counted one by one."""
    row = fetch(select_status_counts(match), **values).one()
    return {status: getattr(row, status) for status in QueueStatus}


@lru_cache
def select_status_counts(match: Conditions) -> Select[Any]:
    """The select for it, all in one row: an index of names serves it alone."""
    columns = [func.count().filter(Batch.status == status).label(status) for status in QueueStatus]
    return select_matching(match).with_only_columns(*columns)


@lru_cache
def select_name_count(match: Conditions) -> Select[tuple[int]]:
    """The select that counts names; where the engine can, from the index alone."""
    if match.names is NameLookup.INDEXED and match.engine.INDEXED_KEYS is not None:
        return match.engine.INDEXED_KEYS.with_only_columns(func.count())
    return select_matching(match).with_only_columns(func.count())
