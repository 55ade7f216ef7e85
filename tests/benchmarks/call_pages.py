"""`make bench-calls`: what pages of a batch cost as it grows from 1,000 calls to 1,000,000, in process.

Environment variables: SHAPE (full or small), ROUNDS, ENGINES (sqlite, postgresql, or both with a comma). Only the full
shape on both engines writes docs/benchmarks-calls.md; every other run only prints its report.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from flask import Flask
from sqlalchemy import text

from portal.accounts.query import find_user_by_email
from portal.batches import actions
from portal.batches.actions import insert_batches
from portal.calls import derived
from portal.calls.query.matches import read_texts
from portal.db.transactions import lift_time_limit, write_transaction
from portal.extensions import db
from portal.models import Batch, User
from portal.times import now_ms
from tests.benchmarks.bulk_load import run_maintenance
from tests.benchmarks.databases import ROOT
from tests.benchmarks.report import ENGINES, describe_machine, describe_versions, print_line, table
from tests.support.builders import Builder
from tests.support.databases import DATABASES, portal_on, temporary_database
from tests.support.postgresql import SERVER_URL, shared_server
from tests.support.sessions import sign_in

SIZES = {"full": (1_000, 1_000_000), "small": (1_000, 20_000)}
LIMIT = 10
FEW = 13
SORTS = ("phoneNumber", "callStatus", "callDuration", "lastEventAt")

INTRODUCTION = """# Benchmarks of a batch's calls

`make bench-calls` compares a batch of {small:,} calls with one of {large:,}, of one owner, in one database: medians of
{rounds} requests of each view, in turn, in process, with warm caches. Times are processor times of the portal and of
the database. "First time" means that the search is not remembered. Six calls of ten have ended; {few} calls of each
batch have the plan `rare`, a tenth is in Lisbon.

