"""Random steps of dialers, engines and users under a moving clock: the guarantees and all counts hold after each."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete, func, select

from portal.attempts.actions import refresh_calls
from portal.batches import actions as batches
from portal.batches.derived import check
from portal.batches.transitions import BatchAction, IllegalTransition
from portal.calls import actions as calls
from portal.calls.parameters import CallEventBody
from portal.calls.query import STATE_COLUMNS
from portal.db.transactions import write_transaction
from portal.dialing import reports, sweep, taking
from portal.dialing.engines import EngineEvent, EngineRecord, EngineUnreachable, EventKind, NotPlaced, Outcome, Unsure
from portal.dialing.leases import actions as leases
from portal.dialing.taking import TakenCall
from portal.extensions import db
from portal.ids import new_id
from portal.models import Attempt, Batch, Call, Channel, Suppression, Trunk, User
from portal.models.actor import Actor
from tests.dialing.conftest import OUR_NUMBER
from tests.support.builders import Builder

START = datetime(2026, 3, 27, 8, 30, tzinfo=UTC)  # the clocks of Lisbon change two days later
ZONE = ZoneInfo("Europe/Lisbon")
EXAMPLES = int(os.environ.get("EXAMPLES", 4))
LINES, MOST_TRIES, PER_DAY, CONCURRENT = 3, 3, 2, 2
NUMBERS = [f"+1202555{number:04}" for number in range(110, 118)]
OUTSIDE = "+12025550190"
RULES = {
    "retry": 1,
    "delay": 60,
    "timezone": str(ZONE),
    "callingHour": {"start": "09:00", "end": "17:00"},
    "useCalleeZone": False,
    "attemptsPerDay": PER_DAY,
    "maxConcurrent": CONCURRENT,
}
HOUR = 3600
seconds = st.sampled_from([1, 5, 20, 90, 700, 3 * HOUR, 11 * HOUR])
picks = st.integers(0, 1000)


class FakeEngine:
    """An engine that gives one answer about every call."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def is_live(self, _attempt_id: str) -> bool:
        if self.answer is EngineUnreachable:
            raise EngineUnreachable
        return self.answer == "live"

    def record(self, _attempt_id: str) -> EngineRecord | None:
        return self.answer if isinstance(self.answer, EngineRecord) else None


