"""Take due calls: in one transaction, which inserts their attempts. Only afterwards the taker places them.

An attempt is placed at most once: its row is committed first, by the process that places it, and no code places an
attempt that it finds. See docs/decisions/0018-taking-calls.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, update
from sqlalchemy.orm import Session

from portal.attempts.actions import CALLS, refresh_calls
from portal.attempts.taken import insert_taken
from portal.batches import query as batches_query
from portal.batches.actions import complete_if_done, lock_batch_list
from portal.db.transactions import write_transaction
from portal.dialing import query
from portal.dialing.checking import CheckedCalls, check_calls
from portal.dialing.engines.outcomes import CALL_REJECTED
from portal.dialing.shares import BatchShare, divide_fairly, find_shares
from portal.dialing.stops import is_stopped
from portal.extensions import db
from portal.ids import new_id
from portal.models import AttemptState, Batch, CallStatus, Channel, Trunk
from portal.models.actor import Actor
from portal.models.trunk import SILENT_MS
from portal.times import DAY_MS, now_ms
from portal.trunks.calling_numbers import choose_calling_number

CATCH_UP_MS = 250  # a step makes up for this much time in which the trunk's rate was not used
LONGEST_TALK_MS = 2 * 3_600_000
MARGIN_MS = 10_000  # for the way to the engine and back
MAX_CHECKED = 1000  # calls that one step checks
CHECKED_AT_ONCE = 100  # once a call was refused: its neighbours often are, too
HOLD_CALL = (
    update(CALLS)
    .where(CALLS.c.key == bindparam("call_key"))
    .values(due_at=bindparam("new_due_at"), held_for=bindparam("reason"), zone_set=bindparam("zones"))
)


@dataclass(frozen=True)
class TakenCall:
    """A call that was taken, to be placed at once by the taker and by no one else. Phone numbers are in E.164."""

    attempt_id: str
    owner_key: int
    call_id: str
    batch_id: str
    phone_number: str
    from_number: str
    number: int
    ring_seconds: int
    fields: Mapping[str, Any]
    taken_at: int  # milliseconds


@dataclass(frozen=True)
class Taker:
    """Who takes calls: the actor, the name of the worker, its trunk (None = an outside dialer), and for how long."""

    by: Actor
    worker: str
    trunk_key: int | None
    ring_seconds: int
    held_until: int


def take_calls(trunk_key: int, worker: str, now: int | None = None) -> list[TakenCall]:
    """Take due calls for a trunk, as many as it may place now, and return them.

    The clock is read after the lock, unless `now` (milliseconds) is given. Without work, nothing is locked.
    """
    db.session.rollback()  # a long-lived process must not read an old snapshot
    trunk = query.find_trunk(trunk_key)
    moment = now_ms() if now is None else now
    if trunk is None or not count_placeable(trunk, moment) or not find_shares(trunk.owner_key, trunk_key, moment):
        db.session.rollback()
        return []
    with write_transaction() as session:
        lock_batch_list(session, trunk.owner_key)
        trunk = query.find_trunk(trunk_key, lock=True)
        moment = now_ms() if now is None else now
        if trunk is None or is_stopped(trunk.owner_key):
            return []
        shares = find_shares(trunk.owner_key, trunk_key, moment)
        in_use = sum(row.count for row in query.count_open(trunk.owner_key) if row.trunk_key == trunk_key)
        grant = min(trunk.lines - in_use, count_placeable(trunk, moment))
        by = Actor(trunk.owner_key, Channel.DIALER)
        held_until = lost_at(moment, trunk.ring_seconds)
        step = Step(session, Taker(by, worker, trunk_key, trunk.ring_seconds, held_until), moment)
        taken = step.run(shares, grant)
        pace(session, trunk, moment, len(taken))
        return taken


def count_placeable(trunk: Row[Any], now: int) -> int:
    """Return how many calls a trunk may place now by its rate; 0 if it is held or its engine is silent."""
    if trunk.held or trunk.heard_at is None or trunk.heard_at < now - SILENT_MS:
        return 0
    waited = now - pace_start(trunk, now)
    return 0 if waited < 0 else math.floor(waited * trunk.per_second / 1000) + 1


def pace_start(trunk: Row[Any], now: int) -> int:
    """Return the time from which the calls of this step count: one is placed at it, the next one an interval later."""
    return max(trunk.next_at or 0, now - CATCH_UP_MS)


def pace(session: Session, trunk: Row[Any], now: int, taken: int) -> None:
    """Store the time before which no further call is placed, after this many calls."""
    if taken:
        next_at = pace_start(trunk, now) + round(taken * 1000 / trunk.per_second)
        session.execute(update(Trunk).where(Trunk.key == trunk.key).values(next_at=next_at))


def lost_at(now: int, ring_seconds: int) -> int:
    """Return the time at which an attempt of a trunk is lost if its end is not known by then."""
    return now + ring_seconds * 1000 + LONGEST_TALK_MS + MARGIN_MS


class Step:
    """One taking, inside a transaction that holds the lock on the owner's batches. `now` is its only clock."""

    def __init__(self, session: Session, taker: Taker, now: int) -> None:
        self.session = session
        self.taker = taker
        self.now = now
        self.checked = 0
        self.numbers: set[str] = set()  # taken in this step
        self.calls: dict[int, Row[Any]] = {}  # taken, by key
        self.batches: dict[int, BatchShare] = {}  # of which calls were taken, held or canceled, by key
        self.held: list[dict[str, Any]] = []
        self.suppressed: list[Row[Any]] = []

    def run(self, shares: Sequence[BatchShare], grant: int) -> list[TakenCall]:
        """Take at most `grant` calls, fairly divided between batches, and write what follows."""
        with_due = list(shares)
        while with_due and len(self.calls) < grant and self.checked < MAX_CHECKED:
            for share, count in divide_fairly(with_due, grant - len(self.calls)):
                if not self.take_from(share, count) or share.room == 0:
                    with_due.remove(share)
        taken = self.insert_attempts()
        self.write_refused()
        return taken

    def take_from(self, share: BatchShare, count: int) -> bool:
        """Take at most `count` calls of a batch, and return whether it may have more that are due."""
        limit = max(count, CHECKED_AT_ONCE) if share.was_refused else count
        batch, by = share.row, self.taker.by
        calls = query.find_due_calls(by.user_key, batch.id, self.now, share.after, share.slots, limit)
        if not calls:
            return False
        self.checked += len(calls)
        share.after = (calls[-1].due_at, calls[-1].key)
        checked = check_calls(by.user_key, batch.settings, calls, self.numbers, self.now)
        share.was_refused = len(checked.allowed) < len(calls)
        self.add(share, checked, checked.allowed[:count])
        return len(calls) == limit

    def add(self, share: BatchShare, checked: CheckedCalls, allowed: Sequence[Row[Any]]) -> None:
        """Note what is to be written for the checked calls of a batch."""
        self.batches[share.row.key] = share
        self.calls |= {call.key: call for call in allowed}
        self.numbers |= {call.phone_number for call in allowed}
        share.room -= len(allowed)
        share.in_progress += len(allowed)
        self.suppressed += checked.suppressed
        for call, hold, zones in checked.held:
            # Rules that never allow the call are checked again the next day: they may have changed.
            until = self.now + DAY_MS if hold.until is None else hold.until
            self.held.append({"call_key": call.key, "new_due_at": until, "reason": hold.reason, "zones": zones})

    def insert_attempts(self) -> list[TakenCall]:
        """Insert the attempts of the calls that were taken, and update these calls and their batches."""
        earlier = query.fetch_earlier_attempts(self.calls)
        rows = [self.attempt_row(call, earlier.get(key, ())) for key, call in self.calls.items()]
        insert_taken(self.session, self.taker.by, rows, self.calls, self.now)
        return [self.taken_call(row) for row in rows]

    def attempt_row(self, call: Row[Any], earlier: Sequence[Row[Any]]) -> dict[str, Any]:
        """Return the attempt of a call as a row to insert."""
        share, taker = self.batches[call.batch_key], self.taker
        refused = [attempt.from_number for attempt in earlier if attempt.cause == CALL_REJECTED]
        others = [number for number in share.numbers if number not in share.usable]
        from_number = choose_calling_number(share.numbers, call.key, [*others, *refused])
        return {
            "id": new_id(),
            "owner_key": taker.by.user_key,
            "call_key": call.key,
            "phone_number": call.phone_number,
            "number": max([call.attempts, *(attempt.number for attempt in earlier)]) + 1,
            "trunk_key": taker.trunk_key,
            # If carriers refused all numbers, they are used again.
            "from_number": from_number or choose_calling_number(share.numbers, call.key, others),
            "worker": taker.worker,
            "state": AttemptState.TAKEN,
            "taken_at": self.now,
            "held_until": taker.held_until,
        }

    def taken_call(self, row: Mapping[str, Any]) -> TakenCall:
        """Return a call as its taker gets it."""
        call = self.calls[row["call_key"]]
        return TakenCall(
            attempt_id=row["id"],
            owner_key=row["owner_key"],
            call_id=call.id,
            batch_id=self.batches[call.batch_key].row.id,
            phone_number=call.phone_number,
            from_number=row["from_number"],
            number=row["number"],
            ring_seconds=self.taker.ring_seconds,
            fields=call.fields,
            taken_at=self.now,
        )

    def write_refused(self) -> None:
        """Hold calls until they may be placed, and cancel those to suppressed numbers."""
        if self.held:
            self.session.execute(HOLD_CALL, self.held)
            keys = list(self.batches)
            self.session.execute(update(Batch).where(Batch.key.in_(keys)).values(updated_at=self.now))
        if self.suppressed:
            by = self.taker.by
            settings = {key: share.row.settings for key, share in self.batches.items()}
            events = {call.key: [cancellation(by, call, self.now)] for call in self.suppressed}
            refresh_calls(self.session, by.user_key, self.suppressed, events, settings, self.now)
            for batch in batches_query.find_active(by.user_key, {call.batch_key for call in self.suppressed}):
                complete_if_done(self.session, by, batch)


def cancellation(by: Actor, call: Row[Any], now: int) -> dict[str, Any]:
    """Return the event that cancels a call to a suppressed number, as a row to insert."""
    return {
        "owner_key": by.user_key,
        "event_id": f"dnc-{new_id()}",
        "call_key": call.key,
        "status": CallStatus.CANCELED,
        "duration_seconds": 0,
        "recording_url": "",
        "transcript": "",
        "occurred_at": now,
        "received_at": now,
        "token_key": by.token_key,
        "attempt_number": None,
        "names_attempt": False,
    }
