"""Down and up through every migration on a filled database while others read and write: equal data, no long wait."""

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
from tests.trials.acknowledged import number_at
from tests.trials.databases import open_app
from tests.trials.trial import Conditions, Outcome, Trial

CALLS = 3  # of each batch
AT_ONCE = 1000
FIRST = "0001"  # below it there are no tables

# No statement of others may wait longer. The short form runs beside other tests, on machines of any kind.
LIMIT_SECONDS = 2.0
SHORT_LIMIT_SECONDS = 15.0
BROKEN_LIMIT_SECONDS = 1.0

# How the rows of each table are told from those of whoever writes meanwhile (`owner` is their key).
OTHERS = {
    "users": "key <> :owner",
    "batch_lists": "owner_key <> :owner",
    "batch_counts": "owner_key <> :owner",
    "batches": "owner_key <> :owner",
    "calls": f"batch_key >> {OWNER_SHIFT} <> :owner",
    "tokens": "user_key <> :owner",
}

# Written by a migration, so that it must be there again after the way down and up.
DERIVED = {"calls": {"search_text"}}


class Others:
    """Someone who reads and someone who writes, all the while, what every schema has; and how long they waited."""

    def __init__(self, app: Flask, owner_key: int, batch: Batch) -> None:
        self.app, self.owner_key, self.batch = app, owner_key, batch
        self.stopping = Event()
        self.asked = 0
        self.longest = {"reads": 0.0, "writes": 0.0}
        self.failures: list[str] = []
        self.threads = [Thread(target=self.go_on, args=(what,)) for what in self.longest]

    def __enter__(self) -> Others:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def go_on(self, what: str) -> None:
        """One transaction after the other, each statement timed."""
        ask = {"reads": self.read, "writes": self.write}[what]
        while not self.stopping.is_set():
            try:
                with self.app.app_context():
                    ask()
            except SQLAlchemyError as error:
                self.failures.append(f"{what}: {type(error).__name__} {error.orig}")
                return
            self.asked += 1
            time.sleep(0.005)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """One statement."""
        began = time.monotonic()
        yield
        self.longest[what] = max(self.longest[what], time.monotonic() - began)

    def read(self) -> None:
        """A page of batches, and the calls of its first."""
        page = text("SELECT key FROM batches WHERE owner_key = :owner ORDER BY created_at DESC, id DESC LIMIT 10")
        calls = text("SELECT phone_number, status FROM calls WHERE batch_key = :batch")
        with db.engine.connect() as connection:
            with self.timed("reads"):
                keys = connection.execute(page, {"owner": self.owner_key}).scalars().all()
            with self.timed("reads"):
                connection.execute(calls, {"batch": keys[0]}).all()

    def write(self) -> None:
        """A batch renamed, and its call tried again."""
        named = {"batch": self.batch.key, "name": f"name {self.asked}"}
        changes = (
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
    """Fill a database, take it down to the first schema and up again, step by step, and compare at each."""
    limit = LIMIT_SECONDS if conditions.full else BROKEN_LIMIT_SECONDS if conditions.first else SHORT_LIMIT_SECONDS
    failures: list[str] = []
    with open_app(conditions.database) as app:
        owner, writer, batch = fill(app, conditions.count)
        with app.app_context():
            before = sums(writer.key)
        with Others(app, owner.key, batch) as others, app.app_context():
            for step, revision in steps():
                step(revision=revision)
                now = sums(writer.key)
                conditions.tell(f"{step.__name__} to {revision}: {others.longest}")
                failures += [
                    f"{table}.{column} is another after {step.__name__} to {revision}"
                    for (table, column), told in now.items()
                    if told != before[table, column] and (revision == "head" or column not in DERIVED.get(table, ()))
                ]
        failures += others.failures
        failures += [f"{what} took {took:.1f} s" for what, took in others.longest.items() if took > limit]
        failures += [] if others.asked else ["nobody asked anything"]
        with app.app_context():
            missing = sorted(set(before) - set(sums(writer.key)))
        failures += [f"{table}.{column} is gone" for table, column in missing]
    figures = {what: f"at most {took:.2f} s" for what, took in others.longest.items()}
    return Outcome(conditions.count, failures, figures)


def fill(app: Flask, batches: int) -> tuple[User, User, Batch]:
    """An owner with so many batches, and one who will write meanwhile, with a batch of a call."""
    build = Builder(app)
    owner, writer = build.create_user("owner"), build.create_user("writer")
    build.create_token(owner)
    batch = build.create_batch(writer, "written to", total_calls=1)
    build.create_call(batch)
    add_ballast(app, owner, batches)
    return owner, writer, batch


def add_ballast(app: Flask, owner: User, batches: int) -> None:
    """So many batches of an owner, each with some calls."""
    for first in range(0, batches, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, batches))
        with app.app_context(), write_transaction() as session:
            rows = insert_batches(session, owner.key, [batch_at(number) for number in numbers])
            pairs = zip(numbers, rows, strict=True)
            insert_calls(session, [call for number, row in pairs for call in calls_at(number, row["key"])])


def batch_at(number: int) -> dict[str, Any]:
    """The columns of a batch."""
    at = MAY_2025 + number * MINUTE
    status = list(QueueStatus)[number % 5]
    return {
        "name": f"Campaign {number}",
        "status": status,
        "created_at": at,
        "updated_at": at,
        "total_calls": CALLS,
    }


def calls_at(number: int, batch_key: int) -> list[dict[str, Any]]:
    """Return the rows of its calls."""
    fields = {"city": "Évora", "row": number}
    return [call_row(batch_key, number_at(number * CALLS + offset), fields, MAY_2025) for offset in range(CALLS)]


def steps() -> Iterator[tuple[Any, str]]:
    """Each migration down to the first schema, then each up again."""
    revisions = [found.revision for found in ScriptDirectory(str(ROOT / "migrations")).walk_revisions(FIRST, "heads")]
    yield from ((downgrade, revision) for revision in revisions[1:])
    yield from ((upgrade, revision) for revision in reversed(revisions[1:-1]))
    yield upgrade, "head"


def sums(owner_key: int) -> dict[tuple[str, str], str]:
    """A checksum over each column of each table that every schema has, but for the rows of one owner."""
    found: dict[tuple[str, str], str] = {}
    inspector = inspect(db.engine)
    with db.engine.connect() as connection:
        for table, others in OTHERS.items():
            names = sorted(
                column["name"] for column in inspector.get_columns(table) if kept_through(table, column["name"])
            )
            order = ", ".join(inspector.get_pk_constraint(table)["constrained_columns"])
            digests = {name: sha256() for name in names}
            everything = text(f"SELECT {', '.join(names)} FROM {table} WHERE {others} ORDER BY {order}")
            with connection.execution_options(yield_per=10_000).execute(everything, {"owner": owner_key}) as rows:
                for row in rows:
                    for name, value in zip(names, row, strict=True):
                        digests[name].update(repr(value).encode())
            found |= {(table, name): digest.hexdigest() for name, digest in digests.items()}
    return found


# What each table has at the first schema, as its migration says; what came later goes on the way down.
LATER = {
    "users": {"region", "is_admin", "totp_secret", "totp_step"},
    "batches": {"settings"},
}


def kept_through(table: str, column: str) -> bool:
    """Whether the column is there at every schema, or is written anew on the way up."""
    return column not in LATER.get(table, ())


@contextmanager
def holding() -> Iterator[None]:
    """A migration that writes many rows keeps everything to itself for a while."""

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
    broken={
        "a fill holds what it has written": holding,
        "a fill writes something else": partial(patch.object, columns, "search_text", lambda *_: "?"),
    },
)
