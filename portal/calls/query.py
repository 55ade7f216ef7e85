"""The one place from which calls are read: those of an owner's live batches, and no others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, Row, Select, String, cast, func, or_, select

from portal.calls.parameters import CallDetailsParameters, CallListParameters, CallSort
from portal.db.transactions import CHUNK_SIZE, chunks
from portal.extensions import db
from portal.live import Deleted, live_calls
from portal.models import Call, CallEvent, CallStatus
from portal.models.call import NOT_CALLED, OPEN_STATUSES, PICKED_STATUSES
from portal.text import fold
from portal.web.pagination import Page, SortOrder, page_count

# What an export shows of a call, and what a report may change of it.
CALL_COLUMNS = (
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
)


@dataclass(frozen=True)
class CallCounts:
    """How many calls a batch has, how many of them were tried, answered, and talked to the end."""

    total_calls: int
    calls_called: int
    calls_picked: int
    calls_completed: int


NO_CALLS = CallCounts(0, 0, 0, 0)


SORT_COLUMNS = {
    CallSort.CREATED_AT: Call.key,
    CallSort.PHONE_NUMBER: Call.phone_number,
    CallSort.CALL_STATUS: Call.status,
    CallSort.CALL_DURATION: Call.duration_seconds,
    CallSort.LAST_EVENT: func.coalesce(Call.last_event_at, 0),
}


def select_matching(
    owner_key: int, batch_id: str, asked: CallListParameters | CallDetailsParameters
) -> Select[tuple[Call]]:
    """A select of the batch's calls that match what was asked, in any order."""
    query = live_calls(owner_key, batch_id)
    if asked.search:
        folded = fold(asked.search)
        statuses = [status for status in CallStatus if folded in status]
        query = query.where(or_(Call.search_text.contains(folded, autoescape=True), Call.status.in_(statuses)))
    if isinstance(asked, CallListParameters):
        return query.where(Call.status.in_(asked.status)) if asked.status else query
    for name, texts in (asked.filter or {}).items():
        column = {"callStatus": Call.status, "phoneNumber": Call.phone_number}.get(name)
        held = cast(Call.fields[name].as_string(), String) if column is None else column
        query = query.where(held.in_(texts))
    return query


def apply_order(query: Select[Any], asked: CallListParameters | CallDetailsParameters) -> Select[Any]:
    """The select in the order asked for, equals as they were added."""
    keys = dict.fromkeys((SORT_COLUMNS[asked.sort_by], Call.key))
    return query.order_by(*(key.desc() if asked.sort_order is SortOrder.DESC else key.asc() for key in keys))


def fetch_page(
    owner_key: int, batch_id: str, asked: CallListParameters | CallDetailsParameters, total: int | None = None
) -> Page[Call]:
    """The page that was asked for; none past the end. `total`: how many match, where that is known."""
    query = select_matching(owner_key, batch_id, asked)
    if total is None:
        total = db.session.execute(query.with_only_columns(func.count(Call.key))).scalar_one()
    if asked.page > page_count(total, asked.limit):
        return Page((), total, asked.page, asked.limit)
    rows = apply_order(query, asked).limit(asked.limit).offset((asked.page - 1) * asked.limit)
    return Page(db.session.execute(rows).scalars().all(), total, asked.page, asked.limit)


def status_counts(owner_key: int, batch_id: str, asked: CallListParameters) -> dict[CallStatus, int]:
    """For each status, how many calls match everything but the status filter."""
    everything = select_matching(owner_key, batch_id, asked.model_copy(update={"status": ()}))
    found = dict(
        db.session.execute(everything.with_only_columns(Call.status, func.count()).group_by(Call.status)).all()
    )
    return {status: found.get(status, 0) for status in CallStatus}


def stream_calls(owner_key: int, batch_id: str, asked: CallListParameters) -> Iterator[Row[Any]]:
    """Every call that matches, in the order asked for; few are held in memory at a time.

    On a connection of its own: the request's is given back before the last of them is read.
    """
    query = apply_order(select_matching(owner_key, batch_id, asked).with_only_columns(*CALL_COLUMNS), asked)
    with db.engine.connect() as connection, connection.execution_options(yield_per=CHUNK_SIZE).execute(query) as found:
        yield from found


def fetch_field_names(owner_key: int, batch_id: str, asked: CallListParameters) -> list[str]:
    """The names of the fields that the calls which match came with, in the order in which they first stand."""
    names: dict[str, None] = {}
    query = select_matching(owner_key, batch_id, asked).with_only_columns(Call.fields).order_by(Call.key)
    for (fields,) in db.session.execute(query, execution_options={"yield_per": CHUNK_SIZE}):
        names |= dict.fromkeys(fields)
    return list(names)


def fetch_reports(calls: Iterable[Call]) -> dict[int, list[CallEvent]]:
    """What the dialer reported of these calls, by their keys, as it happened."""
    found: dict[int, list[CallEvent]] = {}
    for keys in chunks(call.key for call in calls):
        query = select(CallEvent).where(CallEvent.call_key.in_(keys)).order_by(CallEvent.occurred_at, CallEvent.key)
        for event in db.session.execute(query).scalars():
            found.setdefault(event.call_key, []).append(event)
    return found


