"""The counts, numbers and pages of a batch's calls equal a full scan after any changes, also in large batches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.orm import Session

from portal.batches import actions
from portal.batches.actions import call_row, insert_batches, insert_calls, lock_batch_list
from portal.calls import derived, query
from portal.calls.actions import divide_large_batches
from portal.calls.derived import check, spans
from portal.calls.parameters import CallQuery, CallSort, parse_call_search
from portal.calls.query import matches, pages
from portal.db.transactions import write_transaction
from portal.extensions import db
from portal.models import Batch, Call, CallAnswers, CallCount, CallSpan, CallStatus, User
from portal.models.call import PICKED_STATUSES, HeldFor
from portal.web.pagination import SortOrder
from tests.support.builders import MAY_2025, MINUTE, Builder
from tests.support.statements import record_statements

CALLS = Call.__table__
SORT_KEYS: dict[CallSort, Callable[[Any], Any]] = {
    CallSort.CREATED_AT: lambda call: 0,
    CallSort.PHONE_NUMBER: lambda call: call.phone_number,
    CallSort.CALL_STATUS: lambda call: call.status,
    CallSort.CALL_DURATION: lambda call: call.duration_seconds,
    CallSort.LAST_EVENT: lambda call: call.last_event_at or 0,
}

some = st.sets(st.integers(0, 60), min_size=1, max_size=12)
minutes = st.integers(-90, 400)
views = st.builds(
    CallQuery,
    search=st.sampled_from([None, "lisbon", "55501", "+1201", "busy", "o"]).map(
        lambda text: text and parse_call_search(text, "US")
    ),
    other_values=st.sampled_from([{}, {}, {"city": ("Lisbon",)}, {"city": ("Oslo", "Rome"), "n": ("1",)}]),
    statuses=st.sampled_from([(), (), ("completed",), ("pending", "busy"), ("in-progress",)]),
    sort_by=st.sampled_from(CallSort),
    sort_order=st.sampled_from(SortOrder),
    page=st.integers(1, 9),
    limit=st.sampled_from([1, 3, 10]),
)


@pytest.fixture(autouse=True)
def short_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of more than eight calls are large ones."""
    for module in (spans, query):
        monkeypatch.setattr(module, "MAX_SPAN", 8)
    monkeypatch.setattr(spans, "NEW_LENGTH", 4)
    monkeypatch.setattr(spans, "LONG", text("calls > 8"))
    monkeypatch.setattr(pages, "MAX_SORTED", 3)
    monkeypatch.setattr(matches, "MAX_READ", 5)


class SimulatedFailure(Exception):
    """A failure before the end of a transaction."""


