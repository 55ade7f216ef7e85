"""End attempts whose end was not heard: ask the engine, and give up what stays unknown.

Every attempt has a time, `held_until`, at which it is lost if its end is not known by then. A lost attempt is spent:
it is not placed again, because the person may have been called.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from portal.attempts import query as attempts_query
from portal.attempts.taken import change_taken
from portal.batches.actions import lock_batch_list
from portal.db.transactions import write_transaction
from portal.dialing import query
from portal.dialing.engines.interface import CallUnknownHere, Engine, EngineRecord, EngineUnreachable
from portal.dialing.reports import apply_engine_records, ended_values, placed_values
from portal.dialing.taking import MARGIN_MS, lost_at
from portal.extensions import db
from portal.models import AttemptState, CallStatus, Channel
from portal.models.actor import Actor
from portal.times import now_ms

MAX_ASKED = 20  # attempts of which one sweep asks the engine
TALK_CHECK_MS = 30_000  # a talk is asked about after this time: its end may not have been heard
CONFIRM_MS = 5000  # from the time at which an engine does not know a call until it is lost: the event may be on its way
MAX_LOST = 1000  # attempts in one sweep


@dataclass
class Findings:
    """What an engine knows of attempts: records of those that are over, live ones, and those that it does not know."""

    records: dict[str, EngineRecord] = field(default_factory=dict)
    live: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def sweep_trunk(trunk: Any, engine: Engine, worker: str) -> int:
    """Ask the engine about attempts of a trunk whose end should be known, and return how many became known or lost.

    `trunk` has key, owner_key and ring_seconds. Call it once a second.
    """
    db.session.rollback()  # a long-lived process must not read an old snapshot
    now = now_ms()
    overdue = [row for row in query.fetch_open_attempts(trunk.key) if now >= ask_at(row, trunk.ring_seconds)]
    db.session.rollback()  # the engine may answer slowly
    random.shuffle(overdue)
    findings = ask(engine, [row.id for row in overdue[:MAX_ASKED]])
    apply_engine_records(trunk.owner_key, findings.records)
    extend(trunk, findings)
    return len(findings.records) + sweep_leases()


def ask_at(attempt: Row[Any], ring_seconds: int) -> int:
    """Return the time from which the end of an attempt should be known, or that it goes on."""
    if attempt.state == AttemptState.ANSWERED:
        return (attempt.answered_at or attempt.taken_at) + TALK_CHECK_MS
    return (attempt.placed_at or attempt.taken_at) + ring_seconds * 1000 + MARGIN_MS


def ask(engine: Engine, attempt_ids: Sequence[str]) -> Findings:
    """Return what an engine knows of attempts; nothing of those of which it cannot be asked."""
    findings = Findings()
    for attempt_id in attempt_ids:
        try:
            if engine.is_live(attempt_id):
                findings.live.append(attempt_id)
            elif record := engine.record(attempt_id):
                findings.records[attempt_id] = record
            else:
                findings.unknown.append(attempt_id)
        except CallUnknownHere:
            continue  # another worker can ask
        except EngineUnreachable:
            break  # not a "no": the attempts stay as they are
    return findings


def extend(trunk: Any, findings: Findings) -> None:
    """Keep live attempts, those of dead workers too, and let those that the engine does not know be lost soon."""
    ids = [*findings.live, *findings.unknown]
    if not ids:
        return
    with write_transaction() as session:
        lock_batch_list(session, trunk.owner_key)
        now = now_ms()
        attempts = attempts_query.find_taken(trunk.owner_key, ids)
        open_ones = {key: row for key, row in attempts.items() if row.state != AttemptState.ENDED}
        changes: list[tuple[Row[Any], dict[str, Any]]] = []
        for attempt_id, attempt in open_ones.items():
            if attempt_id in findings.unknown:
                changes.append((attempt, {"held_until": min(attempt.held_until or now, now + CONFIRM_MS)}))
            elif attempt.state == AttemptState.TAKEN or is_lost_soon(attempt, now):
                held_until = {"held_until": lost_at(now, trunk.ring_seconds)}
                changes.append((attempt, placed_values(attempt, now) | held_until))
        change_taken(session, Actor(trunk.owner_key, Channel.DIALER), changes, now)


def is_lost_soon(attempt: Row[Any], now: int) -> bool:
    """Return whether an attempt is lost within a minute."""
    return (attempt.held_until or now) < now + 60_000


def sweep_leases() -> int:
    """End the attempts that nothing was heard of until the time for which they are held; return how many.

    These are the leases of outside dialers, and attempts of trunks. Any number of processes may do so at the same time.
    """
    db.session.rollback()  # a long-lived process must not read an old snapshot
    lost = 0
    for owner_key, ids in query.find_overdue(now_ms(), MAX_LOST).items():
        with write_transaction() as session:
            lock_batch_list(session, owner_key)
            now = now_ms()
            overdue = [row for row in attempts_query.find_taken(owner_key, ids).values() if is_overdue(row, now)]
            change_taken(
                session, Actor(owner_key, Channel.DIALER), [(row, lost_values(row, now)) for row in overdue], now
            )
            lost += len(overdue)
    return lost


def is_overdue(attempt: Row[Any], now: int) -> bool:
    """Return whether an attempt is still in progress although the time for which it was held is over."""
    return attempt.state != AttemptState.ENDED and attempt.held_until is not None and attempt.held_until <= now


def lost_values(attempt: Row[Any], now: int) -> dict[str, Any]:
    """Return the columns of an attempt that is lost: its end is unknown."""
    outcome = CallStatus.FAILED if attempt.answered_at is None else CallStatus.DROPPED
    return ended_values(outcome, now, lost=True)