def find_known_events(owner_key: int, event_ids: Iterable[str]) -> set[str]:
    """Those of the ids that the owner's dialer has used before."""
    of_owner = select(CallEvent.event_id).where(CallEvent.owner_key == owner_key)
    return {
        event_id
        for ids in chunks(event_ids)
        for event_id in db.session.execute(of_owner.where(CallEvent.event_id.in_(ids))).scalars()
    }


def find_by_id(owner_key: int, ids: Iterable[str]) -> dict[str, Row[Any]]:
    """The calls of the owner's live batches with these ids."""
    query = live_calls(owner_key).with_only_columns(*STATE_COLUMNS)
    rows = (row for chunk in chunks(ids) for row in db.session.execute(query.where(Call.id.in_(chunk))))
    return {row.id: row for row in rows}


def find_by_number(owner_key: int, batch_id: str, numbers: Iterable[str]) -> dict[str, Row[Any]]:
    """The calls of a live batch to these numbers; of several to one number, the one that was added last."""
    query = live_calls(owner_key, batch_id).with_only_columns(*STATE_COLUMNS).order_by(Call.key)
    rows = (row for chunk in chunks(numbers) for row in db.session.execute(query.where(Call.phone_number.in_(chunk))))
    return {row.phone_number: row for row in rows}


def find_pending_by_number(owner_key: int, batch_id: str, numbers: Iterable[str]) -> dict[str, Row[Any]]:
    """The batch's calls to these numbers that wait to be made: id, key and fields."""
    columns = (Call.key, Call.id, Call.phone_number, Call.fields)
    query = live_calls(owner_key, batch_id).with_only_columns(*columns).where(Call.status == CallStatus.PENDING)
    rows = (row for chunk in chunks(numbers) for row in db.session.execute(query.where(Call.phone_number.in_(chunk))))
    return {row.phone_number: row for row in rows}


def has_open_calls(owner_key: int, batch_id: str) -> bool:
    """Whether a call of the batch is still open."""
    query = live_calls(owner_key, batch_id).with_only_columns(Call.key).where(Call.status.in_(OPEN_STATUSES)).limit(1)
    return db.session.execute(query).first() is not None


def fetch_contacts(owner_key: int, batch_id: str, *, only_not_reached: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the phone number and the fields of each call of the batch, or only of the calls without an answer."""
    columns = (Call.key, Call.phone_number, Call.fields)
    query = live_calls(owner_key, batch_id).with_only_columns(*columns).order_by(Call.key).limit(CHUNK_SIZE)
    if only_not_reached:
        query = query.where(Call.status.not_in(PICKED_STATUSES))
    last = 0
    while rows := db.session.execute(query.where(Call.key > last)).all():
        last = rows[-1].key
        yield from ((row.phone_number, row.fields) for row in rows)


def fetch_picked_times(owner_key: int, batch_id: str, parts: int) -> tuple[int, int, dict[int, int]]:
    """When calls were picked up: the first and last moment (ms), and how many in each of so many equal parts between.

    Zeros and nothing where nobody picked up.
    """
    picked = live_calls(owner_key, batch_id).where(Call.status.in_(PICKED_STATUSES), Call.last_event_at.is_not(None))
    ends = picked.with_only_columns(func.min(Call.last_event_at), func.max(Call.last_event_at))
    first, last = db.session.execute(ends).one()
    if first is None:
        return 0, 0, {}
    part = (Call.last_event_at - first) * parts / (last - first + 1)
    whole = cast(func.floor(part), Integer) if db.engine.dialect.name == "postgresql" else cast(part, Integer)
    counted = picked.with_only_columns(whole.label("part"), func.count().label("count")).group_by("part")
    return first, last, dict(db.session.execute(counted).all())


def count_outcomes(owner_key: int, batch_id: str) -> dict[CallStatus, int]:
    """How many calls of the batch stand at each status."""
    query = live_calls(owner_key, batch_id).with_only_columns(Call.status, func.count(Call.key))
    found = dict(db.session.execute(query.group_by(Call.status)).all())
    return {status: found.get(status, 0) for status in CallStatus}


def count_by_batch(
    owner_key: int, batch_id: str | None = None, deleted: Deleted = Deleted.EXCLUDE
) -> dict[int, CallCounts]:
    """The counts of an owner's batches, or of one, by their keys, from their calls; a batch without calls is left out.

    The one place that counts: what a batch's own row says of its calls is copied from here.
    """
    columns = (
        func.count(),
        func.count().filter(Call.status.not_in(NOT_CALLED)),
        func.count().filter(Call.status.in_(PICKED_STATUSES)),
        func.count().filter(Call.status == CallStatus.COMPLETED),
    )
    counted = live_calls(owner_key, batch_id, deleted).with_only_columns(Call.batch_key, *columns)
    return {key: CallCounts(*counts) for key, *counts in db.session.execute(counted.group_by(Call.batch_key))}


def fetch_phone_numbers(owner_key: int, batch_id: str) -> set[str]:
    """The numbers of the batch's calls."""
    query = live_calls(owner_key, batch_id).with_only_columns(Call.phone_number)
    return {number for (number,) in db.session.execute(query)}
