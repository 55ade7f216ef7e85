"""Databases that can be made to fail, by the means of their engine and of the operating system."""

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

from tests.support.faults.small_disk import SmallDisk, small_disk
from tests.support.faults.stalling_proxy import StallingProxy, stalling_proxy
from tests.support.missing import ServiceMissing
from tests.support.postgresql import AS_ROOT, PostgresqlServer, temporary_server, unprivileged_user
from tests.support.servers import ServerProcess, kill

LOCK_TIMEOUT_SECONDS = 60

# Causes an outage of a portal server's database for the duration of its block.
Outage = Callable[[ServerProcess], AbstractContextManager[object]]


@dataclass(frozen=True)
class FaultyDatabase:
    """A database: its URL, the URL for the portal under trial, and its possible outages.

    `untested`: the outages that are not possible here, and why.
    """

    url: str
    portal_url: str
    outages: Mapping[str, Outage] = field(default_factory=dict)
    untested: str = ""


def mount_disk(stack: ExitStack, megabytes: int) -> tuple[SmallDisk | None, str]:
    """Mount a small disk until the stack closes; or return None and the reason."""
    try:
        return stack.enter_context(small_disk(megabytes)), ""
    except ServiceMissing as missing:
        return None, str(missing)


@contextmanager
def sqlite_with_faults(folder: Path, slow_seconds: float, megabytes: int) -> Iterator[FaultyDatabase]:
    """Yield a file on its own disk; in `folder` if no disk can be mounted."""
    with ExitStack() as stack:
        disk, reason = mount_disk(stack, megabytes)
        file = (disk.folder if disk else folder) / "portal.db"
        url = f"sqlite:///{file}"
        outages: dict[str, Outage] = {"slow": lambda _server: lock_file(file, slow_seconds)}
        if disk:
            outages = {"full": lambda _server: disk.full(), "read-only": partial(read_only_disk, disk)} | outages
        yield FaultyDatabase(url, url, outages, f"full, read-only: {reason}" if reason else "")


@contextmanager
def lasting(seconds: float) -> Iterator[None]:
    """Extend the block to a number of seconds."""
    end = time.monotonic() + seconds
    yield
    time.sleep(max(0.0, end - time.monotonic()))


@contextmanager
def lock_file(file: Path, seconds: float) -> Iterator[None]:
    """Hold SQLite's write lock."""
    with closing(sqlite3.connect(file, timeout=LOCK_TIMEOUT_SECONDS, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        with lasting(seconds):
            yield
        connection.execute("ROLLBACK")


@contextmanager
def read_only_disk(disk: SmallDisk, server: ServerProcess) -> Iterator[None]:
    """Make the disk read-only.

    That is possible only while no process writes, so the workers are killed, and gunicorn is paused so that it starts
    no new ones meanwhile.
    """
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        for pid in server.workers():
            kill(pid)
        disk.remount("ro")
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    try:
        yield
    finally:
        disk.remount("rw")


@contextmanager
def postgresql_with_faults(_folder: Path, slow_seconds: float, megabytes: int) -> Iterator[FaultyDatabase]:
    """Yield a database of its own server, on its own disk if one can be mounted, behind a proxy that can stall.

    The server's write-ahead log is on another disk: PostgreSQL stops when that is full.
    """
    with ExitStack() as stack:
        server = stack.enter_context(temporary_server(durable=True))
        disk, reason = mount_disk(stack, megabytes)
        if disk:
            create_database_on(server, disk)
        proxy = stack.enter_context(stalling_proxy(server.sockets / ".s.PGSQL.5432"))
        name = "small" if disk else "postgres"
        outages: dict[str, Outage] = {
            "read-only": lambda _server: read_only_server(server),
            "slow": lambda _server: lock_tables(server, name, slow_seconds),
            "line": lambda _server: stall_connections(proxy, slow_seconds),
        }
        if disk:
            outages = {"full": lambda _server: disk.full()} | outages
        portal_url = f"postgresql://postgres@127.0.0.1:{proxy.port}/{name}"
        yield FaultyDatabase(server.url_of(name), portal_url, outages, f"full: {reason}" if reason else "")


def create_database_on(server: PostgresqlServer, disk: SmallDisk) -> None:
    """Create a database on that disk."""
    folder = disk.folder / "postgresql"
    folder.mkdir()
    if AS_ROOT:
        shutil.chown(folder, unprivileged_user())
    server.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
    server.execute("CREATE DATABASE small TEMPLATE template0 TABLESPACE small")


@contextmanager
def read_only_server(server: PostgresqlServer) -> Iterator[None]:
    """Refuse writes, as a standby server does."""
    try:
        server.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        server.execute("SELECT pg_reload_conf()")
        yield
    finally:
        server.execute("ALTER SYSTEM RESET default_transaction_read_only")
        server.execute("SELECT pg_reload_conf()")


@contextmanager
def lock_tables(server: PostgresqlServer, database: str, seconds: float) -> Iterator[None]:
    """Lock the table of batches."""
    with psycopg.connect(server.url_of(database)) as connection:
        connection.execute("LOCK TABLE batches")
        with lasting(seconds):
            yield


@contextmanager
def stall_connections(proxy: StallingProxy, seconds: float) -> Iterator[None]:
    """Stop all traffic between the portal and the server."""
    with proxy.stalled(), lasting(seconds):
        yield
