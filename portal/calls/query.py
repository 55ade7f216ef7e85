"""Read calls, only those of an owner's live batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Integer, Row, Select, String, cast, func, not_, or_, select

from portal.calls.parameters import PHONE, STATUS, CallQuery, CallSort
from portal.db.transactions import CHUNK_SIZE, chunks
from portal.extensions import db
from portal.live import Deleted, live_batches, live_calls
from portal.models import Batch, Call, CallEvent, CallStatus
from portal.models.call import ON_LINE_STATUSES, OPEN_STATUSES, PICKED_STATUSES, UNCALLED_STATUSES
from portal.web.pagination import Page, SortOrder, page_count

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
SORT_COLUMNS = {
    CallSort.CREATED_AT: Call.key,
    CallSort.PHONE_NUMBER: Call.phone_number,
    CallSort.CALL_STATUS: Call.status,
    CallSort.CALL_DURATION: Call.duration_seconds,
    CallSort.LAST_EVENT: func.coalesce(Call.last_event_at, 0),
}
# The counts of events.count_call as conditions.
IS_PICKED = or_(Call.status.in_(PICKED_STATUSES), Call.answered_at.is_not(None))
IS_CALLED = or_(Call.status.not_in(UNCALLED_STATUSES), Call.attempts > 0, Call.answered_at.is_not(None))
FILTER_COLUMNS = {STATUS: Call.status, PHONE: Call.phone_number}  # every other name is a key of Call.fields
ALL_CALLS = CallQuery()


@dataclass(frozen=True)
class CallCounts:
    """The numbers of a batch's calls: all, called, picked up, and completed."""

    total_calls: int
    calls_called: int
    calls_picked: int
    calls_completed: int


NO_CALLS = CallCounts(0, 0, 0, 0)


def select_matching(owner_key: int, batch_id: str, call_query: CallQuery) -> Select[tuple[Call]]:
    """Return an unordered select of the batch's calls that match."""
    statement = live_calls(owner_key, batch_id)
    if search := call_query.search:
        by_number = (Call.phone_number.contains(form, autoescape=True) for form in search.number_forms)
        by_text = Call.search_text.contains(search.text, autoescape=True)
        statement = statement.where(or_(by_text, Call.status.in_(search.statuses), *by_number))
    for name, values in call_query.values.items():
        column = FILTER_COLUMNS.get(name)
        if column is None:
            column = cast(Call.fields[name].as_string(), String)
        statement = statement.where(column.in_(values))
    return statement


def apply_order(statement: Select[Any], call_query: CallQuery) -> Select[Any]:
    """Sort a select; ties are in the order of creation."""
    keys = dict.fromkeys((SORT_COLUMNS[call_query.sort_by], Call.key))
    descending = call_query.sort_order is SortOrder.DESC
    return statement.order_by(*(key.desc() if descending else key.asc() for key in keys))


def fetch_page(owner_key: int, batch_id: str, call_query: CallQuery, total: int | None = None) -> Page[Call]:
    """Return one page of calls, without rows past the end. Give `total` if the number of matches is known."""
    number, limit = call_query.page, call_query.limit
    statement = select_matching(owner_key, batch_id, call_query)
    if total is None:
        total = db.session.execute(statement.with_only_columns(func.count(Call.key))).scalar_one()
    if number > page_count(total, limit):
        return Page((), total, number, limit)
    rows = apply_order(statement, call_query).limit(limit).offset((number - 1) * limit)
    return Page(db.session.execute(rows).scalars().all(), total, number, limit)


def count_by_status(owner_key: int, batch_id: str, call_query: CallQuery = ALL_CALLS) -> dict[CallStatus, int]:
    """Count the calls per status that match everything except a filter of statuses."""
    others = {name: values for name, values in call_query.values.items() if name != STATUS}
    statement = select_matching(owner_key, batch_id, replace(call_query, values=others))
    counted = statement.with_only_columns(Call.status, func.count()).group_by(Call.status)
    counts = dict(db.session.execute(counted).all())
    return {status: counts.get(status, 0) for status in CallStatus}


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


def fetch_picked_times(owner_key: int, batch_id: str, parts: int) -> tuple[int, int, dict[int, int]]:
    """Return the first and last time (ms) at which a call was picked up, and the counts in `parts` equal intervals.

    Returns zeros and no counts if no call was picked up. For calls without recorded attempts, the time is that of the
    last event.
    """
    at = func.coalesce(Call.answered_at, Call.last_event_at)
    picked = live_calls(owner_key, batch_id).where(IS_PICKED, at.is_not(None))
    ends = picked.with_only_columns(func.min(at), func.max(at))
    first, last = db.session.execute(ends).one()
    if first is None:
        return 0, 0, {}
    exact = (at - first) * parts / (last - first + 1)
    part = cast(func.floor(exact) if db.engine.dialect.name == "postgresql" else exact, Integer)
    counted = picked.with_only_columns(part.label("part"), func.count().label("count")).group_by("part")
    return first, last, dict(db.session.execute(counted).all())


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
