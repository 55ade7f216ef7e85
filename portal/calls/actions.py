"""Change calls: add them to batches, and apply the events that the dialer reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, insert, update
from sqlalchemy.orm import Session

from portal.audit.batch_log import log_batch_event
from portal.batches import query as batches_query
from portal.batches.actions import call_row, complete_batch, insert_calls, lock_batch_list
from portal.batches.transitions import is_complete
from portal.calls import query
from portal.calls.events import CallState, clamp_time, count_call, latest_state
from portal.calls.parameters import CallEventBody, CallInput
from portal.db.transactions import write_transaction
from portal.dialing.callee_zones import find_zone_set
from portal.models import Batch, BatchEvent, Call, CallEvent, CallStatus, QueueStatus
from portal.models.actor import Actor
from portal.models.call import search_text
from portal.times import now_ms

CALLS = Call.__table__
UPDATE_STATE = (
    update(CALLS)
    .where(CALLS.c.key == bindparam("call_key"))
    .values(
        status=bindparam("new_status"),
        duration_seconds=bindparam("new_duration"),
        last_event_at=bindparam("new_since"),
        attempts=CALLS.c.attempts + bindparam("more_attempts"),
    )
)
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
        reports: dict[int, tuple[Row[Any], list[CallEventBody]]] = {}
        rows, duplicates, unknown = [], 0, 0
        for event in events:
            call = finder.find(event)
            if event.event_id in known:
                duplicates += 1
            elif call is None:
                unknown += 1
            else:
                known.add(event.event_id)
                reports.setdefault(call.key, (call, []))[1].append(event)
                rows.append(call_event_row(by, event, call, now))
        if rows:
            session.execute(insert(CallEvent.__table__), rows)
            update_calls(session, by, reports.values(), now)
    return ReportResult(len(rows), duplicates, unknown)


class CallFinder:
    """The calls that a list of events refers to, fetched together."""

    def __init__(self, owner_key: int, events: Iterable[CallEventBody]) -> None:
        ids: set[str] = set()
        numbers: dict[str, set[str]] = {}
        for event in events:
            if event.call_id:
                ids.add(event.call_id)
            else:
                numbers.setdefault(event.batch_id, set()).add(event.phone_number)
        self.by_id = query.find_by_id(owner_key, ids)
        self.by_number = {
            batch_id: query.find_by_number(owner_key, batch_id, batch_numbers)
            for batch_id, batch_numbers in numbers.items()
        }

    def find(self, event: CallEventBody) -> Row[Any] | None:
        """Return the call of an event, or None if the owner has no such call."""
        if event.call_id:
            return self.by_id.get(event.call_id)
        return self.by_number[event.batch_id].get(event.phone_number)


def call_event_row(by: Actor, event: CallEventBody, call: Row[Any], now: int) -> dict[str, Any]:
    """Return an event as a row to insert."""
    return {
        "owner_key": by.user_key,
        "event_id": event.event_id,
        "call_key": call.key,
        "status": event.call_status,
        "duration_seconds": event.call_duration,
        "recording_url": event.recording_url,
        "transcript": event.transcript,
        "occurred_at": event_time(event, now),
        "received_at": now,
        "token_key": by.token_key,
    }


def event_time(event: CallEventBody, now: int) -> int:
    """Return the time of an event in milliseconds; `now` if the dialer sent none."""
    return now if event.occurred_at is None else clamp_time(event.occurred_at, now)


def update_calls(
    session: Session, by: Actor, reports: Iterable[tuple[Row[Any], Sequence[CallEventBody]]], now: int
) -> None:
    """Update calls to the states that their events lead to, and their batches' counts and statuses."""
    changes = []
    deltas: dict[int, Counter[str]] = {}
    for call, events in reports:
        since = clamp_time(call.last_event_at or 0, now)  # earlier releases stored times of the future
        before = CallState(CallStatus(call.status), since, call.duration_seconds)
        reported = [CallState(event.call_status, event_time(event, now), event.call_duration) for event in events]
        after = latest_state(before, *reported)
        changes.append(
            {
                "call_key": call.key,
                "new_status": after.status,
                "new_duration": after.duration,
                "new_since": after.since or None,
                "more_attempts": sum(event.call_status is CallStatus.DIALING for event in events),
            }
        )
        delta = deltas.setdefault(call.batch_key, Counter())
        delta.update(count_call(after.status))
        delta.subtract(count_call(before.status))
    session.execute(UPDATE_STATE, changes)
    for batch_key, delta in deltas.items():
        values = {name: getattr(Batch, name) + change for name, change in delta.items()}
        session.execute(update(Batch).where(Batch.key == batch_key).values(**values, updated_at=now))
    for batch in batches_query.find_active(by.user_key, deltas):
        if is_complete(QueueStatus(batch.status), has_open=query.has_open_calls(by.user_key, batch.id)):
            complete_batch(session, by, batch.key)