{machine}, {versions}.
"""


@dataclass(frozen=True)
class View:
    """A view of a batch, in the API or as a page; `page` is the share of the pages of the whole batch before it."""

    name: str
    parameters: dict[str, str]
    page: float = 0
    as_page: bool = False
    first_time: bool = False

    def path(self, batch: Batch, size: int) -> str:
        """Return the address of the view."""
        pages = -(-size // LIMIT)
        values = self.parameters | {"page": str(max(round(self.page * pages), 1)), "limit": str(LIMIT)}
        query = "&".join(f"{name}={value}" for name, value in values.items())
        return f"/batches/{batch.id}?{query}" if self.as_page else f"/api/call/batch-details/{batch.id}?{query}"


PLACES = {"first": 0.0, "middle": 0.5, "last": 1.0}


def list_views() -> Iterator[View]:
    """Iterate over the measured views."""
    for name, place in PLACES.items():
        yield View(f"API, {name} page", {}, place)
        yield View(f"API, one status, {name} page", {"filter": '{"callStatus":"completed"}'}, place / 3)
    for sort in SORTS:
        for order in ("asc", "desc"):
            for name, place in PLACES.items():
                yield View(f"API, by {sort} {order}, {name} page", {"sortBy": sort, "sortOrder": order}, place)
    yield View(
        "API, one status by callDuration, middle page",
        {"filter": '{"callStatus":"completed"}', "sortBy": "callDuration"},
        0.16,
    )
    for name, place in PLACES.items():
        yield View(f"API, one field's value, {name} page", {"filter": '{"city":"lisbon"}'}, place / 12)
    yield View("API, search, few matches", {"search": "rare"})
    yield View("API, search, many matches", {"search": "lisbon"}, 0.04)
    yield View("API, search, few matches, first time", {"search": "rare"}, first_time=True)
    yield View("API, search, many matches, first time", {"search": "lisbon"}, first_time=True)
    yield View("page of the batch", {}, as_page=True)
    yield View("page of the batch, last page", {}, 1.0, as_page=True)
    yield View("page of the batch, one status", {"status": "completed"}, as_page=True)
    yield View("page of the batch, search, few matches", {"search": "rare"}, as_page=True)


# Calls as the portal inserts them; `{number}` is 1, 2, 3 …, and `{chance}` a number that looks random.
COLUMNS = """batch_key, number, id, phone_number, status, duration_seconds, attempts, last_event_at, due_at, created_at,
    fields, search_text, zone_set"""
CALL = """
    SELECT :batch, number, {id}, phone, status,
        CASE WHEN status IN ('completed', 'dropped') THEN 1 + chance % 600 ELSE 0 END,
        CASE WHEN status = 'pending' THEN 0 ELSE 1 END,
        CASE WHEN status <> 'pending' THEN :now - chance % 432000000 END, 0, :now,
        {fields}, phone || '{break}contact ' || number || '{break}' || city || '{break}' || plan, 'America/New_York'
    FROM (
        SELECT number, chance, '+1' || (201 + number % 790) || '55501' || (10 + chance % 90) AS phone,
            CASE WHEN number % 10 >= 6 THEN 'pending' WHEN chance % 11 < 6 THEN 'completed'
                WHEN chance % 11 < 9 THEN 'no-answer' WHEN chance % 11 = 9 THEN 'busy' ELSE 'dropped' END AS status,
            CASE WHEN chance % 10 = 3 THEN 'lisbon' ELSE 'berlin' END AS city,
            CASE WHEN number % :part = 5 AND number < :part * {few} THEN 'rare' ELSE 'plus' END AS plan
        FROM ({numbers}) numbers
    ) calls_of_batch"""
NUMBERS = "SELECT number, (number * 7919 + number / 13 * 104729) % 1000003 AS chance FROM ({series}) series"
DIALECTS = {
    "sqlite": {
        "id": "lower(hex(randomblob(12)))",
        "fields": "json_object('city', city, 'plan', plan, 'name', 'Contact ' || number)",
        "break": "' || char(10) || '",
        "series": "WITH RECURSIVE up (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM up WHERE number < :size)"
        " SELECT number FROM up",
    },
    "postgresql": {
        "id": "substr(md5(:batch || ' ' || number), 1, 24)",
        "fields": "json_build_object('city', city, 'plan', plan, 'name', 'Contact ' || number)",
        "break": "' || chr(10) || '",
        "series": "SELECT generate_series(1, CAST(:size AS bigint)) AS number",
    },
}


def load(app: Flask, owner: User, size: int) -> Batch:
    """Create a batch of that size, and count its calls as `batch check --repair` does."""
    now = now_ms()
    columns = {"name": f"{size} calls", "status": "paused", "created_at": now, "updated_at": now}
    with app.app_context():
        with write_transaction() as session:
            connection = session.connection()
            lift_time_limit(connection)
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA cache_size = -400000")
            (row,) = insert_batches(session, owner.key, [columns])
            derived.remove_triggers(connection)
            words = DIALECTS[connection.dialect.name]
            numbers = NUMBERS.format(series=words["series"])
            calls = CALL.format(**words, numbers=numbers, few=FEW)
            values = {"batch": row["key"], "now": now, "part": size // FEW, "size": size}
            connection.execute(text(f"INSERT INTO calls ({COLUMNS}) {calls}"), values)
            derived.rebuild_derived(connection)
            derived.install_triggers(connection)
            actions.update_counts(session, owner.key, row["id"])
        batch = db.session.get(Batch, row["key"])
        db.session.expunge(batch)
    return batch


class CpuClock:
    """The processor time of this process and of its connections to PostgreSQL, so that other load does not count."""

    def __init__(self, app: Flask) -> None:
        self.processes: list[Path] = []
        with app.app_context(), db.engine.connect() as connection:
            if db.engine.dialect.name == "postgresql":
                query = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
                pids = connection.execute(query).scalars()
                self.processes = [Path(f"/proc/{pid}/schedstat") for pid in pids]

    def read(self) -> float:
        """Return the time in seconds."""
        return time.process_time() + sum(int(path.read_text().split()[0]) for path in self.processes) / 1e9


def load_batches(app: Flask, sizes: tuple[int, int]) -> tuple[list[Batch], str]:
    """Create an owner with batches of these sizes; return them, and a sentence on their size in the database."""
    owner = Builder(app).create_user()
    before = database_size(app)
    batches = [load(app, owner, size) for size in sizes]
    with app.app_context():
        run_maintenance(db.engine)
    return batches, f"{(database_size(app) - before) / sum(sizes):.0f} bytes a call."


def measure(app: Flask, batches: list[Batch], sizes: tuple[int, int], rounds: int) -> dict[str, list[float]]:
    """Return the median seconds of each view, by size."""
    with app.app_context():
        owner = find_user_by_email("owner@example.com")
        token = Builder(app).create_token(owner)
    clients = {False: app.test_client(), True: sign_in(app, owner)}
    headers = {False: {"Authorization": f"Bearer {token}"}, True: {}}
    clients[False].get(f"/api/call/batch-details/{batches[0].id}", headers=headers[False])
    clock = CpuClock(app)
    times: dict[str, list[float]] = {}
    for view in list_views():
        samples: list[list[float]] = [[], []]
        for turn in range(3 if view.first_time else rounds + 2):
            for index, batch in enumerate(batches):
                if view.first_time:
                    read_texts.cache_clear()
                started = clock.read()
                path = view.path(batch, sizes[index])
                response = clients[view.as_page].get(path, headers=headers[view.as_page])
                seconds = clock.read() - started
                assert response.status_code == 200, (view.name, response.text[:300])
                if view.first_time or turn >= 2:
                    samples[index].append(seconds)
        times[view.name] = [median(one) for one in samples]
        small, large = times[view.name]
        print_line(f"{view.name}: {small * 1e3:.2f} ms, {large * 1e3:.2f} ms, {large / small:.2f}x")
    return times


def database_size(app: Flask) -> int:
    """Return the bytes of the database."""
    with app.app_context(), db.engine.connect() as connection:
        if db.engine.dialect.name == "postgresql":
            return connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        pages = connection.execute(text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"))
        return pages.scalar_one()


def format_report(results: dict[str, Any], sizes: tuple[int, int], rounds: int) -> str:
    """Return the report as Markdown."""
    small, large = sizes
    versions = describe_versions({engine: version for engine, (version, *_) in results.items()})
    parts = [
        INTRODUCTION.format(
            small=small, large=large, rounds=rounds, few=FEW, machine=describe_machine(), versions=versions
        )
    ]
    for engine, (_version, times, note) in results.items():
        rows = [
            (name, f"{one * 1e3:.2f} ms", f"{other * 1e3:.2f} ms", f"{other / one:.2f}x")
            for name, (one, other) in times.items()
        ]
        head = (ENGINES[engine], f"{small:,} calls", f"{large:,} calls", "growth")
        parts += [f"## {ENGINES[engine]}\n", table(head, rows), f"\n{note}\n"]
    return "\n".join(parts)


def main() -> None:
    """Run the benchmark that the environment variables describe."""
    shape = os.environ.get("SHAPE") or "full"
    sizes, rounds = SIZES[shape], int(os.environ.get("ROUNDS") or 25)
    engines = (os.environ.get("ENGINES") or ",".join(DATABASES)).split(",")
    results: dict[str, Any] = {}
    for engine in engines:
        with ExitStack() as stack:
            if engine == "postgresql":
                os.environ[SERVER_URL] = stack.enter_context(shared_server())
            app = stack.enter_context(portal_on(stack.enter_context(temporary_database(engine)), durable=False))
            with app.app_context(), db.engine.connect() as connection:
                query = "SELECT sqlite_version()" if engine == "sqlite" else "SHOW server_version"
                version = str(connection.execute(text(query)).scalar()).split()[0]
            batches, note = load_batches(app, sizes)
            results[engine] = (version, measure(app, batches, sizes, rounds), note)
    report = format_report(results, sizes, rounds)
    print_line(report)
    if shape == "full" and set(engines) == set(DATABASES):
        (ROOT / "docs" / "benchmarks-calls.md").write_text(report)


if __name__ == "__main__":
    main()
