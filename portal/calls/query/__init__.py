"""Read calls, only those of an owner's live batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, not_, or_, select

from portal.calls.parameters import CallQuery
from portal.calls.query.counts import Counts, count_answers, count_held, count_statuses, find_last_numbers
from portal.calls.query.matches import MatchingPage, find_matching_page, find_page_numbers
from portal.calls.query.pages import CallsOfBatch
from portal.calls.query.selection import apply_order, select_matching
from portal.db.transactions import CHUNK_SIZE, chunks, fetch
from portal.extensions import db
from portal.live import Deleted, live_batches, live_calls
from portal.models import Batch, Call, CallEvent, CallSpan, CallStatus
from portal.models.call import ON_LINE_STATUSES, OPEN_STATUSES, PICKED_STATUSES, UNCALLED_STATUSES
from portal.models.call_counts import MAX_SPAN
from portal.web.pagination import Page

EXPORT_COLUMNS = (
    Call.id,
    Call.phone_number,
    Call.status,
    Call.duration_seconds,
    Call.attempts,
    Call.last_event_at,
    Call.created_at,
    Call.fields,
)
STATE_COLUMNS = (
    Call.key,
    Call.id,
    Call.batch_key,
    Call.phone_number,
    Call.status,
    Call.last_event_at,
    Call.duration_seconds,
    Call.attempts,
    Call.answered_at,
    Call.created_at,
)
__all__ = ["count_answers", "count_held", "find_last_numbers"]

# The counts of events.count_call as conditions.
IS_PICKED = or_(Call.status.in_(PICKED_STATUSES), Call.answered_at.is_not(None))
IS_CALLED = or_(Call.status.not_in(UNCALLED_STATUSES), Call.attempts > 0, Call.answered_at.is_not(None))
ALL_CALLS = CallQuery()
ONE_SPAN = select(CallSpan.key).where(CallSpan.batch_key == bindparam("batch")).limit(1)


@dataclass(frozen=True)
class CallPage(Page[Call]):
    """A page of calls, and numbers of calls per status.

    `counts` are those of the matches without the filter of statuses, None if they are unknown (matches.py);
    `batch_counts` are those of the whole batch.
    """

    counts: Counts | None
    batch_counts: Counts


@dataclass(frozen=True)
class CallCounts:
    """The numbers of a batch's calls: all, called, picked up, and completed."""

    total_calls: int
    calls_called: int
    calls_picked: int
    calls_completed: int


NO_CALLS = CallCounts(0, 0, 0, 0)


def fetch_page(owner_key: int, batch: Any, call_query: CallQuery) -> CallPage:
    """Return one page of a batch's calls, without rows past the end. `batch` has its key and id."""
    counts = count_statuses(owner_key, batch.id)
    calls = CallsOfBatch(owner_key, batch.key, batch.id, has_spans(batch.key, sum(counts.values())))
    if call_query.search or call_query.other_values:
        found = find_matching_page(calls, call_query, counts)
    else:
        total = sum(counts[status] for status in call_query.statuses or CallStatus)
        found = MatchingPage(find_page_numbers(calls, call_query, call_query.statuses, counts, total), total, counts)
    rows = fetch_numbers(owner_key, batch.id, found.numbers)
    return CallPage(rows, found.total, call_query.page, call_query.limit, found.counts, counts)


def has_spans(batch_key: int, total: int) -> bool:
    """Return whether the calls of a batch, `total` in number, are divided into spans."""
    return total > MAX_SPAN and fetch(ONE_SPAN, batch=batch_key).first() is not None


def fetch_numbers(owner_key: int, batch_id: str, numbers: Sequence[int]) -> list[Call]:
    """Return the calls of a batch with these numbers, in their order."""
    if not numbers:
        return []
    statement = live_calls(owner_key, batch_id).where(Call.number.in_(list(numbers)))
    calls = {call.number: call for call in db.session.execute(statement).scalars()}
    return [calls[number] for number in numbers if number in calls]


def stream_calls(owner_key: int, batch_id: str, call_query: CallQuery) -> Iterator[Row[Any]]:
    """Iterate over all calls that match, in order, with few of them in memory.

    Uses a separate connection, because the request's connection is released before the last row is read.
    """
    matching = select_matching(owner_key, batch_id, call_query).with_only_columns(*EXPORT_COLUMNS)
    options = {"yield_per": CHUNK_SIZE}
    with (
        db.engine.connect() as connection,
        connection.execution_options(**options).execute(apply_order(matching, call_query)) as rows,
    ):
        yield from rows


def fetch_field_names(owner_key: int, batch_id: str, call_query: CallQuery) -> list[str]:
    """Return the names of all fields of the calls that match, in the order in which they first occur."""
    names: dict[str, None] = {}
    statement = select_matching(owner_key, batch_id, call_query).with_only_columns(Call.fields).order_by(Call.key)
    for (fields,) in db.session.execute(statement, execution_options={"yield_per": CHUNK_SIZE}):
        names |= dict.fromkeys(fields)
    return list(names)


