"""The databases of the benchmark: built once, reused, and copied for measurements that write."""

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
from portal.version import ROOT
from tests.benchmarks import bulk_load
from tests.benchmarks.batch_data import Shape
from tests.support.databases import SECRET_KEY

BUILD = ROOT / "build" / "bench"

# The data are built from these files: changes in them change the data.
DATA_SOURCES = [ROOT / "tests" / "benchmarks" / name for name in ("batch_data.py", "campaign_names.py", "bulk_load.py")]
SCHEMA_SOURCES = [
    *sorted((ROOT / "migrations" / "versions").glob("*.py")),
    *sorted((ROOT / "portal" / "batches" / "derived").glob("*.py")),
    ROOT / "portal" / "text.py",
]
UNFINISHED = "half_"  # the prefix of databases that are being built, or are copies

ReportProgress = Callable[[str], None]


def fingerprint(sources: list[Path]) -> str:
    """Return a text that changes with every change of these files."""
    return sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:8]


def data_end_ms(shape: Shape) -> int:
    """Return the time, in milliseconds, at which the data of that shape end: the time of their first build."""
    path = BUILD / f"{shape.name}-{fingerprint(DATA_SOURCES)}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"end_ms": time.time_ns() // 1_000_000}))
    return json.loads(path.read_text())["end_ms"]


@dataclass(frozen=True)
class DatabaseUrls:
    """The URLs of one engine's databases: the portal's, the plain table's, and that with a covering index."""

    engine: str
    portal: str
    plain: str
    covering: str


class BenchmarkDatabases:
    """Builds, finds and copies the databases of one engine. `url_of` maps a database's name to its URL."""

    def __init__(self, engine: str, url_of: Callable[[str], str], report_progress: ReportProgress) -> None:
        self.engine = engine
        self.url_of = url_of
        self.report_progress = report_progress

    def prepare(self, shape: Shape) -> DatabaseUrls:
        """Build the missing databases of that shape, and remove outdated ones."""
        end_ms, data = data_end_ms(shape), fingerprint(DATA_SOURCES)
        plans: dict[str, tuple[str, Callable[[str], None]]] = {
            "portal": (fingerprint([*DATA_SOURCES, *SCHEMA_SOURCES]), lambda url: build_portal(url, shape, end_ms)),
            "plain": (data, lambda url: build_peers(url, shape, end_ms, bulk_load.LIST_INDEX)),
            "covering": (data, lambda url: build_peers(url, shape, end_ms, bulk_load.COVERING_INDEX)),
        }
        urls = {}
        for kind, (version, build) in plans.items():
            prefix = f"{shape.name}_{kind}_"
            self.build_if_missing(prefix, version, build)
            urls[kind] = self.url_of(prefix + version)
        return DatabaseUrls(self.engine, **urls)

    def build_if_missing(self, prefix: str, version: str, build: Callable[[str], None]) -> None:
        """Build the database `prefix + version`, under a temporary name until it is complete."""
        names = self.names()
        for name in names:
            if name.startswith((prefix, UNFINISHED)) and name != prefix + version:
                self.remove(name)
        if prefix + version in names:
            return
        self.report_progress(f"building {prefix}{version} on {self.engine} …")
        started = time.monotonic()
        unfinished = f"{UNFINISHED}built"
        self.create(unfinished)
        build(self.url_of(unfinished))
        self.rename(unfinished, prefix + version)
        self.report_progress(f"  built in {time.monotonic() - started:,.0f} s")

    @contextmanager
    def temporary_copy(self, url: str, kind: str) -> Iterator[str]:
        """Yield the URL of a copy that may be changed; it is removed after the block."""
        copy = f"{UNFINISHED}{kind}"
        self.copy(next(name for name in self.names() if self.url_of(name) == url), copy)
        try:
            yield self.url_of(copy)
        finally:
            self.remove(copy)

    def names(self) -> list[str]:
        """Return the names of the databases."""
        raise NotImplementedError

    def create(self, name: str) -> None:
        """Create an empty database."""
        raise NotImplementedError

    def rename(self, old: str, new: str) -> None:
        """Rename a database."""
        raise NotImplementedError

    def copy(self, name: str, copy: str) -> None:
        """Copy a database."""
        raise NotImplementedError

    def remove(self, name: str) -> None:
        """Remove a database."""
        raise NotImplementedError


class SqliteDatabases(BenchmarkDatabases):
    """One file for each database."""

    def __init__(self, folder: Path, report_progress: ReportProgress) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        super().__init__("sqlite", lambda name: f"sqlite:///{self.path(name)}", report_progress)

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.db"

    def names(self) -> list[str]:
        return [path.stem for path in self.folder.glob("*.db")]

    def create(self, name: str) -> None:
        self.remove(name)

    def rename(self, old: str, new: str) -> None:
        self.path(old).rename(self.path(new))

    def copy(self, name: str, copy: str) -> None:
        self.remove(copy)
        with sqlite3.connect(self.path(name)) as source:  # the write-ahead log is not copied
            source.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        source.close()
        shutil.copyfile(self.path(name), self.path(copy))
        os.sync()  # or the copy would be written to disk during the measurement

    def remove(self, name: str) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.path(name)}{suffix}").unlink(missing_ok=True)


class PostgresqlDatabases(BenchmarkDatabases):
    """The databases of one server."""

    def __init__(self, url_of: Callable[[str], str], report_progress: ReportProgress) -> None:
        super().__init__("postgresql", url_of, report_progress)
        self.server = open_engine(self.url_of("postgres"))

    def run(self, statement: str) -> list[str]:
        """Run one statement outside a transaction; return its first column."""
        with self.server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            result = connection.exec_driver_sql(statement)
            return [row[0] for row in result] if result.returns_rows else []

    def names(self) -> list[str]:
        return self.run("SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'")

    def create(self, name: str) -> None:
        self.run(f"CREATE DATABASE {name} TEMPLATE template0")

    def rename(self, old: str, new: str) -> None:
        self.run(f"ALTER DATABASE {old} RENAME TO {new}")

    def copy(self, name: str, copy: str) -> None:
        self.run(f"CREATE DATABASE {copy} TEMPLATE {name}")
        self.run("CHECKPOINT")

    def remove(self, name: str) -> None:
        self.run(f"DROP DATABASE {name} WITH (FORCE)")


def open_engine(url: str) -> Engine:
    """Return an engine without the portal's event handlers."""
    return create_engine(database_url(url, BUILD))


def build_portal(url: str, shape: Shape, end_ms: int) -> None:
    """Create the portal's schema with its migrations and insert the rows."""
    app = create_app(environ={"DATABASE_URL": url, "SECRET_KEY": SECRET_KEY, "LOG_LEVEL": "WARNING"})
    with app.app_context():
        upgrade()
        bulk_load.load_portal(db.engine, shape, end_ms)
        db.engine.dispose()


def build_peers(url: str, shape: Shape, end_ms: int, index: str) -> None:
    """Create the plain table with one index and insert the rows."""
    engine = open_engine(url)
    bulk_load.load_peers(engine, shape, end_ms, index)
    engine.dispose()
