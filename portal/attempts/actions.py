"""Store the attempts of calls and what follows from them, inside a transaction of the caller."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, update
from sqlalchemy.orm import Session

from portal.attempts import query
from portal.attempts.division import CallOutcome
from portal.attempts.progress import CallProgress, attempt_values, measure_progress, read_report
from portal.attempts.retries import RetryRule, read_retry_rule
from portal.calls import derived
from portal.calls.events import count_call
from portal.calls.query import STATE_COLUMNS
from portal.db.transactions import CHUNK_SIZE
from portal.ids import new_id
from portal.models import Attempt, AttemptState, Batch, Call, CallEvent, CallStatus
from portal.telemetry import metrics

CALLS, ATTEMPTS, EVENTS = Call.__table__, Attempt.__table__, CallEvent.__table__
PROGRESS_COLUMNS = (
    "state",
    "taken_at",
    "placed_at",
    "answered_at",
    "ended_at",
    "outcome",
    "duration_seconds",
    "lost",
)
UPDATE_CALL = (
    update(CALLS)
    .where(CALLS.c.key == bindparam("call_key"))
    .values(
        status=bindparam("new_status"),
        duration_seconds=bindparam("new_duration"),
        last_event_at=bindparam("new_since"),
        attempts=bindparam("new_attempts"),
        answered_at=bindparam("new_answered_at"),
        due_at=bindparam("new_due_at"),
        held_for=None,
    )
)
UPDATE_ATTEMPT = (
    update(ATTEMPTS)
    .where(ATTEMPTS.c.key == bindparam("attempt_key"))
    .values(**{name: bindparam(f"new_{name}") for name in PROGRESS_COLUMNS})
)
UPDATE_EVENT = (
    update(EVENTS).where(EVENTS.c.key == bindparam("event_key")).values(attempt_number=bindparam("new_number"))
)

# The change of the counts in the row of each batch, by the batch's key and the names of the columns.
Deltas = dict[int, Counter[str]]


def refresh_calls(
    session: Session,
    owner_key: int,
    calls: Sequence[Row[Any]],
    new_events: Mapping[int, Sequence[dict[str, Any]]],
    settings: Mapping[int, Mapping[str, Any]],
    now: int,
) -> Deltas:
    """Divide the events of calls into attempts, store what follows for the calls and for the counts of their batches.

    `calls` are rows of STATE_COLUMNS; `new_events` are rows to insert, by call, whose `attempt_number` is set here;
    `settings` are those of the batches. Returns the changes of the counts.
    """
    keys = [call.key for call in calls]
    attempts, stored = query.fetch_attempts(keys), query.fetch_reports(keys)
    rules = {batch_key: read_retry_rule(stored_settings) for batch_key, stored_settings in settings.items()}
    changes = Changes(owner_key, now)
    for call in calls:
        rows = attempts.get(call.key, ()), stored.get(call.key, ()), new_events.get(call.key, ())
        changes.add(call, *rows, rules[call.batch_key])
    changes.write(session)
    derived.divide_calls(session.connection(), changes.deltas)
    return changes.deltas


def apply_retry_settings(session: Session, owner_key: int, batch: Row[Any], now: int) -> None:
    """Decide again, by a batch's settings, whether and when its tried calls are tried next.

    `batch` has key, id and settings. More retries reopen calls that ended without an answer; fewer end waiting ones.
    """
    last = 0
    while calls := query.find_tried(owner_key, batch.id, STATE_COLUMNS, last, CHUNK_SIZE):
        last = calls[-1].key
        refresh_calls(session, owner_key, calls, {}, {batch.key: batch.settings}, now)


class Changes:
    """The rows to write for calls whose attempts may change."""

    def __init__(self, owner_key: int, now: int) -> None:
        self.owner_key = owner_key
        self.now = now
        self.calls: list[dict[str, Any]] = []
        self.new_attempts: list[dict[str, Any]] = []
        self.attempts: list[dict[str, Any]] = []
        self.removed: list[int] = []
        self.events: list[dict[str, Any]] = []
        self.new_events: list[dict[str, Any]] = []
        self.deltas: Deltas = {}

    def add(
        self,
        call: Row[Any],
        rows: Sequence[Row[Any]],
        stored: Sequence[Row[Any]],
        new: Sequence[dict[str, Any]],
        rule: RetryRule,
    ) -> None:
        """Add what follows for a call from its attempts, its stored events and its new ones."""
        reports = [read_report(event._mapping) for event in stored]
        progress = measure_progress(call, rows, reports, [read_report(event) for event in new], rule, self.now)
        self.events += [
            {"event_key": event.key, "new_number": number}
            for event, number in zip(stored, progress.numbers, strict=False)
            if event.attempt_number != number
        ]
        self.new_events += [
            event | {"attempt_number": number}
            for event, number in zip(new, progress.numbers[len(stored) :], strict=True)
        ]
        self.add_attempts(call, rows, progress)
        self.add_outcome(call, progress.outcome)

    def add_attempts(self, call: Row[Any], rows: Sequence[Row[Any]], progress: CallProgress) -> None:
        """Add the attempts that are new, that differ from their rows, or that no event reports any more."""
        known = {row.number: row for row in rows}
        for attempt in progress.attempts:
            row = known.pop(attempt.number, None)
            values = attempt_values(attempt, progress.taken.get(attempt.number), row)
            if row is None:
                identity = {"id": new_id(), "owner_key": self.owner_key, "call_key": call.key}
                self.new_attempts.append(
                    identity | {"phone_number": call.phone_number, "number": attempt.number} | values
                )
            elif any(getattr(row, name) != value for name, value in values.items()):
                self.attempts.append({"attempt_key": row.key} | {f"new_{name}": values[name] for name in values})
                if row.worker and row.state != AttemptState.ENDED and values["state"] == AttemptState.ENDED:
                    metrics.count_end(values["outcome"], lost=values["lost"])
        self.removed += [row.key for row in known.values()]

    def add_outcome(self, call: Row[Any], outcome: CallOutcome) -> None:
        """Add the state of the call, and its contribution to the counts of its batch."""
        state = outcome.state
        self.calls.append(
            {
                "call_key": call.key,
                "new_status": state.status,
                "new_duration": state.duration,
                "new_since": state.since or None,
                "new_attempts": outcome.attempts,
                "new_answered_at": outcome.answered_at,
                "new_due_at": outcome.due_at,
            }
        )
        delta = self.deltas.setdefault(call.batch_key, Counter())
        delta.update(count_call(state.status, outcome.attempts, outcome.answered_at))
        delta.subtract(count_call(CallStatus(call.status), call.attempts, call.answered_at))

    def write(self, session: Session) -> None:
        """Write all rows."""
        if self.removed:
            session.execute(delete(ATTEMPTS).where(ATTEMPTS.c.key.in_(self.removed)))
        for statement, rows in (
            (insert(ATTEMPTS), self.new_attempts),
            (UPDATE_ATTEMPT, self.attempts),
            (UPDATE_EVENT, self.events),
            (insert(EVENTS), self.new_events),
            (UPDATE_CALL, self.calls),
        ):
            if rows:
                session.execute(statement, rows)
        for batch_key, delta in self.deltas.items():
            values = {name: getattr(Batch, name) + change for name, change in delta.items()}
            session.execute(update(Batch).where(Batch.key == batch_key).values(**values, updated_at=self.now))
