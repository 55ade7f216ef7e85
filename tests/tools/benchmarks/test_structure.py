"""Small runs of the benchmark's data and requests. They count what the database reads; they measure no time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from portal.extensions import db
from portal.text import fold
from tests.benchmarks import bulk_load
from tests.benchmarks.batch_data import BatchRow, Shape, batches
from tests.benchmarks.request_kinds import (
    GROWING,
    KINDS,
    MANY_AGAIN,
    RANGE,
    SORTS,
    BenchmarkUser,
    ListView,
    RequestKind,
    measured_users,
)
from tests.benchmarks.systems import ListPage, Portal, PortalFragment
from tests.support.caches import clear_query_caches
from tests.support.sessions import sign_in
from tests.support.statements import record_statements
from tests.support.timed_client import TimedResponse

END_MS = 1_760_000_000_000
SHAPE = Shape("tests", (2_000, 6_000), 8, 9_000)
ALL_KINDS = [kind.name for kind in KINDS.values()]
CONSTANT_KINDS = [kind.name for kind in (*GROWING, *SORTS, MANY_AGAIN)]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, make_app: Callable[[str], Flask]) -> Flask:
    """An app with the benchmark's data."""
    app = make_app(request.param)
    with app.app_context():
        bulk_load.load_portal(db.engine, SHAPE, END_MS)
    return app


@pytest.fixture(scope="module")
def rows() -> dict[int, list[BatchRow]]:
    """The live batches of each user."""
    found: dict[int, list[BatchRow]] = {}
    for row in batches(SHAPE, END_MS):
        if row.deleted_at is None:
            found.setdefault(row.owner_key, []).append(row)
    return found


USERS = measured_users(SHAPE, END_MS)


def expected_page(rows: list[BatchRow], view: ListView) -> ListPage:
    """Return the expected page of a view, by a scan of every row."""
    folded = fold(view.search)
    found = [
        row
        for row in rows
        if (folded in fold(row.name) or folded in row.status)
        and row.status in (view.status or row.status)
        and (view.since_ms is None or row.created_at >= view.since_ms)
    ]
    column = {"updatedAt": "updated_at", "batchName": "name", "totalCalls": "total_calls"}.get(
        view.sort_by, "created_at"
    )

    def key(row: BatchRow) -> tuple[Any, str]:
        value = getattr(row, column)
        return (fold(value) if column == "name" else value, row.id)

    found.sort(key=key, reverse=view.sort_order != "asc")
    return ListPage(len(found), [row.id for row in found[(view.page - 1) * 10 : view.page * 10]])


@pytest.mark.parametrize("name", ALL_KINDS)
@pytest.mark.parametrize("user", USERS, ids=lambda user: f"{user.size} batches")
def test_json_and_fragment_equal_a_scan_of_every_row(
    filled: Flask, rows: dict[int, list[BatchRow]], user: BenchmarkUser, name: str
) -> None:
    view = KINDS[name].at(user, 0)
    expected = expected_page(rows[user.key], view)
    json_answer = filled.test_client().get(Portal().address(user, view), headers=Portal().headers(user))
    assert Portal().read(TimedResponse(200, b"", json_answer.data, 0)) == expected
    fragment = PortalFragment()
    page = browser(filled, user).get(fragment.address(user, view), headers={"HX-Request": "true"})
    assert fragment.read(TimedResponse(200, b"", page.data, 0)) == expected


def browser(app: Flask, user: BenchmarkUser) -> Any:
    """Return a client with a session of the user."""
    browsers = app.extensions.setdefault("browsers", {})
    if user.key not in browsers:
        browsers[user.key] = sign_in(app, SimpleNamespace(email=bulk_load.email(user.key)), bulk_load.PASSWORD)
    return browsers[user.key]


# --- amount of data read ---------------------------------------------------------------------------------------------


def selects(app: Flask, user: BenchmarkUser, kind: RequestKind) -> list[tuple[str, Any]]:
    """Return the queries of a request of that kind, with cold caches except for the request before it."""
    client, portal = app.test_client(), Portal()
    for warm_up_view in (ListView(), ListView(search="learn")):  # the portal records the token's use once
        client.get(portal.address(user, warm_up_view), headers=portal.headers(user))
    clear_query_caches()
    if kind.before:
        client.get(portal.address(user, kind.before), headers=portal.headers(user))
    with record_statements(app) as executed:
        response = client.get(portal.address(user, kind.at(user, 0)), headers=portal.headers(user))
    assert response.status_code == 200
    return [pair for pair in executed if pair[0].lstrip("(").startswith(("SELECT", "WITH"))]


def count_steps(app: Flask, statements: list[tuple[str, Any]]) -> int:
    """Return the number of steps of SQLite's virtual machine for these queries."""
    count = [0]

    def step() -> int:
        count[0] += 1
        return 0

    with app.app_context():
        path = db.engine.url.database
    connection = sqlite3.connect(path)
    connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    connection.set_progress_handler(step, 1)
    for statement, values in statements:
        connection.execute(statement, values).fetchall()
    connection.close()
    return count[0]


def count_rows_read(app: Flask, statements: list[tuple[str, Any]]) -> int:
    """Return the number of rows that PostgreSQL reads from tables and indexes for these queries."""
    with app.app_context(), db.engine.connect() as connection:
        plans = []
        for statement, values in statements:
            explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"
            (plan,) = connection.exec_driver_sql(explain, values).one()
            plans += plan if isinstance(plan, list) else json.loads(plan)
    return sum(count_rows(plan["Plan"]) for plan in plans)


def count_rows(node: dict[str, Any]) -> int:
    """Return the number of rows that a node of a plan and its children read."""
    own = 0
    if "Scan" in node["Node Type"] and "CTE" not in node["Node Type"] and "Subquery" not in node["Node Type"]:
        own = int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
    return own + sum(count_rows(below) for below in node.get("Plans", ()))


@pytest.mark.parametrize("name", CONSTANT_KINDS)
def test_reads_do_not_grow_with_the_list(filled: Flask, name: str) -> None:
    kind = KINDS[name]
    small, large = (selects(filled, user, kind) for user in USERS)
    assert len(small) == len(large)
    on_sqlite = filled.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite")
    read = count_steps if on_sqlite else count_rows_read
    minimum = 600 if on_sqlite else 100  # the cost of one page
    if kind is RANGE:  # counts at most about 150 time spans, which fill up as batches do
        minimum = 20_000 if on_sqlite else 200
    assert read(filled, large) <= 1.5 * max(read(filled, small), minimum)


@pytest.mark.parametrize("name", ALL_KINDS)
def test_every_select_has_an_index(filled: Flask, name: str) -> None:
    on_sqlite = filled.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite")
    for statement, values in selects(filled, USERS[-1], KINDS[name]):
        with filled.app_context(), db.engine.connect() as connection:
            if on_sqlite:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
                details = [row.detail for row in plan]
                tables = ("SCAN batches", "SCAN users", "SCAN tokens", "SCAN batch_lists", "SCAN batch_counts")
                assert not [line for line in details if line in tables], details
            else:
                connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # else PostgreSQL scans so small a table
                (plan,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).one()
                assert "Seq Scan" not in json.dumps(plan), plan
