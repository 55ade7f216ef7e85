"""Outside dialers lease calls at the same time and some die: no call is leased twice, and lost leases are spent."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from threading import Thread
from unittest.mock import patch

from flask import Flask
from sqlalchemy import func, select, update

from portal.attempts.taken import undo_taken
from portal.batches.actions import call_row, insert_calls, update_counts
from portal.batches.derived import check
from portal.calls.actions import apply_reports
from portal.calls.parameters import CallEventBody
from portal.db.transactions import write_transaction
from portal.dialing import sweep
from portal.dialing.leases import actions as leases
from portal.extensions import db
from portal.ids import new_id
from portal.models import Attempt, Batch, Channel
from portal.models.actor import Actor
from portal.times import now_ms
from tests.support.builders import Builder
from tests.trials.trial import Conditions, Outcome, Trial

DIALERS = 8
BATCHES = 5
LEASE_SIZES = (20, 100)  # in the short form, and at full size
DEATHS = 0.05  # the share of leases after which a dialer dies; another one takes its place
RELEASES = 0.05
LOCK_TIMEOUT = {"STATEMENT_TIMEOUT_MS": 60_000, "BUSY_TIMEOUT_MS": 60_000}  # for threads that wait for each other
OUTSIDE = "+12025550190"


@dataclass
class LeaseLog:
    """What the dialers leased: the calls, and the attempts by what became of them."""

    app: Flask
    by: Actor
    seed: int
    lease_size: int
    calls: Counter[str] = field(default_factory=Counter)
    released: set[str] = field(default_factory=set)
    spent: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)

    def run_dialers(self) -> float:
        """Lease and report until nothing is due, with all dialers at once. Returns the seconds."""
        started = time.monotonic()
        threads = [Thread(target=self.dial, args=(number,)) for number in range(DIALERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.monotonic() - started

    def dial(self, number: int) -> None:
        """Lease calls until none is due: report most, release some, and forget those of a dialer that dies."""
        rng = random.Random(f"{self.seed}/{number}")
        try:
            with self.app.app_context():
                while taken := leases.lease_calls(self.by, f"dialer-{number}", self.lease_size, 600).calls:
                    self.calls.update(call.call_id for call in taken)
                    ids = [call.attempt_id for call in taken]
                    if rng.random() < DEATHS or not (number or self.spent):
                        self.spent |= set(ids)
                        continue
                    if rng.random() < RELEASES:
                        self.released |= set(leases.release_leases(self.by, ids[:10]).changed)
                        self.calls.subtract(call.call_id for call in taken[:10])
                        ids = ids[10:]
                    if ids:
                        apply_reports(self.by, [completed(attempt_id) for attempt_id in ids])
        except Exception as error:
            self.failures.append(f"a dialer failed with {type(error).__name__}: {error}")

    def lose_silent_leases(self) -> None:
        """Let the time of the dead dialers' leases pass, and sweep."""
        with self.app.app_context():
            with write_transaction() as session:
                on_line = (Attempt.worker.is_not(None), Attempt.state != "ended")
                session.execute(update(Attempt).where(*on_line).values(held_until=now_ms() - 1))
            while sweep.sweep_leases():
                pass

    def check(self, count: int) -> list[str]:
        """Return every difference between what dialers know and what is stored."""
        failures = [f"call {call} was leased {times} times" for call, times in self.calls.items() if times > 1]
        with self.app.app_context():
            read = db.session.execute
            failures += list(check.find_all_differences(lambda _count: None))
            attempts = read(select(func.count()).select_from(Attempt)).scalar_one()
            lost = set(read(select(Attempt.id).where(Attempt.lost)).scalars())
            statuses = set(read(select(Batch.status)).scalars())
        if attempts != count:
            failures.append(f"{attempts} attempts of {count} calls")
        if lost != self.spent:
            failures.append(f"{len(lost)} attempts are lost, {len(self.spent)} were given to dialers that died")
        if statuses != {"completed"}:
            failures.append(f"batches are {', '.join(sorted(statuses))} at the end")
        return failures


def completed(attempt_id: str) -> CallEventBody:
    """Return the event of a completed call."""
    return CallEventBody(eventId=new_id(), attemptId=attempt_id, callStatus="completed", callDuration=5)


def run(conditions: Conditions) -> Outcome:
    """Lease every call, lose what dead dialers held, and try to lease again."""
    with conditions.app(**(LOCK_TIMEOUT if conditions.full else {})) as app:
        build = Builder(app)
        owner = build.create_user("owner")
        fill_batches(app, build, owner, conditions.count)
        log = LeaseLog(app, Actor(owner.key, Channel.API), conditions.seed, LEASE_SIZES[conditions.full])
        seconds = log.run_dialers()
        log.lose_silent_leases()
        log.run_dialers()
        failures = log.failures + log.check(conditions.count)
    figures = {
        "calls leased and reported per second": round(conditions.count / seconds),
        "spent": f"{len(log.spent):,}",
        "released": f"{len(log.released):,}",
    }
    return Outcome(conditions.count, failures, figures)


def fill_batches(app: Flask, build: Builder, owner: object, count: int) -> None:
    """Create active batches with that many calls in all, to numbers that are reserved for fiction (Ireland, 020 91)."""
    settings = {"callingNumbers": [OUTSIDE], "useCalleeZone": False}
    batches = [build.create_batch(owner, status="active", settings=settings) for _ in range(BATCHES)]
    rows = (call_row(batches[n % BATCHES].key, f"+35320{9_100_000 + n}", {}, now_ms()) for n in range(count))
    with app.app_context(), write_transaction() as session:
        insert_calls(session, rows)
        for batch in batches:
            values = {"total_calls": count // BATCHES + (batches.index(batch) < count % BATCHES)}
            session.execute(update(Batch).where(Batch.key == batch.key).values(**values))
            update_counts(session, owner.key, batch.id)


def hand_on(session: object, by: Actor, changes: list, now: int) -> None:
    """Undo attempts that are lost, so that their calls are leased again."""
    undo_taken(session, by, [row for row, _ in changes], now)


TRIAL = Trial(
    name="leases",
    title=f"{DIALERS} outside dialers leasing calls at once, some dying",
    passes_when="no call is leased twice, expired leases are spent, every batch completes, counts exact",
    unit="calls",
    full=100_000,
    short=400,
    run=run,
    defects={"an expired lease is handed on": partial(patch.object, sweep, "change_taken", hand_on)},
)
