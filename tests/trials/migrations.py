"""Downgrade and upgrade through every migration while clients read and write: equal data, no long wait."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from threading import Event, Thread
from typing import Any
from unittest.mock import patch

from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from portal.batches.actions import call_row, insert_batches, insert_calls
from portal.db import schema_changes
from portal.db.transactions import WRITE_OPTIONS, write_transaction
from portal.extensions import db
from portal.models import Batch, QueueStatus, User
from portal.models import call as columns
from portal.models.base import OWNER_SHIFT
from portal.version import ROOT
from tests.support.builders import MAY_2025, MINUTE, Builder
from tests.trials.app import open_app
from tests.trials.lost_writes import phone_number_at
from tests.trials.trial import Conditions, Outcome, Trial

CALLS = 3  # of each batch
BATCHES_PER_TRANSACTION = 1000
FIRST = "0001"  # before it there are no tables

# The longest allowed wait. The short form runs beside other tests, on machines of any kind.
LIMIT_SECONDS = 2.0
SHORT_LIMIT_SECONDS = 15.0
BROKEN_LIMIT_SECONDS = 1.0

# The condition that excludes the writer's rows of each table (`owner` is the writer's key).
OTHER_ROWS = {
    "users": "key <> :owner",
    "batch_lists": "owner_key <> :owner",
    "batch_counts": "owner_key <> :owner",
    "batches": "owner_key <> :owner",
    "calls": f"batch_key >> {OWNER_SHIFT} <> :owner",
    "tokens": "user_key <> :owner",
}

# Columns that a migration fills, so they must be equal after the last upgrade.
FILLED_COLUMNS = {"calls": {"search_text", "number"}}


class ConcurrentTraffic:
    """A reader and a writer that use only what every schema has, and their longest waits."""

    def __init__(self, app: Flask, owner_key: int, batch: Batch) -> None:
        self.app, self.owner_key, self.batch = app, owner_key, batch
        self.stopping = Event()
        self.executed = 0
        self.longest = {"reads": 0.0, "writes": 0.0}
        self.failures: list[str] = []
        self.threads = [Thread(target=self.repeat, args=(kind,)) for kind in self.longest]

    def __enter__(self) -> ConcurrentTraffic:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def repeat(self, kind: str) -> None:
        """Run transactions one after the other."""
        execute_task = {"reads": self.read, "writes": self.write}[kind]
        while not self.stopping.is_set():
            try:
                with self.app.app_context():
                    execute_task()
            except SQLAlchemyError as error:
                self.failures.append(f"{kind}: {type(error).__name__} {error.orig}")
                return
            self.executed += 1
            time.sleep(0.005)

    @contextmanager
    def timed(self, kind: str) -> Iterator[None]:
        """Time a statement."""
        started = time.monotonic()
        yield
        self.longest[kind] = max(self.longest[kind], time.monotonic() - started)

    def read(self) -> None:
        """Read a page of batches and the calls of the first one."""
        page = text("SELECT key FROM batches WHERE owner_key = :owner ORDER BY created_at DESC, id DESC LIMIT 10")
        calls = text("SELECT phone_number, status FROM calls WHERE batch_key = :batch")
        with db.engine.connect() as connection:
            with self.timed("reads"):
                keys = connection.execute(page, {"owner": self.owner_key}).scalars().all()
            with self.timed("reads"):
                connection.execute(calls, {"batch": keys[0]}).all()

    def write(self) -> None:
        """Rename a batch and change its call, with the list of its owner locked first, as every release does."""
        named = {"batch": self.batch.key, "name": f"name {self.executed}", "owner": self.batch.key >> OWNER_SHIFT}
        changes = (
            text("UPDATE batch_lists SET owner_key = owner_key WHERE owner_key = :owner"),
            text("UPDATE batches SET name = :name WHERE key = :batch"),
            text("UPDATE calls SET attempts = attempts + 1 WHERE batch_key = :batch"),
        )
        with db.engine.connect().execution_options(**WRITE_OPTIONS[db.engine.dialect.name]) as connection:
            for change in changes:
                with self.timed("writes"):
                    connection.execute(change, named)
            with self.timed("writes"):
                connection.commit()


def run(conditions: Conditions) -> Outcome:
    """Fill a database, downgrade it to the first schema and upgrade it again, and compare the data after each step."""
    limit = (
        LIMIT_SECONDS if conditions.full else BROKEN_LIMIT_SECONDS if conditions.stop_at_first else SHORT_LIMIT_SECONDS
    )
    failures: list[str] = []
    with open_app(conditions.database) as app:
        owner, writer, batch = fill(app, conditions.count)
        with app.app_context():
            before = compute_checksums(writer.key)
        with ConcurrentTraffic(app, owner.key, batch) as traffic, app.app_context():
            for step, revision in steps():
                step(revision=revision)
                now = compute_checksums(writer.key)
                conditions.report_progress(f"{step.__name__} to {revision}: {traffic.longest}")
                failures += [
                    f"{table}.{column} changed after {step.__name__} to {revision}"
                    for (table, column), checksum in now.items()
                    if checksum != before[table, column]
                    and (revision == "head" or column not in FILLED_COLUMNS.get(table, ()))
                ]
        failures += traffic.failures
        failures += [f"{kind} took {seconds:.1f} s" for kind, seconds in traffic.longest.items() if seconds > limit]
        failures += [] if traffic.executed else ["no statement was executed"]
        with app.app_context():
            missing = sorted(set(before) - set(compute_checksums(writer.key)))
        failures += [f"{table}.{column} is gone" for table, column in missing]
    figures = {kind: f"at most {seconds:.2f} s" for kind, seconds in traffic.longest.items()}
    return Outcome(conditions.count, failures, figures)


def fill(app: Flask, batches: int) -> tuple[User, User, Batch]:
    """Create an owner with many batches, and a writer with one batch of one call."""
    build = Builder(app)
    owner, writer = build.create_user("owner"), build.create_user("writer")
    build.create_token(owner)
    batch = build.create_batch(writer, "written to", total_calls=1)
    build.create_call(batch)
    add_batches(app, owner, batches)
    return owner, writer, batch


def add_batches(app: Flask, owner: User, batches: int) -> None:
    """Create batches with calls."""
    for first in range(0, batches, BATCHES_PER_TRANSACTION):
        numbers = range(first, min(first + BATCHES_PER_TRANSACTION, batches))
        with app.app_context(), write_transaction() as session:
            rows = insert_batches(session, owner.key, [batch_columns(number) for number in numbers])
            pairs = zip(numbers, rows, strict=True)
            insert_calls(session, [call for number, row in pairs for call in call_columns(number, row["key"])])


def batch_columns(number: int) -> dict[str, Any]:
    """Return the columns of a batch."""
    at = MAY_2025 + number * MINUTE
    status = list(QueueStatus)[number % 5]
    return {
        "name": f"Campaign {number}",
        "status": status,
        "created_at": at,
        "updated_at": at,
        "total_calls": CALLS,
    }


def call_columns(number: int, batch_key: int) -> list[dict[str, Any]]:
    """Return the rows of a batch's calls."""
    fields = {"city": "Évora", "row": number}
    return [call_row(batch_key, phone_number_at(number * CALLS + offset), fields, MAY_2025) for offset in range(CALLS)]


