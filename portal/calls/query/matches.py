"""Searches of a batch's calls, and filters by the values of their fields.

The numbers of the calls whose texts match are found once and remembered, because texts seldom change while a batch is
dialed. What depends on the statuses of calls is read again each time.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, select

from portal.calls.parameters import CallQuery, CallSort
from portal.calls.query.counts import Counts
from portal.calls.query.pages import CallsOfBatch, find_numbers
from portal.calls.query.selection import apply_order, select_matching
from portal.db.transactions import CHUNK_SIZE, fetch
from portal.extensions import db
from portal.live import live_calls
from portal.models import Call, CallStatus, CallTextVersion
from portal.web.pagination import SortOrder

# Up to this many matches are read to count, filter and sort them.
MAX_READ = CHUNK_SIZE
REMEMBERED = 16  # searches; each takes 4 bytes a match

# The texts are those of the last call, which inserting changes, and of this version.
TEXT_VERSION = select(CallTextVersion.version).where(CallTextVersion.batch_key == Call.batch_key).scalar_subquery()
LAST_CALL = (
    live_calls(bindparam("owner"), bindparam("batch"))
    .with_only_columns(Call.id, TEXT_VERSION)
    .order_by(Call.number.desc())
    .limit(1)
)
STATES = (
    live_calls(bindparam("owner"), bindparam("batch"))
    .with_only_columns(Call.number, Call.status, Call.phone_number, Call.duration_seconds, Call.last_event_at)
    .where(Call.number.in_(bindparam("numbers", expanding=True)))
)
SORT_VALUES: Mapping[CallSort, Any] = {
    CallSort.CREATED_AT: lambda call: call.number,
    CallSort.PHONE_NUMBER: lambda call: (call.phone_number, call.number),
    CallSort.CALL_STATUS: lambda call: (call.status, call.number),
    CallSort.CALL_DURATION: lambda call: (call.duration_seconds, call.number),
    CallSort.LAST_EVENT: lambda call: (call.last_event_at is not None, call.last_event_at or 0, call.number),
}


@dataclass(frozen=True)
class MatchingPage:
    """The numbers of the calls on a page, of `total` matches.

    `counts` are the matches per status without the filter of statuses; None if counting them would read too many calls.
    """

    numbers: Sequence[int]
    total: int
    counts: Counts | None


def find_matching_page(batch: CallsOfBatch, call_query: CallQuery, counts: Counts) -> MatchingPage:
    """Return a page of a search or of a filter of fields; `counts` are those of the whole batch."""
    named = call_query.search.statuses if call_query.search else ()
    if not (named and call_query.other_values):
        numbers = find_texts(batch, call_query)
        if len(numbers) <= MAX_READ:
            calls = read_states(batch, numbers)
            if not named:
                return choose_page(calls, call_query)
            if all(call.status in named for call in calls):
                return find_named_page(batch, call_query, counts)
        elif not named and not call_query.statuses and call_query.sort_by is CallSort.CREATED_AT:
            return MatchingPage(slice_of(numbers, call_query), len(numbers), None)
    return count_and_skip(batch, call_query)


def find_texts(batch: CallsOfBatch, call_query: CallQuery) -> Sequence[int]:
    """Return the numbers of the calls that match by their texts, ascending."""
    last_call = fetch(LAST_CALL, owner=batch.owner_key, batch=batch.id).one_or_none()
    if last_call is None:
        return ()
    search = replace(call_query.search, statuses=()) if call_query.search else None
    return read_texts(batch, tuple(last_call), search, tuple(call_query.other_values.items()))


@lru_cache(maxsize=REMEMBERED)
def read_texts(
    batch: CallsOfBatch, version: tuple[Any, ...], search: Any, values: tuple[tuple[str, Sequence[str]], ...]
) -> Sequence[int]:
    """Return the same by reading the texts of all calls; `version` is only a part of the cache key."""
    matching = select_in_batch(batch, CallQuery(search, dict(values)))
    return array("I", sorted(db.session.execute(matching.with_only_columns(Call.number)).scalars()))


def read_states(batch: CallsOfBatch, numbers: Sequence[int]) -> Sequence[Row[Any]]:
    """Return the columns that filter and sort of the calls with these numbers."""
    return fetch(STATES, owner=batch.owner_key, batch=batch.id, numbers=list(numbers)).all() if numbers else ()


def choose_page(calls: Sequence[Row[Any]], call_query: CallQuery) -> MatchingPage:
    """Return the page of these calls, which match by their texts."""
    counter = Counter(call.status for call in calls)
    counts = {status: counter[status] for status in CallStatus}
    chosen = [call for call in calls if not call_query.statuses or call.status in call_query.statuses]
    chosen.sort(key=SORT_VALUES[call_query.sort_by], reverse=call_query.sort_order is SortOrder.DESC)
    first = (call_query.page - 1) * call_query.limit
    return MatchingPage([call.number for call in chosen[first : first + call_query.limit]], len(chosen), counts)


def slice_of(numbers: Sequence[int], call_query: CallQuery) -> Sequence[int]:
    """Return the page of these numbers, which are ascending."""
    first = (call_query.page - 1) * call_query.limit
    if call_query.sort_order is SortOrder.ASC:
        return numbers[first : first + call_query.limit]
    end = max(len(numbers) - first, 0)
    return numbers[max(end - call_query.limit, 0) : end][::-1]


def find_named_page(batch: CallsOfBatch, call_query: CallQuery, counts: Counts) -> MatchingPage:
    """Return the page of a search that only the names of statuses match."""
    named = call_query.search.statuses if call_query.search else ()
    shown = tuple(status for status in call_query.statuses or CallStatus if status in named)
    total = sum(counts[status] for status in shown)
    numbers = find_page_numbers(batch, call_query, shown, counts, total) if shown else []
    return MatchingPage(numbers, total, {status: counts[status] if status in named else 0 for status in CallStatus})


def find_page_numbers(
    batch: CallsOfBatch, call_query: CallQuery, statuses: tuple[CallStatus, ...], counts: Counts, total: int
) -> list[int]:
    """Return the numbers of the calls on the page of all calls with these statuses (none = all)."""
    skip = (call_query.page - 1) * call_query.limit
    size = min(call_query.limit, total - skip)
    if size <= 0:
        return []
    descending = call_query.sort_order is SortOrder.DESC
    first = total - skip - size if descending else skip
    numbers = find_numbers(batch, call_query.sort_by, statuses or None, counts, first, size)
    return numbers[::-1] if descending else numbers


def count_and_skip(batch: CallsOfBatch, call_query: CallQuery) -> MatchingPage:
    """Return a page by counting and sorting all matches."""
    matching = select_in_batch(batch, replace(call_query, statuses=()))
    counted = dict(
        db.session.execute(matching.with_only_columns(Call.status, func.count()).group_by(Call.status)).all()
    )
    counts = {status: counted.get(status, 0) for status in CallStatus}
    total = sum(counts[status] for status in call_query.statuses or CallStatus)
    skip = (call_query.page - 1) * call_query.limit
    if skip >= total:
        return MatchingPage([], total, counts)
    matching = select_in_batch(batch, call_query).with_only_columns(Call.number)
    page = apply_order(matching, call_query).limit(call_query.limit).offset(skip)
    return MatchingPage(db.session.execute(page).scalars().all(), total, counts)


def select_in_batch(batch: CallsOfBatch, call_query: CallQuery) -> Select[tuple[Call]]:
    """Return an unordered select of the calls that match. With the key, the planner knows the size of the batch."""
    return select_matching(batch.owner_key, batch.id, call_query).where(Call.batch_key == batch.key)