class Dialing(RuleBasedStateMachine):
    """Two batches that a trunk dials, and one of an outside dialer, with the same people."""

    owner: User
    trunk: Trunk
    build: Builder
    clock: SimpleNamespace

    def __init__(self) -> None:
        super().__init__()
        with write_transaction() as session:
            for model in (Attempt, Batch, Suppression):
                session.execute(delete(model))
        self.clock.now = round(START.timestamp() * 1000)
        self.by = Actor(self.owner.key, Channel.COMMAND)
        self.build.change(self.trunk, next_at=None)
        columns = {"status": "active", "total_calls": 4}
        self.batches = [
            self.build.create_batch(self.owner, settings=RULES | {"callingNumbers": [number]}, **columns)
            for number in (OUR_NUMBER, OUR_NUMBER, OUTSIDE)
        ]
        for index, batch in enumerate(self.batches):
            for number in NUMBERS[index : index + 4]:
                self.build.create_call(batch, phone_number=number)
        self.ids: list[str] = []  # of all attempts ever taken
        self.undone: set[str] = set()
        self.suppressed: set[str] = set()

    # --- dialers

    @rule()
    def take(self) -> None:
        self.check_taken(taking.take_calls(self.trunk.key, "worker"), self.batches[:2])

    @rule(limit=st.integers(1, 4))
    def lease(self, limit: int) -> None:
        self.check_taken(leases.lease_calls(self.by, "outside", limit, 60).calls, self.batches[2:])

    def check_taken(self, taken: list[TakenCall], expected: list[Batch]) -> None:
        """Check every rule again, independently of the portal's."""
        wall_time = (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=self.clock.now)).astimezone(ZONE)
        assert not taken or 9 <= wall_time.hour < 17
        for call in taken:
            self.ids.append(call.attempt_id)
            assert call.phone_number not in self.suppressed
            (batch,) = (batch for batch in expected if batch.id == call.batch_id)
            assert self.read(select(Batch.status).where(Batch.key == batch.key, Batch.deleted_at.is_(None))) == [
                "active"
            ]
            to_number = select(Attempt.taken_at).where(Attempt.phone_number == call.phone_number)
            recent = [at for at in self.read(to_number) if at > self.clock.now - 24 * HOUR * 1000]
            assert len(recent) <= PER_DAY

    def read(self, statement: Any) -> list[Any]:
        db.session.rollback()
        return list(db.session.execute(statement).scalars())

    def pick(self, number: int) -> str:
        return self.ids[-1 - number % min(len(self.ids), 6)] if self.ids else new_id()

    @rule(number=picks, answer=st.sampled_from([None, Unsure("x"), NotPlaced("x"), NotPlaced("x", is_refused=True)]))
    def place(self, number: int, answer: Any) -> None:
        reports.record_placements(self.owner.key, {self.pick(number): answer})

    @rule(number=picks, back=st.integers(0, 30), kinds=st.lists(st.sampled_from(EventKind), min_size=1, max_size=3))
    def hear(self, number: int, back: int, kinds: list[EventKind]) -> None:
        attempt_id, moment = self.pick(number), self.clock.now - back * 1000
        outcome = list(Outcome)[number % len(Outcome)]
        ends = {EventKind.OVER: (outcome, 16)}
        events = [EngineEvent(attempt_id, kind, moment, *ends.get(kind, ())) for kind in kinds]
        reports.apply_engine_events(self.owner.key, events)

    @rule(number=picks, status=st.sampled_from(["dialing", "in-progress", "busy", "no-answer", "completed", "failed"]))
    def report(self, number: int, status: str) -> None:
        event = CallEventBody(eventId=new_id(), attemptId=self.pick(number), callStatus=status)
        calls.apply_reports(self.by, [event])

    @rule(numbers=st.lists(picks, min_size=1, max_size=3))
    def release(self, numbers: list[int]) -> None:
        self.undone |= set(leases.release_leases(self.by, [self.pick(number) for number in numbers]).changed)

    @rule(number=picks)
    def beat(self, number: int) -> None:
        leases.extend_leases(self.by, [self.pick(number)], 60)

    @rule(answer=st.sampled_from(["live", "unknown", EngineUnreachable, Outcome.NO_ANSWER, Outcome.COMPLETED]))
    def sweep(self, answer: Any) -> None:
        if isinstance(answer, Outcome):
            answered_at = self.clock.now - 5000 if answer is Outcome.COMPLETED else None
            answer = EngineRecord(answer, 16, answered_at, self.clock.now)
        sweep.sweep_trunk(self.trunk, FakeEngine(answer), "worker")

    # --- users

    @rule(number=st.sampled_from(NUMBERS))
    def suppress(self, number: str) -> None:
        self.build.suppress(self.owner, number)
        self.suppressed.add(number)

    @rule(index=st.integers(0, 2), retry=st.integers(0, MOST_TRIES - 1), delay=st.sampled_from([0, 60, 4000]))
    def change_settings(self, index: int, retry: int, delay: int) -> None:
        batches.change_batch(self.by, self.batches[index].id, None, {"retry": retry, "delay": delay})

    @rule(index=st.integers(0, 2), action=st.sampled_from(list(BatchAction)))
    def change_status(self, index: int, action: BatchAction) -> None:
        try:
            batches.change_status(self.by, self.batches[index].id, action)
        except IllegalTransition:
            return

    @rule(index=st.integers(0, 2))
    def delete_or_restore(self, index: int) -> None:
        if not batches.delete_batch(self.by, self.batches[index].id):
            batches.restore_batch(self.by, self.batches[index].id)

    @rule(seconds=seconds)
    def wait(self, seconds: int) -> None:
        self.clock.now += seconds * 1000

    # --- what always holds

    @invariant()
    def counts_agree(self) -> None:
        db.session.rollback()
        assert list(check.find_all_differences(lambda _count: None)) == []

    @invariant()
    def limits_hold(self) -> None:
        on_line = [Attempt.state != "ended", Attempt.worker.is_not(None)]
        trunk = select(func.count()).where(Attempt.trunk_key == self.trunk.key, *on_line)
        assert self.read(trunk)[0] <= LINES
        count = select(func.count()).select_from(Attempt)
        by_batch = count.join(Call, Call.key == Attempt.call_key).where(*on_line).group_by(Call.batch_key)
        assert max(self.read(by_batch), default=0) <= CONCURRENT
        assert max(self.read(count.group_by(Attempt.call_key)), default=0) <= MOST_TRIES

    @invariant()
    def calls_follow_from_their_attempts(self) -> None:
        """Compare the stored rows with those that follow from all attempts and events."""
        names = ("key", "number", "state", "placed_at", "answered_at", "ended_at", "outcome", "duration_seconds")
        attempts = select(*(getattr(Attempt, name) for name in names)).order_by(Attempt.key)
        tried = select(*STATE_COLUMNS, Call.due_at).where(Call.attempts > 0).order_by(Call.key)

        def snapshot() -> list[Any]:
            of_calls = [row._asdict() | ({"due_at": 0} if row.key in held else {}) for row in session.execute(tried)]
            return [of_calls, list(session.execute(attempts))]

        session = db.session()
        session.rollback()
        held = set(session.execute(select(Call.key).where(Call.held_for.is_not(None))).scalars())
        stored = snapshot()
        settings = {batch.key: batch.settings for batch in session.execute(select(Batch.key, Batch.settings))}
        refresh_calls(session, self.owner.key, list(session.execute(tried)), {}, settings, self.clock.now)
        computed = snapshot()
        session.rollback()
        assert computed == stored


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that only tests move."""
    clock = SimpleNamespace(now=0)
    monkeypatch.setattr("portal.times.time", SimpleNamespace(time_ns=lambda: clock.now * 1_000_000))
    return clock


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)  # the state does not depend on the database
def test_random_steps_keep_the_guarantees(app: Flask, owner: User, build: Builder, clock: SimpleNamespace) -> None:
    clock.now = round(START.timestamp() * 1000)
    Dialing.trunk = build.create_trunk(owner, lines=LINES, per_second=10, heard_at=clock.now + 10_000 * HOUR * 1000)
    Dialing.owner, Dialing.build, Dialing.clock = owner, build, clock
    build.create_caller_number(owner, OUR_NUMBER, trunk_key=Dialing.trunk.key)
    with app.app_context():
        run_state_machine_as_test(Dialing, settings=settings(max_examples=EXAMPLES, stateful_step_count=30))