def find_known_events(owner_key: int, event_ids: Iterable[str]) -> set[str]:
    """Return those of the ids that are stored for the owner already."""
    of_owner = select(CallEvent.event_id).where(CallEvent.owner_key == owner_key)
    return {
        event_id
        for ids in chunks(event_ids)
        for event_id in db.session.execute(of_owner.where(CallEvent.event_id.in_(ids))).scalars()
    }


def find_by_id(owner_key: int, ids: Iterable[str]) -> dict[str, Row[Any]]:
    """Return the calls with these ids, by id."""
    return {row.id: row for row in rows_in(live_calls(owner_key).with_only_columns(*STATE_COLUMNS), Call.id, ids)}


def find_call(owner_key: int, batch_id: str, call_id: str) -> Call | None:
    """Return the call with this id in a batch."""
    statement = live_calls(owner_key, batch_id).where(Call.id == call_id)
    return db.session.execute(statement).scalar_one_or_none()


def find_by_key(owner_key: int, keys: Iterable[int]) -> dict[int, Row[Any]]:
    """Return the calls with these keys, by key, of deleted batches too."""
    statement = live_calls(owner_key, deleted=Deleted.INCLUDE).with_only_columns(*STATE_COLUMNS)
    return {row.key: row for row in rows_in(statement, Call.key, keys)}


def find_by_number(owner_key: int, batch_id: str, numbers: Iterable[str]) -> dict[str, Row[Any]]:
    """Return the batch's calls to these numbers, by number; of several to one number, the last one added."""
    statement = live_calls(owner_key, batch_id).with_only_columns(*STATE_COLUMNS).order_by(Call.key)
    return {row.phone_number: row for row in rows_in(statement, Call.phone_number, numbers)}


def find_pending_by_number(owner_key: int, batch_id: str, numbers: Iterable[str]) -> dict[str, Row[Any]]:
    """Return key, id, number and fields of the batch's pending calls to these numbers, by number."""
    columns = (Call.key, Call.id, Call.phone_number, Call.fields)
    statement = live_calls(owner_key, batch_id).with_only_columns(*columns).where(Call.status == CallStatus.PENDING)
    return {row.phone_number: row for row in rows_in(statement, Call.phone_number, numbers)}


def rows_in(statement: Select[Any], column: Any, values: Iterable[Any]) -> Iterator[Row[Any]]:
    """Iterate over the rows whose column has one of the values, chunk by chunk."""
    for chunk in chunks(values):
        yield from db.session.execute(statement.where(column.in_(chunk)))


def has_open_calls(owner_key: int, batch_id: str) -> bool:
    """Return whether a call of the batch is open."""
    statement = live_calls(owner_key, batch_id).with_only_columns(Call.key).where(Call.status.in_(OPEN_STATUSES))
    return db.session.execute(statement.limit(1)).first() is not None


def has_calls_on_line(owner_key: int, batch_ids: Iterable[str]) -> bool:
    """Return whether a call of these batches is on the line: dialing or in progress."""
    ids = list(batch_ids)
    if not ids:
        return False
    batches = live_batches(owner_key).with_only_columns(Batch.key).where(Batch.id.in_(ids))
    calls = live_calls(owner_key).with_only_columns(Call.key)
    statement = calls.where(Call.batch_key.in_(batches), Call.status.in_(ON_LINE_STATUSES))
    return db.session.execute(statement.limit(1)).first() is not None


def fetch_contacts(owner_key: int, batch_id: str, *, only_not_reached: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Iterate over number and fields of the batch's calls: of all calls, or of those never picked up in any attempt."""
    columns = (Call.key, Call.phone_number, Call.fields)
    statement = live_calls(owner_key, batch_id).with_only_columns(*columns).order_by(Call.key).limit(CHUNK_SIZE)
    if only_not_reached:
        statement = statement.where(not_(IS_PICKED))
    last = 0
    while rows := db.session.execute(statement.where(Call.key > last)).all():
        last = rows[-1].key
        yield from ((row.phone_number, row.fields) for row in rows)


def count_by_batch(
    owner_key: int, batch_id: str | None = None, deleted: Deleted = Deleted.EXCLUDE
) -> dict[int, CallCounts]:
    """Count the calls of an owner's batches, or of one batch, by batch key, leaving out batches without calls.

    The counts in the batches' own rows are copies of these.
    """
    columns = (
        func.count(),
        func.count().filter(IS_CALLED),
        func.count().filter(IS_PICKED),
        func.count().filter(Call.status == CallStatus.COMPLETED),
    )
    counted = live_calls(owner_key, batch_id, deleted).with_only_columns(Call.batch_key, *columns)
    return {key: CallCounts(*counts) for key, *counts in db.session.execute(counted.group_by(Call.batch_key))}


def fetch_phone_numbers(owner_key: int, batch_id: str) -> set[str]:
    """Return the numbers of the batch's calls."""
    statement = live_calls(owner_key, batch_id).with_only_columns(Call.phone_number)
    return {number for (number,) in db.session.execute(statement)}
