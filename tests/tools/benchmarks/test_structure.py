"""The benchmark's own data and requests, a small run of them: what is read is counted, never how long it takes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from portal.extensions import db
from portal.text import fold
from tests.benchmarks import load
from tests.benchmarks.asks import GROWING, KINDS, MANY_AGAIN, RANGE, SORTS, Kind, User, View, measured_users
from tests.benchmarks.client import Answer
from tests.benchmarks.contenders import Found, Portal, PortalFragment
from tests.benchmarks.data import BatchRow, Shape, batches
from tests.conftest import sign_in
from tests.support.caches import REMEMBERED

END_MS = 1_760_000_000_000
SHAPE = Shape("tests", (2_000, 6_000), 8, 9_000)
EVERY_TURN = [kind.name for kind in KINDS.values()]
GROWING_LITTLE = [kind.name for kind in (*GROWING, *SORTS, MANY_AGAIN)]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, make_app: Callable[[str], Flask]) -> Flask:
    """An app over the benchmark's data."""
    app = make_app(request.param)
    with app.app_context():
        load.load_portal(db.engine, SHAPE, END_MS)
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


def forget() -> None:
    """Nothing that was counted before is remembered."""
    for remembered in REMEMBERED:
        remembered.cache_clear()


def model(rows: list[BatchRow], view: View) -> Found:
    """What a view shows, by reading every row."""
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
    return Found(len(found), [row.id for row in found[(view.page - 1) * 10 : view.page * 10]])


@pytest.mark.parametrize("name", EVERY_TURN)
@pytest.mark.parametrize("user", USERS, ids=lambda user: f"{user.size} batches")
def test_json_and_fragment_show_what_reading_every_row_finds(
    filled: Flask, rows: dict[int, list[BatchRow]], user: User, name: str
) -> None:
    view = KINDS[name].at(user, 0)
    expected = model(rows[user.key], view)
    json_answer = filled.test_client().get(Portal().address(user, view), headers=Portal().headers(user))
    assert Portal().read(Answer(200, b"", json_answer.data, 0)) == expected
    fragment = PortalFragment()
    page = browser(filled, user).get(fragment.address(user, view), headers={"HX-Request": "true"})
    assert fragment.read(Answer(200, b"", page.data, 0)) == expected


def browser(app: Flask, user: User) -> Any:
    """A client with a session of the user."""
    browsers = app.extensions.setdefault("browsers", {})
    if user.key not in browsers:
        browsers[user.key] = sign_in(app, SimpleNamespace(email=load.email(user.key)), load.PASSWORD)
    return browsers[user.key]


# --- how much is read -----------------------------------------------------------------------------------------------


@contextmanager
def noted(app: Flask) -> Iterator[list[tuple[str, Any]]]:
    """The selects that are run meanwhile, with their values."""
    found: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, values: Any, *_rest: object) -> None:
        if statement.lstrip("(").startswith(("SELECT", "WITH")):
            found.append((statement, values))

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


def selects(app: Flask, user: User, kind: Kind) -> list[tuple[str, Any]]:
    """What a request of that kind asks of the database, when nothing is remembered but what was asked just before."""
    client, portal = app.test_client(), Portal()
    for learnt in (View(), View(search="learn")):  # the token's use is written down, the index of names is known by now
        client.get(portal.address(user, learnt), headers=portal.headers(user))
    forget()
    if kind.before:
        client.get(portal.address(user, kind.before), headers=portal.headers(user))
    with noted(app) as found:
        answer = client.get(portal.address(user, kind.at(user, 0)), headers=portal.headers(user))
    assert answer.status_code == 200
    return found


def steps(app: Flask, statements: list[tuple[str, Any]]) -> int:
    """How many steps SQLite's machine takes for these statements."""
    taken = [0]

    def step() -> int:
        taken[0] += 1
        return 0

    with app.app_context():
        path = db.engine.url.database
    connection = sqlite3.connect(path)
    connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    connection.set_progress_handler(step, 1)
    for statement, values in statements:
        connection.execute(statement, values).fetchall()
    connection.close()
    return taken[0]


def rows_read(app: Flask, statements: list[tuple[str, Any]]) -> int:
    """How many rows PostgreSQL reads from tables and indexes for these statements."""
    with app.app_context(), db.engine.connect() as connection:
        plans = []
        for statement, values in statements:
            explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"
            (told,) = connection.exec_driver_sql(explain, values).one()
            plans += told if isinstance(told, list) else json.loads(told)
    return sum(scanned(plan["Plan"]) for plan in plans)


def scanned(node: dict[str, Any]) -> int:
    """The rows that a node of a plan and those below it take from tables and indexes."""
    own = 0
    if "Scan" in node["Node Type"] and "CTE" not in node["Node Type"] and "Subquery" not in node["Node Type"]:
        own = int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
    return own + sum(scanned(below) for below in node.get("Plans", ()))


@pytest.mark.parametrize("name", GROWING_LITTLE)
def test_what_is_read_does_not_grow_with_the_list(filled: Flask, name: str) -> None:
    kind = KINDS[name]
    small, large = (selects(filled, user, kind) for user in USERS)
    assert len(small) == len(large)
    on_sqlite = filled.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite")
    read = steps if on_sqlite else rows_read
    least = 600 if on_sqlite else 100  # what is below is a page and what stands beside it
    if kind is RANGE:  # counted from spans of time, some hundred and fifty at most, that fill up as the batches do
        least = 20_000 if on_sqlite else 200
    assert read(filled, large) <= 1.5 * max(read(filled, small), least)


@pytest.mark.parametrize("name", EVERY_TURN)
def test_every_select_has_an_index(filled: Flask, name: str) -> None:
    on_sqlite = filled.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite")
    for statement, values in selects(filled, USERS[-1], KINDS[name]):
        with filled.app_context(), db.engine.connect() as connection:
            if on_sqlite:
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
                told = [row.detail for row in plan]
                tables = ("SCAN batches", "SCAN users", "SCAN tokens", "SCAN batch_lists", "SCAN batch_counts")
                assert not [line for line in told if line in tables], told
            else:
                connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # so small a table is read whole, else
                (told,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).one()
                assert "Seq Scan" not in json.dumps(told), told
