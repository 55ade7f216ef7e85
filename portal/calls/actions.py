"""The one place that changes calls: more of them, and what the dialer reports."""

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
from portal.calls import query
from portal.calls.events import CallState, count_delta, latest_state
from portal.calls.parameters import CallEventBody, CallInput
from portal.db.transactions import write_transaction
from portal.models import Batch, BatchEvent, Call, CallEvent, CallStatus
from portal.models.actor import Actor
from portal.models.call import search_text
from portal.times import now_ms

CHANGE_CALL = (
    update(Call.__table__)
    .where(Call.__table__.c.key == bindparam("which"))
    .values(
        status=bindparam("new_status"),
        duration_seconds=bindparam("new_duration"),
        last_event_at=bindparam("new_since"),
        attempts=Call.__table__.c.attempts + bindparam("more_attempts"),
    )
)
CHANGE_FIELDS = (
    update(Call.__table__)
    .where(Call.__table__.c.key == bindparam("which"))
    .values(fields=bindparam("new_fields"), search_text=bindparam("new_text"))
)


@dataclass(frozen=True)
class AddCallsResult:
    """What became of calls that were to be added: the id of each, in their order, and how many are new."""

    ids: list[str]
    new: int


def add_calls(by: Actor, batch_id: str, calls: Sequence[CallInput]) -> AddCallsResult | None:
    """Add calls to a batch; one that waits for the same number is updated instead. None where there is no such batch.

    One transaction. The batch's status stays as it is.
    """
    now = now_ms()
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        batch = batches_query.find_row(by.user_key, batch_id)
        if batch is None:
            return None
        wanted: dict[str, dict[str, Any]] = {}
        for call in calls:  # of two with the same number, the later one adds to the earlier
            wanted[call.phone_number] = wanted.get(call.phone_number, {}) | dict(call.fields)
        waiting = query.find_pending_by_number(by.user_key, batch_id, wanted)
        new = [call_row(batch.key, number, fields, now) for number, fields in wanted.items() if number not in waiting]
        insert_calls(session, new)
        update_fields(session, waiting, wanted)
        values = {"total_calls": Batch.total_calls + len(new), "updated_at": now}
        session.execute(update(Batch).where(Batch.key == batch.key).values(**values))
        log_batch_event(session, by, BatchEvent.FILLED, {batch.key: {"added": len(new), "updated": len(waiting)}})
        ids = {number: row.id for number, row in query.find_pending_by_number(by.user_key, batch_id, wanted).items()}
    return AddCallsResult([ids[call.phone_number] for call in calls], len(new))


def update_fields(session: Session, waiting: dict[str, Row[Any]], wanted: dict[str, dict[str, Any]]) -> None:
    """Lay the new fields over those of the calls that wait already."""
    changed = []
    for number, row in waiting.items():
        fields = row.fields | wanted[number]
        changed.append({"which": row.key, "new_fields": fields, "new_text": search_text(number, fields)})
    if changed:
        session.execute(CHANGE_FIELDS, changed)


@dataclass(frozen=True)
class ReportResult:
    """What became of events: taken in, known before, and of no call that there is."""

    applied: int
    duplicates: int
    unknown: int


def apply_reports(by: Actor, events: Sequence[CallEventBody]) -> ReportResult:
    """Take in what the dialer reports. Each event id counts once; calls, counts and statuses move in one transaction.

    Whatever the order in which events come, the calls end in the same state (see events.py).
    """
    now = now_ms()
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        find = CallFinder(by.user_key, events)
        seen = query.find_known_events(by.user_key, {event.event_id for event in events})
        reports: dict[int, list[CallEventBody]] = {}
        touched: dict[int, Row[Any]] = {}
        rows, duplicates, unknown = [], 0, 0
        for event in events:
            call = find.call(event)
            if event.event_id in seen:
                duplicates += 1
            elif call is None:
                unknown += 1
            else:
                seen.add(event.event_id)
                touched[call.key] = call
                reports.setdefault(call.key, []).append(event)
                rows.append(call_event_row(by, event, call, now))
        if rows:
            session.execute(insert(CallEvent.__table__), rows)
            update_calls(session, by, [(touched[key], found) for key, found in reports.items()], now)
    return ReportResult(len(rows), duplicates, unknown)


class CallFinder:
    """The calls that some events speak of, all looked up at once."""

    def __init__(self, owner_key: int, events: Iterable[CallEventBody]) -> None:
        ids, numbers = set(), {}
        for event in events:
            if event.call_id:
                ids.add(event.call_id)
            else:
                numbers.setdefault(event.batch_id, set()).add(event.phone_number)
        self.by_id = query.find_by_id(owner_key, ids)
        self.by_number = {
            batch_id: query.find_by_number(owner_key, batch_id, found) for batch_id, found in numbers.items()
        }

    def call(self, event: CallEventBody) -> Row[Any] | None:
        """The call of an event; None where there is none that can be reported on."""
        if event.call_id:
            return self.by_id.get(event.call_id)
        return self.by_number[event.batch_id].get(event.phone_number)


def call_event_row(by: Actor, event: CallEventBody, call: Row[Any], now: int) -> dict[str, Any]:
    """An event as it is kept."""
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
    """When it happened, in milliseconds; now, where the dialer does not say."""
    return now if event.occurred_at is None else event.occurred_at


def update_calls(
    session: Session, by: Actor, reported: Sequence[tuple[Row[Any], Sequence[CallEventBody]]], now: int
) -> None:
    """Let calls stand where their reports lead, and their batches with them."""
    changes = []
    moved: dict[int, Counter[str]] = {}
    for call, events in reported:
        before = CallState(CallStatus(call.status), call.last_event_at or 0, call.duration_seconds)
        told = [CallState(event.call_status, event_time(event, now), event.call_duration) for event in events]
        after = latest_state(before, *told)
        dialed = sum(event.call_status is CallStatus.DIALING for event in events)
        changes.append(
            {
                "which": call.key,
                "new_status": after.status,
                "new_duration": after.duration,
                "new_since": after.since or None,
                "more_attempts": dialed,
            }
        )
        was, is_now = count_delta(before.status), count_delta(after.status)
        moved.setdefault(call.batch_key, Counter()).update(
            calls_called=is_now.called - was.called,
            calls_picked=is_now.picked - was.picked,
            calls_completed=is_now.completed - was.completed,
        )
    session.execute(CHANGE_CALL, changes)
    for batch_key, counts in moved.items():
        values = {name: getattr(Batch, name) + change for name, change in counts.items()}
        session.execute(update(Batch).where(Batch.key == batch_key).values(**values, updated_at=now))
    for batch in batches_query.find_active(by.user_key, moved):
        if not query.has_open_calls(by.user_key, batch.id):
            complete_batch(session, by, batch.key)
