"""The databases that are measured: built once, kept, and copied for what changes them."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from flask_migrate import upgrade
from sqlalchemy import Engine, create_engine

from portal import create_app
from portal.config import database_url
from portal.extensions import db
from tests.benchmarks import load
from tests.benchmarks.data import Shape

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "bench"

# What the data are made of: whoever changes it measures new data.
DATA_SOURCES = [ROOT / "tests" / "benchmarks" / name for name in ("data.py", "names.py", "load.py")]
SCHEMA_SOURCES = [
    *sorted((ROOT / "migrations" / "versions").glob("*.py")),
    *sorted((ROOT / "portal" / "batches" / "kept").glob("*.py")),
    ROOT / "portal" / "text.py",
]

Say = Callable[[str], None]


def fingerprint(sources: list[Path]) -> str:
    """Changes with every change of these files."""
    return sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:8]


def end_of(shape: Shape) -> int:
    """The moment, in milliseconds, at which the data of that shape end: when they were first built."""
    path = BUILD / f"{shape.name}-{fingerprint(DATA_SOURCES)}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"end_ms": time.time_ns() // 1_000_000}))
    return json.loads(path.read_text())["end_ms"]


@dataclass(frozen=True)
class Store:
    """The databases of one engine, as URLs: the portal's, the plain table's, and the one with a covering index."""

    engine: str
    portal: str
    bare: str
    covered: str


class Keeper:
    """Makes, finds and copies databases of one engine; `address` leads from a database's name to its URL."""

    def __init__(self, engine: str, address: Callable[[str], str], say: Say) -> None:
        self.engine = engine
        self.address = address
        self.say = say

    def store(self, shape: Shape) -> Store:
        """The databases of that shape, built where they are not there yet; older ones of the shape are removed."""
        end_ms, data = end_of(shape), fingerprint(DATA_SOURCES)
        plans: dict[str, tuple[str, Callable[[str], None]]] = {
            "portal": (fingerprint([*DATA_SOURCES, *SCHEMA_SOURCES]), lambda url: build_portal(url, shape, end_ms)),
            "bare": (data, lambda url: build_peers(url, shape, end_ms, load.BARE_INDEX)),
            "covered": (data, lambda url: build_peers(url, shape, end_ms, load.COVERING_INDEX)),
        }
        found = {}
        for kind, (mark, build) in plans.items():
            prefix = f"{shape.name}_{kind}_"
            self.keep(prefix, mark, build)
            found[kind] = self.address(prefix + mark)
        return Store(self.engine, **found)

    def keep(self, prefix: str, mark: str, build: Callable[[str], None]) -> None:
        """The database `prefix + mark`, built under another name so that half a one is never taken for whole."""
        names = self.names()
        for name in names:
            if name.startswith((prefix, "half_")) and name != prefix + mark:
                self.remove(name)
        if prefix + mark in names:
            return
        self.say(f"building {prefix}{mark} on {self.engine} …")
        started = time.monotonic()
        self.create("half_built")
        build(self.address("half_built"))
        self.rename("half_built", prefix + mark)
        self.say(f"  built in {time.monotonic() - started:,.0f} s")

    @contextmanager
    def scratch(self, url: str, kind: str) -> Iterator[str]:
        """A copy of a database that may be written to; removed with the block."""
        copy = f"half_{kind}"
        self.copy(next(name for name in self.names() if self.address(name) == url), copy)
        try:
            yield self.address(copy)
        finally:
            self.remove(copy)

    def names(self) -> list[str]:
        """The databases that are there."""
        raise NotImplementedError

    def create(self, name: str) -> None:
        """An empty database."""
        raise NotImplementedError

    def rename(self, old: str, new: str) -> None:
        """Give a database another name."""
        raise NotImplementedError

    def copy(self, name: str, other: str) -> None:
        """A second database with the same in it."""
        raise NotImplementedError

    def remove(self, name: str) -> None:
        """Remove a database."""
        raise NotImplementedError


class SqliteKeeper(Keeper):
    """One file for each database."""

    def __init__(self, folder: Path, say: Say) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        super().__init__("sqlite", lambda name: f"sqlite:///{self.path(name)}", say)

    def path(self, name: str) -> Path:
        """The file of a database."""
        return self.folder / f"{name}.db"

    def names(self) -> list[str]:
        return [path.stem for path in self.folder.glob("*.db")]

    def create(self, name: str) -> None:
        self.remove(name)

    def rename(self, old: str, new: str) -> None:
        self.path(old).rename(self.path(new))

    def copy(self, name: str, other: str) -> None:
        self.remove(other)
        with sqlite3.connect(self.path(name)) as source:  # what touches left in its log goes into the file first
            source.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        source.close()
        shutil.copyfile(self.path(name), self.path(other))
        os.sync()  # or the copy's own pages would reach the disk while it is measured

    def remove(self, name: str) -> None:
        for ending in ("", "-wal", "-shm"):
            Path(f"{self.path(name)}{ending}").unlink(missing_ok=True)


class PostgresqlKeeper(Keeper):
    """Databases of one server."""

    def __init__(self, template: str, say: Say) -> None:
        super().__init__("postgresql", lambda name: template.format(name=name), say)
        self.server = engine_of(self.address("postgres"))

    def run(self, statement: str) -> list[str]:
        """Run one statement outside a transaction; returns its first column."""
        with self.server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            result = connection.exec_driver_sql(statement)
            return [row[0] for row in result] if result.returns_rows else []

    def names(self) -> list[str]:
        return self.run("SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'")

    def create(self, name: str) -> None:
        self.run(f"CREATE DATABASE {name} TEMPLATE template0")

    def rename(self, old: str, new: str) -> None:
        self.run(f"ALTER DATABASE {old} RENAME TO {new}")

    def copy(self, name: str, other: str) -> None:
        self.run(f"CREATE DATABASE {other} TEMPLATE {name}")
        self.run("CHECKPOINT")

    def remove(self, name: str) -> None:
        self.run(f"DROP DATABASE {name} WITH (FORCE)")


def engine_of(url: str) -> Engine:
    """An engine for a database, with nothing of the portal's in it."""
    return create_engine(database_url(url, BUILD))


def build_portal(url: str, shape: Shape, end_ms: int) -> None:
    """The portal's schema by its migrations, then the rows."""
    environ = {"DATABASE_URL": url, "SECRET_KEY": "measured", "LOG_LEVEL": "WARNING"}
    app = create_app(environ=environ)
    with app.app_context():
        upgrade()
        load.load_portal(db.engine, shape, end_ms)
        db.engine.dispose()


def build_peers(url: str, shape: Shape, end_ms: int, index: str) -> None:
    """The plain table with one index."""
    engine = engine_of(url)
    load.load_peers(engine, shape, end_ms, index)
    engine.dispose()