class Changes(RuleBasedStateMachine):
    """Random changes of two batches of one owner; some fail before they are committed."""

    owner: User

    @initialize()
    def create_batches(self) -> None:
        with write_transaction() as session:
            session.execute(delete(Batch))
            new = [
                {"name": name, "status": "active", "created_at": MAY_2025, "updated_at": MAY_2025}
                for name in ("first", "second")
            ]
            self.keys = [row["key"] for row in insert_batches(session, self.owner.key, new)]

    @contextmanager
    def change(self, fails: bool) -> Iterator[Session]:
        """Open a transaction that may fail."""
        with suppress(SimulatedFailure), write_transaction() as session:
            lock_batch_list(session, self.owner.key)
            yield session
            if fails:
                raise SimulatedFailure

    @rule(
        batch=st.integers(0, 1), city=st.sampled_from(["Lisbon", "Oslo"]), count=st.integers(1, 25), fails=st.booleans()
    )
    def add(self, batch: int, city: str, count: int, fails: bool) -> None:
        with self.change(fails) as session:
            insert_calls(session, self.new_calls(self.keys[batch], city, count))

    @rule(batch=st.integers(0, 1), count=st.integers(1, 5))
    def add_by_the_release_before(self, batch: int, count: int) -> None:
        with self.change(fails=False) as session:
            session.execute(insert(CALLS), self.new_calls(self.keys[batch], "Rome", count))

    def new_calls(self, batch_key: int, city: str, count: int) -> list[dict[str, Any]]:
        return [
            call_row(
                batch_key,
                f"+1{201 + number % 7}55501{number:02}",
                {"city": city, "n": str(number % 3)},
                MAY_2025,
                status=CallStatus.COMPLETED if number % 4 == 1 else CallStatus.PENDING,
                last_event_at=MAY_2025 if number % 4 == 1 else None,
            )
            for number in range(count)
        ]

    @rule(
        chosen=some,
        status=st.sampled_from(CallStatus),
        duration=st.integers(0, 3),
        at=minutes | st.none(),
        answered=minutes | st.none(),
        held=st.none() | st.sampled_from(HeldFor),
        fails=st.booleans(),
    )
    def advance(
        self,
        chosen: set[int],
        status: CallStatus,
        duration: int,
        at: int | None,
        answered: int | None,
        held: HeldFor | None,
        fails: bool,
    ) -> None:
        values = {
            "status": status,
            "duration_seconds": duration,
            "last_event_at": None if at is None else MAY_2025 + at * MINUTE,
            "answered_at": None if answered is None else MAY_2025 + answered * MINUTE,
            "held_for": held,
        }
        with self.change(fails) as session:
            session.execute(update(CALLS).where(CALLS.c.number.in_(chosen)).values(**values))
            derived.divide_calls(session.connection(), self.keys)

    @rule(chosen=some, city=st.sampled_from(["lisbon", "oslo"]))
    def change_texts(self, chosen: set[int], city: str) -> None:
        with self.change(fails=False) as session:
            values = {"search_text": city, "fields": {"city": city.title(), "n": "1"}}
            session.execute(update(CALLS).where(CALLS.c.number.in_(chosen)).values(**values))

    @invariant()
    def check_finds_no_differences(self) -> None:
        assert list(check.find_differences(db.session.connection(), self.owner.key)) == []

    @rule(batch=st.integers(0, 1), view=views)
    def read_a_page(self, batch: int, view: CallQuery) -> None:
        row = self.find(self.keys[batch])
        statement = select(CALLS).where(CALLS.c.batch_key == row.key).order_by(CALLS.c.number)
        calls = db.session.execute(statement).all()
        matching = [call for call in calls if is_match(call, view)]
        shown = [call for call in matching if not view.statuses or call.status in view.statuses]
        shown.sort(key=SORT_KEYS[view.sort_by])
        if view.sort_order is SortOrder.DESC:
            shown.sort(key=lambda call: call.number, reverse=True)
            shown.sort(key=SORT_KEYS[view.sort_by], reverse=True)
        page = query.fetch_page(self.owner.key, row, view)
        first = (view.page - 1) * view.limit
        assert [call.id for call in page.rows] == [call.id for call in shown[first : first + view.limit]]
        assert page.total == len(shown)
        if page.counts is not None:
            assert page.counts == {status: sum(call.status == status for call in matching) for status in CallStatus}
        assert page.batch_counts == {status: sum(call.status == status for call in calls) for status in CallStatus}
        answers = query.count_answers(self.owner.key, row.id)
        picked = [call for call in calls if picked_at(call) is not None]
        assert sum(answers.counts.values()) == len(picked) if answers else not picked
        held = query.count_held(self.owner.key, row.id)
        pending = [call.held_for for call in calls if call.status == CallStatus.PENDING]
        assert held == {reason: pending.count(reason) for reason in HeldFor}

    def find(self, key: int) -> Any:
        return db.session.execute(select(Batch.key, Batch.id).where(Batch.key == key)).one()


def picked_at(call: Any) -> int | None:
    """Return when a call was picked up."""
    if call.status not in PICKED_STATUSES and call.answered_at is None:
        return None
    return call.answered_at if call.answered_at is not None else call.last_event_at


