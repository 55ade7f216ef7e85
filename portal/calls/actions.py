"""Change calls: add them to batches, and apply the events that the dialer reports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, update
from sqlalchemy.orm import Session

from portal.attempts import query as attempts_query
from portal.attempts.actions import refresh_calls
from portal.audit.batch_log import log_batch_event
from portal.batches import query as batches_query
from portal.batches.actions import call_row, complete_if_done, insert_calls, lock_batch_list, update_counts
from portal.batches.derived.check import list_owners
from portal.calls import derived, query
from portal.calls.derived import spans
from portal.calls.events import clamp_time
from portal.calls.parameters import CallEventBody, CallInput
from portal.db.transactions import CHUNK_SIZE, lift_time_limit, write_transaction
from portal.dialing.callee_zones import find_zone_set
from portal.extensions import db
from portal.live import Deleted
from portal.models import Batch, BatchEvent, Call
from portal.models.actor import Actor
from portal.models.base import OWNER_SHIFT
from portal.models.call import search_text
from portal.times import now_ms

CALLS = Call.__table__
UPDATE_FIELDS = (
    update(CALLS)
    .where(CALLS.c.key == bindparam("call_key"))
    .values(fields=bindparam("new_fields"), search_text=bindparam("new_text"), zone_set=bindparam("new_zones"))
)


@dataclass(frozen=True)
class AddCallsResult:
    """The ids of the calls in the order sent, and the number of new ones."""

    ids: list[str]
    new: int


def add_calls(by: Actor, batch_id: str, calls: Sequence[CallInput]) -> AddCallsResult | None:
    """Add calls to a batch, in one transaction. Return None if there is no such batch.

    A pending call to the same number is updated instead. The batch's status does not change.
    """
    now = now_ms()
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        batch = batches_query.find_row(by.user_key, batch_id)
        if batch is None:
            return None
        fields: dict[str, dict[str, Any]] = {}
        for call in calls:  # merge calls to the same number; later fields win
            fields[call.phone_number] = fields.get(call.phone_number, {}) | dict(call.fields)
        pending = query.find_pending_by_number(by.user_key, batch_id, fields)
        new = [call_row(batch.key, number, fields[number], now) for number in fields if number not in pending]
        insert_calls(session, new)
        update_fields(session, pending, fields)
        values = {"total_calls": Batch.total_calls + len(new), "updated_at": now}
        session.execute(update(Batch).where(Batch.key == batch.key).values(**values))
        log_batch_event(session, by, BatchEvent.CALLS_ADDED, {batch.key: {"added": len(new), "updated": len(pending)}})
        stored = query.find_pending_by_number(by.user_key, batch_id, fields)
    return AddCallsResult([stored[call.phone_number].id for call in calls], len(new))


def update_fields(session: Session, pending: dict[str, Row[Any]], new_fields: dict[str, dict[str, Any]]) -> None:
    """Merge new fields into those of pending calls."""
    changes = []
    for number, row in pending.items():
        fields = row.fields | new_fields[number]
        text, zones = search_text(number, fields), find_zone_set(number, fields)
        changes.append({"call_key": row.key, "new_fields": fields, "new_text": text, "new_zones": zones})
    if changes:
        session.execute(UPDATE_FIELDS, changes)


@dataclass(frozen=True)
class ReportResult:
    """The numbers of events that were applied, were known before, or match no call."""

    applied: int
    duplicates: int
    unknown: int


def apply_reports(by: Actor, events: Sequence[CallEventBody]) -> ReportResult:
    """Store the dialer's events, each event id once, and update calls, counts and statuses in one transaction.

    The order in which events arrive does not matter (see events.py).
    """
    now = now_ms()
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        finder = CallFinder(by.user_key, events)
        known = query.find_known_events(by.user_key, {event.event_id for event in events})
        calls: dict[int, Row[Any]] = {}
        new: dict[int, list[dict[str, Any]]] = {}
        applied, duplicates, unknown = 0, 0, 0
        for event in events:
            call = finder.find(event)
            if event.event_id in known:
                duplicates += 1
            elif call is None:
                unknown += 1
            else:
                applied += 1
                known.add(event.event_id)
                calls[call.key] = call
                new.setdefault(call.key, []).append(call_event_row(by, event, call, now))
        if calls:
            update_calls(session, by, list(calls.values()), new, now)
    return ReportResult(applied, duplicates, unknown)


class CallFinder:
    """The calls that a list of events refers to, fetched together."""

    def __init__(self, owner_key: int, events: Iterable[CallEventBody]) -> None:
        ids: set[str] = set()
        attempt_ids: set[str] = set()
        numbers: dict[str, set[str]] = {}
        for event in events:
            if event.attempt_id:
                attempt_ids.add(event.attempt_id)
            elif event.call_id:
                ids.add(event.call_id)
            else:
                numbers.setdefault(event.batch_id, set()).add(event.phone_number)
        self.by_attempt = attempts_query.find_by_id(owner_key, attempt_ids, query.STATE_COLUMNS)
        self.by_id = query.find_by_id(owner_key, ids)
        self.by_number = {
            batch_id: query.find_by_number(owner_key, batch_id, batch_numbers)
            for batch_id, batch_numbers in numbers.items()
        }

    def find(self, event: CallEventBody) -> Row[Any] | None:
        """Return the call of an event, or None if the owner has no such call, or it is not the attempt's.

        The row has the `number` of the attempt that the event names, if it names one.
        """
        if event.attempt_id:
            call = self.by_attempt.get(event.attempt_id)
            return call if call and event.call_id in (None, call.id) else None
        if event.call_id:
            return self.by_id.get(event.call_id)
        return self.by_number[event.batch_id].get(event.phone_number)


def call_event_row(by: Actor, event: CallEventBody, call: Row[Any], now: int) -> dict[str, Any]:
    """Return an event as a row to insert. An `attempt_number` of None is decided later."""
    return {
        "owner_key": by.user_key,
        "event_id": event.event_id,
        "call_key": call.key,
        "status": event.call_status,
        "duration_seconds": event.call_duration,
        "recording_url": event.recording_url,
        "transcript": event.transcript,
        "occurred_at": now if event.occurred_at is None else clamp_time(event.occurred_at, now),
        "received_at": now,
        "token_key": by.token_key,
        "attempt_number": call.number if event.attempt_id else None,
        "names_attempt": event.attempt_id is not None,
    }


def update_calls(
    session: Session, by: Actor, calls: Sequence[Row[Any]], new_events: dict[int, list[dict[str, Any]]], now: int
) -> None:
    """Store new events, and update calls, their attempts, and the counts and statuses of their batches."""
    settings = batches_query.find_settings(by.user_key, {call.batch_key for call in calls})
    refresh_calls(session, by.user_key, calls, new_events, settings, now)
    for batch in batches_query.find_active(by.user_key, settings):
        complete_if_done(session, by, batch)


def divide_earlier_events() -> None:
    """Give the calls that an earlier release reported events of, such as during an upgrade, their attempts.

    Their batches are counted again, because an earlier release counts by statuses alone.
    """
    for owner_key, _email in list_owners():
        while divide_owners_events(owner_key):
            pass


def divide_owners_events(owner_key: int) -> bool:
    """Divide the events of up to CHUNK_SIZE calls, in one transaction, and return whether there were any."""
    with write_transaction() as session:
        lock_batch_list(session, owner_key)
        calls = attempts_query.find_not_divided(owner_key, query.STATE_COLUMNS, CHUNK_SIZE)
        if not calls:
            return False
        settings = batches_query.find_settings(owner_key, {call.batch_key for call in calls}, Deleted.INCLUDE)
        refresh_calls(session, owner_key, calls, {}, settings, now_ms())
        for batch in batches_query.find_names(owner_key, settings):
            update_counts(session, owner_key, batch.id)
        return True


def divide_large_batches() -> None:
    """Divide what has become long in the counts of large batches, because an earlier release changed them.

    One transaction per batch, so that other writers do not wait long.
    """
    for batch_key in spans.find_undivided(db.session.connection()):
        with write_transaction() as session:
            lift_time_limit(session.connection())
            lock_batch_list(session, batch_key >> OWNER_SHIFT)
            derived.divide_calls(session.connection(), [batch_key])
