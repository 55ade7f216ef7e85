"""Write attempts that workers took and what follows for their calls, inside a transaction of the caller.

`refresh_calls` computes the state of a call from all its attempts and events. If the last attempt is the only thing
that changes, and no events were reported, that attempt alone decides: the result is the same at a fraction of the cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, update
from sqlalchemy.orm import Session

from portal.attempts import query
from portal.attempts.actions import ATTEMPTS, Changes, refresh_calls
from portal.attempts.division import CallOutcome, decide_outcome, earliest, sum_up
from portal.attempts.progress import read_taken
from portal.attempts.retries import RetryRule, read_retry_rule
from portal.batches import query as batches_query
from portal.batches.actions import complete_if_done
from portal.calls import query as calls_query
from portal.live import Deleted
from portal.models import AttemptState, CallStatus
from portal.models.actor import Actor
from portal.telemetry import metrics

CHANGED_COLUMNS = (
    "state",
    "held_until",
    "placed_at",
    "answered_at",
    "ended_at",
    "outcome",
    "duration_seconds",
    "cause",
    "answered_by",
    "lost",
    "record",
)
UPDATE_TAKEN = (
    update(ATTEMPTS)
    .where(ATTEMPTS.c.key == bindparam("attempt_key"))
    .values(**{name: bindparam(f"new_{name}", type_=ATTEMPTS.c[name].type) for name in CHANGED_COLUMNS})
)


def insert_taken(
    session: Session, by: Actor, rows: Sequence[Mapping[str, Any]], calls: Mapping[int, Row[Any]], now: int
) -> None:
    """Insert attempts that a worker takes, at most one per call, and update the calls, which are given by key."""
    if rows:
        session.execute(insert(ATTEMPTS), rows)
        defaults = dict.fromkeys(CHANGED_COLUMNS) | {"duration_seconds": 0, "lost": False}
        update_calls(session, by, calls, [SimpleNamespace(**(defaults | row)) for row in rows], now)


def change_taken(session: Session, by: Actor, changes: Sequence[tuple[Row[Any], Mapping[str, Any]]], now: int) -> None:
    """Change columns of taken attempts, and update their calls, the counts and the statuses of their batches."""
    changed = [(row, values) for row, values in changes if any(getattr(row, name) != values[name] for name in values)]
    if not changed:
        return
    for row, values in changed:
        if row.state != AttemptState.ENDED and values.get("state") == AttemptState.ENDED:
            metrics.count_end(values["outcome"], lost=values["lost"])
    attempts = [SimpleNamespace(**(row._asdict() | values)) for row, values in changed]
    session.execute(
        UPDATE_TAKEN,
        [{"attempt_key": a.key} | {f"new_{name}": getattr(a, name) for name in CHANGED_COLUMNS} for a in attempts],
    )
    calls = calls_query.find_by_key(by.user_key, {attempt.call_key for attempt in attempts})
    update_calls(session, by, calls, attempts, now)


def undo_taken(session: Session, by: Actor, attempts: Sequence[Row[Any]], now: int) -> None:
    """Delete attempts that were surely not placed. Their calls wait again, as before."""
    if not attempts:
        return
    session.execute(delete(ATTEMPTS).where(ATTEMPTS.c.key.in_([attempt.key for attempt in attempts])))
    calls = calls_query.find_by_key(by.user_key, {attempt.call_key for attempt in attempts})
    settings = find_settings(by, calls)
    refresh_calls(session, by.user_key, list(calls.values()), {}, settings, now)


def update_calls(session: Session, by: Actor, calls: Mapping[int, Row[Any]], attempts: Sequence[Any], now: int) -> None:
    """Update the calls of changed attempts, and complete the batches that have no open call any more."""
    settings = find_settings(by, calls)
    reported = query.find_reported(calls)
    rules = {batch_key: read_retry_rule(stored) for batch_key, stored in settings.items()}
    changes, others, ended = Changes(by.user_key, now), {}, set()
    for attempt in attempts:
        call = calls[attempt.call_key]
        if call.key in reported or attempt.number < call.attempts or not CallStatus(call.status).is_open:
            others[call.key] = call
            ended.add(call.batch_key)
            continue
        outcome = follow(call, attempt, rules[call.batch_key])
        changes.add_outcome(call, outcome)
        if not outcome.state.status.is_open:
            ended.add(call.batch_key)
    changes.write(session)
    if others:
        refresh_calls(session, by.user_key, list(others.values()), {}, settings, now)
    for batch in batches_query.find_active(by.user_key, ended):
        complete_if_done(session, by, batch)


def follow(call: Row[Any], attempt: Any, rule: RetryRule) -> CallOutcome:
    """Return the state of an open call without reported events from its last attempt."""
    outcome = decide_outcome([sum_up(attempt.number, [], read_taken(attempt, []))], [], rule)
    return replace(outcome, answered_at=earliest(call.answered_at, outcome.answered_at))


def find_settings(by: Actor, calls: Mapping[int, Row[Any]]) -> dict[int, dict[str, Any]]:
    """Return the settings of the batches of these calls, by the keys of the batches; deleted batches included."""
    return batches_query.find_settings(by.user_key, {call.batch_key for call in calls.values()}, Deleted.INCLUDE)