def steps() -> Iterator[tuple[Any, str]]:
    """Return each downgrade to the first schema, then each upgrade."""
    revisions = [found.revision for found in ScriptDirectory(str(ROOT / "migrations")).walk_revisions(FIRST, "heads")]
    yield from ((downgrade, revision) for revision in revisions[1:])
    yield from ((upgrade, revision) for revision in reversed(revisions[1:-1]))
    yield upgrade, "head"


def compute_checksums(owner_key: int) -> dict[tuple[str, str], str]:
    """Return a checksum of each column that every schema has, without the rows of one owner."""
    found: dict[tuple[str, str], str] = {}
    inspector = inspect(db.engine)
    with db.engine.connect() as connection:
        for table, traffic in OTHER_ROWS.items():
            names = sorted(
                column["name"] for column in inspector.get_columns(table) if is_in_every_schema(table, column["name"])
            )
            order = ", ".join(inspector.get_pk_constraint(table)["constrained_columns"])
            digests = {name: sha256() for name in names}
            everything = text(f"SELECT {', '.join(names)} FROM {table} WHERE {traffic} ORDER BY {order}")
            with connection.execution_options(yield_per=10_000).execute(everything, {"owner": owner_key}) as rows:
                for row in rows:
                    for name, value in zip(names, row, strict=True):
                        digests[name].update(repr(value).encode())
            found |= {(table, name): digest.hexdigest() for name, digest in digests.items()}
    return found


# Columns that the first schema does not have; a downgrade removes them.
LATER_COLUMNS = {
    "users": {"region", "is_admin", "totp_secret", "totp_step", "temporary_until"},
    "batches": {"settings"},
    "calls": {"answered_at", "due_at", "zone_set", "held_for"},
}


def is_in_every_schema(table: str, column: str) -> bool:
    """Return whether the column exists in every schema or is filled by the upgrade."""
    return column not in LATER_COLUMNS.get(table, ())


@contextmanager
def hold_locks() -> Iterator[None]:
    """Hold the locks of a migration that writes many rows."""

    def hold() -> None:
        time.sleep(BROKEN_LIMIT_SECONDS * 2)

    with patch.object(schema_changes, "commit_progress", hold):
        yield


TRIAL = Trial(
    name="migrations",
    title="up, down, up through every migration on a filled database",
    passes_when="equal data, no lock over 2 s",
    unit="batches",
    full=100_000,
    short=200,
    run=run,
    defects={
        "a migration holds its locks": hold_locks,
        "a migration writes other values": partial(patch.object, columns, "search_text", lambda *_: "?"),
    },
)
