"""Leases: outside dialers take calls, keep them while they are alive, and give back what they surely did not place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, update

from portal.attempts import query as attempts_query
from portal.attempts.actions import ATTEMPTS
from portal.attempts.taken import undo_taken
from portal.batches import query as batches_query
from portal.batches.actions import lock_batch_list
from portal.db.transactions import write_transaction
from portal.dialing import query
from portal.dialing.shares import find_shares
from portal.dialing.stops import is_stopped
from portal.dialing.taking import Step, TakenCall, Taker
from portal.models import AttemptState
from portal.models.actor import Actor
from portal.times import now_ms

RING_SECONDS = 30  # which an outside dialer should let a phone ring: its trunks are not ours


class LeaseRefused(Exception):
    """Nothing can be leased until something else happens; the message says what."""


class BatchMissing(Exception):
    """The batch does not exist."""


class Lease(NamedTuple):
    """Calls that an outside dialer has taken, and until when it holds them (milliseconds)."""

    calls: list[TakenCall]
    held_until: int


class HeldAttempts(NamedTuple):
    """The ids of attempts that were changed, and of those that the dialer no longer holds."""

    changed: list[str]
    gone: list[str]


def lease_calls(by: Actor, worker: str, limit: int, seconds: int, batch_id: str | None = None) -> Lease:
    """Take at most `limit` due calls of batches that the portal does not dial. Raises LeaseRefused and BatchMissing."""
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        now = now_ms()
        if is_stopped(by.user_key):
            raise LeaseRefused("An emergency stop is in force. Resume calling first")
        if batch_id is not None:
            require_outside_batch(by.user_key, batch_id)
        held_until = now + seconds * 1000
        shares = find_shares(by.user_key, None, now, batch_id)
        step = Step(session, Taker(by, worker, None, RING_SECONDS, held_until), now)
        return Lease(step.run(shares, limit), held_until)


def require_outside_batch(owner_key: int, batch_id: str) -> None:
    """Check that a batch exists and that the portal does not dial it. Raises BatchMissing and LeaseRefused."""
    batch = batches_query.find_row(owner_key, batch_id)
    if batch is None:
        raise BatchMissing
    if query.find_numbers_of_trunks(owner_key).keys() & set(batch.settings.get("callingNumbers", ())):
        raise LeaseRefused("The portal dials this batch over a trunk. Lease calls of another batch")


def extend_leases(by: Actor, attempt_ids: Sequence[str], seconds: int) -> HeldAttempts:
    """Hold attempts for this time from now on, in which the dialer must be heard again.

    While an emergency stop is in force, all of them are gone, because the dialer must hang up.
    """
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        now = now_ms()
        held = {} if is_stopped(by.user_key) else find_held(by.user_key, attempt_ids, now)
        keys = [attempt.key for attempt in held.values()]
        session.execute(update(ATTEMPTS).where(ATTEMPTS.c.key.in_(keys)).values(held_until=now + seconds * 1000))
        return split(attempt_ids, held)


def release_leases(by: Actor, attempt_ids: Sequence[str]) -> HeldAttempts:
    """Undo attempts that were surely not placed, so that their calls wait again; not those with reported events."""
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        now = now_ms()
        held = find_held(by.user_key, attempt_ids, now)
        unplaced = {key: row for key, row in held.items() if row.state == AttemptState.TAKEN}
        undo_taken(session, by, list(unplaced.values()), now)
        return split(attempt_ids, unplaced)


def find_held(owner_key: int, attempt_ids: Sequence[str], now: int) -> dict[str, Row[Any]]:
    """Return those of the attempts that an outside dialer holds, by id."""
    attempts = attempts_query.find_taken(owner_key, attempt_ids)
    return {attempt_id: attempt for attempt_id, attempt in attempts.items() if is_held(attempt, now)}


def is_held(attempt: Row[Any], now: int) -> bool:
    """Return whether an outside dialer holds an attempt, so that it is in progress."""
    is_lease = attempt.trunk_key is None and attempt.held_until is not None
    return is_lease and attempt.state != AttemptState.ENDED and attempt.held_until > now


def split(attempt_ids: Sequence[str], changed: dict[str, Row[Any]]) -> HeldAttempts:
    """Return the ids in the order sent, each once."""
    unique = list(dict.fromkeys(attempt_ids))
    return HeldAttempts([key for key in unique if key in changed], [key for key in unique if key not in changed])
