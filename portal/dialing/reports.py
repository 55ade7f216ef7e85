"""Store what engines answer and report about attempts.

Everything known of an attempt is stored in its row. Events may arrive late, twice and in any order: they lead to the
same state. Each function is one transaction, however many attempts it changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Row, update

from portal.attempts import query as attempts_query
from portal.attempts.division import earliest
from portal.attempts.progress import STATES
from portal.attempts.taken import CHANGED_COLUMNS, change_taken, undo_taken
from portal.batches.actions import lock_batch_list
from portal.calls.events import clamp_time
from portal.db.transactions import write_transaction
from portal.dialing.engines.interface import EngineEvent, EngineRecord, EventKind, NotPlaced, Unsure
from portal.dialing.engines.outcomes import CALL_REJECTED
from portal.models import AttemptState, CallStatus, Channel, Trunk
from portal.models.actor import Actor
from portal.times import now_ms

RETRY_ENGINE_MS = 5000  # nothing is taken for this time by a trunk whose engine cannot place calls
Placements = Mapping[str, NotPlaced | Unsure | None]


def record_placements(owner_key: int, placements: Placements) -> None:
    """Store the answers of an engine that was asked to place attempts, by their ids.

    None: it was placed. Unsure: it may have been placed, so it is spent unless the engine reports or records it.
    NotPlaced: it is undone, its call waits again, and its trunk takes nothing for RETRY_ENGINE_MS; a refused one ends
    as failed, and the next try uses another caller number.
    """
    if not placements:
        return
    by = Actor(owner_key, Channel.DIALER)
    with write_transaction() as session:
        lock_batch_list(session, owner_key)
        now = now_ms()
        attempts = attempts_query.find_taken(owner_key, placements)
        changes, undone = [], []
        for attempt_id, attempt in attempts.items():
            answer = placements[attempt_id]
            is_taken = attempt.state == AttemptState.TAKEN  # otherwise the engine has reported a call
            if answer is None:
                changes.append((attempt, placed_values(attempt, now)))
            elif isinstance(answer, NotPlaced) and is_taken and answer.is_refused:
                changes.append((attempt, ended_values(CallStatus.FAILED, now, cause=CALL_REJECTED)))
            elif isinstance(answer, NotPlaced) and is_taken:
                undone.append(attempt)
        change_taken(session, by, changes, now)
        undo_taken(session, by, undone, now)
        trunks = {attempt.trunk_key for attempt in undone}
        if trunks:
            session.execute(update(Trunk).where(Trunk.key.in_(trunks)).values(next_at=now + RETRY_ENGINE_MS))


def apply_engine_events(owner_key: int, events: Iterable[EngineEvent]) -> None:
    """Store events of the owner's attempts; events of other calls are ignored."""
    by_attempt: dict[str, list[EngineEvent]] = {}
    for event in events:
        by_attempt.setdefault(event.attempt_id, []).append(event)
    apply_reports(owner_key, by_attempt, {})


def apply_engine_records(owner_key: int, records: Mapping[str, EngineRecord]) -> None:
    """Store an engine's records of attempts that are over, by the ids of the attempts."""
    events = {attempt_id: list_events(attempt_id, record) for attempt_id, record in records.items()}
    apply_reports(owner_key, events, records)


def apply_reports(
    owner_key: int, events: Mapping[str, Sequence[EngineEvent]], records: Mapping[str, EngineRecord]
) -> None:
    """Store the events of each attempt, and its record if there is one."""
    if not events:
        return
    by = Actor(owner_key, Channel.DIALER)
    with write_transaction() as session:
        lock_batch_list(session, owner_key)
        now = now_ms()
        attempts = attempts_query.find_taken(owner_key, events)
        changes = []
        for attempt_id, attempt in attempts.items():
            values = merge_events(attempt, events[attempt_id], now)
            if attempt_id in records:
                values["record"] = asdict(records[attempt_id])
            changes.append((attempt, values))
        change_taken(session, by, changes, now)


def list_events(attempt_id: str, record: EngineRecord) -> list[EngineEvent]:
    """Return the events that lead to a record."""
    events = []
    if record.answered_at is not None:
        kind = EventKind.MACHINE if record.answered_by == "machine" else EventKind.ANSWERED
        events.append(EngineEvent(attempt_id, kind, record.answered_at))
    return [*events, EngineEvent(attempt_id, EventKind.OVER, record.ended_at, record.outcome, record.cause)]


def merge_events(attempt: Row[Any], events: Sequence[EngineEvent], now: int) -> dict[str, Any]:
    """Return the columns of an attempt after more events. Neither order nor repetition matters."""
    merged = SimpleNamespace(**{name: getattr(attempt, name) for name in CHANGED_COLUMNS})
    for event in events:
        # The clock of an engine is not ours: nothing happens before the attempt was taken, or in the far future.
        merge_event(merged, event, max(attempt.taken_at, clamp_time(event.moment, now)))
    if merged.state == AttemptState.ENDED and not merged.lost and CallStatus(merged.outcome).is_picked:
        merged.answered_at = min(merged.ended_at, merged.ended_at if merged.answered_at is None else merged.answered_at)
        merged.duration_seconds = round((merged.ended_at - merged.answered_at) / 1000)
    return vars(merged)


def merge_event(merged: Any, event: EngineEvent, moment: int) -> None:
    """Add one event. Only the end of a lost attempt changes its outcome."""
    merged.placed_at = earliest(merged.placed_at, moment)
    if event.kind is EventKind.OVER:
        if merged.state != AttemptState.ENDED or merged.lost:
            vars(merged).update(ended_values(CallStatus(event.outcome or CallStatus.FAILED), moment, cause=event.cause))
        return
    reached = AttemptState.RINGING
    if event.kind in (EventKind.ANSWERED, EventKind.MACHINE):
        reached = AttemptState.ANSWERED
        merged.answered_at = earliest(merged.answered_at, moment)
    if event.kind is EventKind.MACHINE:
        merged.answered_by = EventKind.MACHINE
    merged.state = max(AttemptState(merged.state), reached, key=STATES.index)


def placed_values(attempt: Row[Any], now: int) -> dict[str, Any]:
    """Return the columns of an attempt that was placed."""
    state = max(AttemptState(attempt.state), AttemptState.PLACED, key=STATES.index)
    return {"state": state, "placed_at": now if attempt.placed_at is None else attempt.placed_at}


def ended_values(outcome: CallStatus, ended_at: int, *, cause: int | None = None, lost: bool = False) -> dict[str, Any]:
    """Return the columns of an attempt that has ended."""
    state = {"state": AttemptState.ENDED, "ended_at": ended_at, "outcome": outcome, "duration_seconds": 0}
    return state | {"cause": cause, "lost": lost}
