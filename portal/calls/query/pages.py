"""The pages of a batch's calls that are limited by nothing but statuses, at the same cost at any size of the batch.

The numbers of the calls on a page are found first, in an index that holds all that the order and the statuses need. In
a large batch, the counts of spans tell where the page begins, so that at most a span is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import add
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, func, select, tuple_

from portal.calls.derived.orders import (
    BY_DURATION,
    BY_LAST_EVENT,
    BY_NUMBER,
    BY_PHONE_NUMBER,
    WITHOUT_EVENT,
    CallOrder,
)
from portal.calls.parameters import CallSort
from portal.calls.query.counts import Counts
from portal.db.transactions import fetch
from portal.live import live_calls
from portal.models import Call, CallSpan, CallStatus
from portal.models.call_counts import status_column

# Up to this many calls with the statuses of a filter are sorted; to skip the others along an index would take longer.
MAX_SORTED = 1500
SINGLE_ORDERS: dict[CallSort, CallOrder] = {
    CallSort.CREATED_AT: BY_NUMBER,
    CallSort.PHONE_NUMBER: BY_PHONE_NUMBER,
    CallSort.CALL_DURATION: BY_DURATION,
}

# The statuses of a filter; None = all.
Statuses = tuple[CallStatus, ...] | None


@dataclass(frozen=True)
class CallsOfBatch:
    """A batch of an owner, and whether its calls are divided into spans."""

    owner_key: int
    key: int
    id: str
    has_spans: bool


@dataclass(frozen=True)
class Part:
    """A part of a list: calls in one order, with some statuses, and their number."""

    order: CallOrder
    statuses: Statuses
    count: int


def find_numbers(
    batch: CallsOfBatch, sort_by: CallSort, statuses: Statuses, counts: Counts, skip: int, size: int
) -> list[int]:
    """Return the numbers of `size` calls after `skip` others, in ascending order; `counts` are those of the batch."""
    numbers: list[int] = []
    for part in list_parts(batch, sort_by, statuses, counts):
        if skip >= part.count:
            skip -= part.count
            continue
        numbers += find_part(batch, part, skip, min(size - len(numbers), part.count - skip))
        skip = 0
        if len(numbers) >= size:
            break
    return numbers


def list_parts(batch: CallsOfBatch, sort_by: CallSort, statuses: Statuses, counts: Counts) -> Iterator[Part]:
    """Iterate over the parts that make up a list, in order."""
    total = sum(counts[status] for status in statuses or CallStatus)
    if order := SINGLE_ORDERS.get(sort_by):
        yield Part(order, statuses, total)
    elif sort_by is CallSort.CALL_STATUS:
        yield from (Part(BY_NUMBER, (status,), counts[status]) for status in sorted(statuses or CallStatus))
    else:
        without = count_without_event(batch, statuses)
        yield Part(WITHOUT_EVENT, statuses, without)
        yield Part(BY_LAST_EVENT, statuses, total - without)


def count_without_event(batch: CallsOfBatch, statuses: Statuses) -> int:
    """Return the number of calls without an event."""
    statement = (count_in_spans if batch.has_spans else count_in_index)(WITHOUT_EVENT, statuses)
    return int(fetch(statement, **batch_values(batch, statuses)).scalar_one())


def find_part(batch: CallsOfBatch, part: Part, skip: int, size: int) -> Sequence[int]:
    """Return the numbers of `size` calls of a part, after `skip` others."""
    order, statuses = part.order, part.statuses
    if order is BY_NUMBER and not statuses:
        return range(skip + 1, skip + size + 1)
    values = batch_values(batch, statuses)
    if statuses and order is not BY_NUMBER and part.count <= MAX_SORTED:
        rows = sorted(fetch(select_unsorted(order), **values), key=lambda row: tuple(row)[::-1])
        return [row.number for row in rows[skip : skip + size]]
    position = ""
    if batch.has_spans:
        position, before = fetch(select_span(order, statuses), **values, skip=skip).one()
        skip -= int(before)
    if position:
        values |= dict(zip(("from_value", "from_number")[-len(order.columns) :], order.parse(position), strict=True))
    statement = select_page(order, statuses, is_within=bool(position))
    return fetch(statement, **values, skip=skip, size=size).scalars().all()


def batch_values(batch: CallsOfBatch, statuses: Statuses) -> dict[str, Any]:
    """Return the values of the conditions below."""
    return {"owner": batch.owner_key, "batch": batch.id, "batch_key": batch.key} | (
        {"statuses": statuses} if statuses else {}
    )


# --- selects, which are built once ------------------------------------------------------------------------------------


def select_members(order: CallOrder, statuses: Statuses, *columns: Any, by_index_of_status: bool) -> Select[Any]:
    """Return a select of columns of the calls in an order, with some statuses."""
    statement = live_calls(bindparam("owner"), bindparam("batch")).with_only_columns(*columns)
    # With the key, the planner knows the size of the batch.
    statement = statement.where(Call.batch_key == bindparam("batch_key"), *order.member_conditions)
    if statuses:
        # An expression keeps the database from using the index of statuses, and sorting all that it finds there.
        status = Call.status if by_index_of_status else Call.status + ""
        statement = statement.where(status.in_(bindparam("statuses", expanding=True)))
    return statement


@lru_cache
def count_in_index(order: CallOrder, statuses: Statuses) -> Select[tuple[int]]:
    """Return a select that counts the calls in an order."""
    return select_members(order, statuses, func.count(), by_index_of_status=False)


@lru_cache
def select_unsorted(order: CallOrder) -> Select[Any]:
    """Return a select of the numbers, and of the values of the order, of all calls with some statuses."""
    return select_members(order, (CallStatus.PENDING,), *order.columns[::-1], by_index_of_status=True)


@lru_cache(maxsize=512)
def select_page(order: CallOrder, statuses: Statuses, *, is_within: bool) -> Select[tuple[int]]:
    """Return a select of `size` numbers after `skip` others, from a position on if it `is_within` the order."""
    by_status = order is BY_NUMBER and len(statuses or ()) == 1
    statement = select_members(order, statuses, Call.number, by_index_of_status=by_status)
    if is_within:
        begin = [bindparam(name) for name in ("from_value", "from_number")[-len(order.columns) :]]
        statement = statement.where(tuple_(*order.columns) >= tuple_(*begin))
    return statement.order_by(*order.columns).limit(bindparam("size")).offset(bindparam("skip"))


def span_count(statuses: Statuses) -> Any:
    """Return the expression for the number of a span's calls with the statuses."""
    return (
        reduce(add, (getattr(CallSpan, status_column(status)) for status in statuses)) if statuses else CallSpan.calls
    )


def in_order(order: CallOrder) -> tuple[Any, ...]:
    """Return the conditions of the spans of the batch in an order."""
    return (CallSpan.batch_key == bindparam("batch_key"), CallSpan.sort == order.name)


@lru_cache
def count_in_spans(order: CallOrder, statuses: Statuses) -> Select[tuple[int]]:
    """Return a select that sums the spans of an order."""
    return select(func.coalesce(func.sum(span_count(statuses)), 0)).where(*in_order(order))


@lru_cache(maxsize=512)
def select_span(order: CallOrder, statuses: Statuses) -> Select[tuple[str, int]]:
    """Return a select of the span that holds the call after `skip` others: its position, and the calls before it."""
    count = span_count(statuses)
    before = (func.sum(count).over(order_by=CallSpan.first) - count).label("before")
    spans = select(CallSpan.first, count.label("count"), before).where(*in_order(order)).subquery()
    found = select(spans.c.first, spans.c.before).where(spans.c.before <= bindparam("skip", type_=BigInteger))
    return found.where(spans.c.count > 0).order_by(spans.c.before.desc()).limit(1)
