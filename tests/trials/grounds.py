"""Databases that trouble can be brought to, each by the means of its engine and of the system that it runs on."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psycopg
from psycopg import sql

from tests.benchmarks.servers import Server
from tests.support.services import AS_ROOT, Missing, unprivileged
from tests.trials.cluster import Cluster, cluster
from tests.trials.servers import kill, workers_of
from tests.trials.slow_line import SlowLine, slow_line
from tests.trials.small_disk import SmallDisk, small_disk

# How long one waits for a lock that others give back soon.
PATIENCE_SECONDS = 60

# Brings one kind of trouble to the database of a server, for as long as its block lasts.
Bringing = Callable[[Server], AbstractContextManager[object]]


@dataclass(frozen=True)
class Ground:
    """A database: its URL, the one by which the portal under trial reaches it, and the trouble it can be brought into.

    `left_out`: which trouble it cannot be brought into here, and why.
    """

    url: str
    served: str
    troubles: Mapping[str, Bringing] = field(default_factory=dict)
    left_out: str = ""


def a_disk(stack: ExitStack, megabytes: int) -> tuple[SmallDisk | None, str]:
    """A small disk for as long as the stack lasts; or none, and why."""
    try:
        return stack.enter_context(small_disk(megabytes)), ""
    except Missing as missing:
        return None, str(missing)


@contextmanager
def on_sqlite(folder: Path, slow_seconds: float, megabytes: int) -> Iterator[Ground]:
    """A file on a disk of its own; in that folder where no disk can be had."""
    with ExitStack() as stack:
        disk, why = a_disk(stack, megabytes)
        file = (disk.folder if disk else folder) / "portal.db"
        url = f"sqlite:///{file}"
        troubles: dict[str, Bringing] = {"slow": lambda _server: another_writer(file, slow_seconds)}
        if disk:
            troubles = {"full": lambda _server: disk.full(), "read-only": partial(read_only_disk, disk)} | troubles
        yield Ground(url, url, troubles, f"full, read-only: {why}" if why else "")


@contextmanager
def another_writer(file: Path, seconds: float) -> Iterator[None]:
    """Somebody else writes to the file for so long, whatever becomes of the block."""
    with closing(sqlite3.connect(file, timeout=PATIENCE_SECONDS, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        yield
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        other.execute("ROLLBACK")


@contextmanager
def read_only_disk(disk: SmallDisk, server: Server) -> Iterator[None]:
    """The disk is read-only. That takes an instant in which nobody writes, so the workers are killed for it, and their
    server is held until it is done."""
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        for pid in workers_of(server):
            kill(pid)
        disk.remount("ro")
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    try:
        yield
    finally:
        disk.remount("rw")


@contextmanager
def on_postgresql(_folder: Path, slow_seconds: float, megabytes: int) -> Iterator[Ground]:
    """A database of a server of its own, on a disk of its own where one can be had, reached by a line that can be slow.

    The server's log of changes lies elsewhere: where that finds no room, PostgreSQL ends itself.
    """
    with ExitStack() as stack:
        server = stack.enter_context(cluster())
        disk, why = a_disk(stack, megabytes)
        if disk:
            make_on(server, disk)
        line = stack.enter_context(slow_line(server.folder / ".s.PGSQL.5432"))
        name = "small" if disk else "postgres"
        troubles: dict[str, Bringing] = {
            "read-only": lambda _server: read_only_server(server),
            "slow": lambda _server: held_tables(server, name, slow_seconds),
            "line": lambda _server: still_line(line, slow_seconds),
        }
        if disk:
            troubles = {"full": lambda _server: disk.full()} | troubles
        yield Ground(
            server.url_of(name),
            f"postgresql+psycopg://postgres@127.0.0.1:{line.port}/{name}",
            troubles,
            f"full: {why}" if why else "",
        )


def tell(server: Cluster, statement: str, name: str = "postgres") -> None:
    """Have the server do something that stands outside every transaction."""
    with psycopg.connect(server.url_of(name).replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(sql.SQL(statement))


def make_on(server: Cluster, disk: SmallDisk) -> None:
    """Make a database on that disk."""
    place = disk.folder / "postgresql"
    place.mkdir()
    if AS_ROOT:
        shutil.chown(place, unprivileged())
    tell(server, f"CREATE TABLESPACE small LOCATION '{place}'")
    tell(server, "CREATE DATABASE small TEMPLATE template0 TABLESPACE small")


@contextmanager
def read_only_server(server: Cluster) -> Iterator[None]:
    """Nothing is written, as on a server that stands by for another."""
    try:
        tell(server, "ALTER SYSTEM SET default_transaction_read_only = on")
        tell(server, "SELECT pg_reload_conf()")
        yield
    finally:
        tell(server, "ALTER SYSTEM RESET default_transaction_read_only")
        tell(server, "SELECT pg_reload_conf()")


@contextmanager
def held_tables(server: Cluster, name: str, seconds: float) -> Iterator[None]:
    """For so long nobody gets at the batches."""
    with psycopg.connect(server.url_of(name).replace("+psycopg", "")) as other:
        other.execute("LOCK TABLE batches")
        began = time.monotonic()
        yield
        time.sleep(max(0.0, began + seconds - time.monotonic()))


@contextmanager
def still_line(line: SlowLine, seconds: float) -> Iterator[None]:
    """For so long nothing comes from the server, nor goes to it."""
    with line.still():
        began = time.monotonic()
        yield
        time.sleep(max(0.0, began + seconds - time.monotonic()))