def is_match(call: Any, view: CallQuery) -> bool:
    """Return whether a call matches a search and the values of its fields."""
    search = view.search
    found = search is None or (
        search.text in call.search_text
        or call.status in search.statuses
        or any(form in call.phone_number for form in search.number_forms)
    )
    return found and all(str(call.fields.get(name)) in values for name, values in view.other_values.items())


def test_counts_and_pages_equal_a_full_scan(app: Flask, owner: User) -> None:
    with app.app_context():
        machine = type("Machine", (Changes,), {"owner": owner})
        try:
            run_state_machine_as_test(machine, settings=settings(max_examples=6, stateful_step_count=12, deadline=None))
        finally:
            db.session.rollback()


def test_an_hourly_task_divides_what_an_earlier_release_added(app: Flask, build: Builder, owner: User) -> None:
    batch = build.create_batch(owner)
    rows = [call_row(batch.key, f"+12025550{number:03}", {}, MAY_2025) for number in range(20)]
    with app.app_context():
        with write_transaction() as session:
            session.execute(insert(CALLS), rows)
        assert not query.has_spans(batch.key, 20)
        divide_large_batches()
        assert query.has_spans(batch.key, 20)
        assert spans.find_undivided(db.session.connection()) == []
        db.session.rollback()


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "query_string", ["", "?page=9", "?page=99", *(f"?page=5&sortBy={sort}" for sort in CallSort), "?status=pending"]
)
def test_no_statement_of_a_page_reads_all_calls(
    app: Flask, build: Builder, owner: User, signed_in: FlaskClient, query_string: str
) -> None:
    batch = build.create_batch(owner, total_calls=250, calls_called=0)
    with app.app_context(), write_transaction() as session:
        insert_calls(session, [call_row(batch.key, f"+12025550{number:03}", {}, MAY_2025) for number in range(250)])
    with record_statements(app) as executed:
        assert signed_in.get(f"/batches/{batch.id}{query_string}").status_code in (200, 302)
    with app.app_context():
        for statement, parameters in executed:
            plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            steps = [row.detail for row in plan if re.search(r"\b(calls|attempts)\b", row.detail)]
            assert not [step for step in steps if step.startswith("SCAN")], statement
            is_short = "LIMIT" in statement and "TEMP B-TREE" not in str(steps)
            assert not [step for step in steps if step.endswith("(batch_key=?)") and not is_short], (statement, steps)
        db.session.rollback()


DAMAGES = {
    "the calls of 1 batches are numbered with gaps": update(Call).where(Call.number == 12).values(number=99),
    "1 counts of calls per status are wrong": update(CallCount).values(calls=7),
    "2 counts of answered calls are wrong": delete(CallAnswers),
    "counts of calls in the order by duration are wrong": update(CallSpan).values(calls=1),
}


@pytest.mark.parametrize("message", DAMAGES)
def test_check_finds_differences_and_repair_removes_them(app: Flask, build: Builder, owner: User, message: str) -> None:
    batch = build.create_batch(owner)
    run = app.test_cli_runner().invoke
    with app.app_context(), write_transaction() as session:
        status, at = CallStatus.COMPLETED, MAY_2025
        insert_calls(
            session,
            [
                call_row(batch.key, f"+12025550{number:03}", {}, at, status=status, last_event_at=at)
                for number in range(12)
            ],
        )
        actions.update_counts(session, owner.key, batch.id)
        derived.divide_calls(session.connection(), [batch.key])
    assert run(args=["batch", "check"]).output == "No differences found\n"
    with app.app_context(), write_transaction() as session:
        session.execute(DAMAGES[message])
    assert message in run(args=["batch", "check"]).stdout
    assert run(args=["batch", "check", "--repair"]).output == "No differences found\n"
    with app.app_context():
        page = query.fetch_page(owner.key, batch, replace(query.ALL_CALLS, page=2, limit=5))
        assert [call.number for call in page.rows] == [6, 7, 8, 9, 10]
