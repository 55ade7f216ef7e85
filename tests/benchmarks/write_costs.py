"""The cost of a write in the portal's own tables with all derived data.

The same write is measured in the same table with its indexes but without derived data, and in the peers' plain table
with one index.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

from portal.batches import derived
from portal.models.base import OWNER_SHIFT
from portal.text import fold
from tests.benchmarks.bulk_load import format_timestamp
from tests.benchmarks.databases import BenchmarkDatabases, DatabaseUrls, open_engine
from tests.benchmarks.driver_connection import DriverConnection
from tests.benchmarks.request_kinds import BenchmarkUser

SINGLE, GROUPED = "1 per transaction", "100 per transaction"
GROUP = 100
STATUSES = ("active", "paused", "stopped", "completed")

Costs = dict[tuple[str, str, str], float]  # table, write, writes per transaction: seconds per write


class PortalTable:
    name = "portal"

    def __init__(self, connection: DriverConnection, user: BenchmarkUser) -> None:
        self.connection = connection
        self.user = user
        first = user.key << OWNER_SHIFT
        self.keys = connection.column("SELECT key FROM batches WHERE key BETWEEN ? AND ?", (first, first + user.size))

    def insert(self, turn: int) -> None:
        """Insert a batch as the portal does: reserve a number, then insert the row."""
        seconds = "UPDATE batch_lists SET next_number = next_number + 1 WHERE owner_key = ? RETURNING next_number"
        number = self.connection.column(seconds, (self.user.key,))[0] - 1
        name, created_at = f"Spring renewal {turn}", self.user.end_ms + turn
        self.connection.run(
            "INSERT INTO batches (key, id, owner_key, name, name_folded, status, total_calls, calls_called,"
            " calls_picked, calls_completed, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, 'pending', 0, 0, 0, 0, ?, ?)",
            (
                (self.user.key << OWNER_SHIFT) + number,
                new_id(),
                self.user.key,
                name,
                fold(name),
                created_at,
                created_at,
            ),
        )

    def change_status(self, turn: int) -> None:
        """Change the status of a batch."""
        values = (STATUSES[turn % 4], self.user.end_ms + turn, self.keys[turn * 7919 % len(self.keys)])
        self.connection.run("UPDATE batches SET status = ?, updated_at = ? WHERE key = ?", values)


class IndexedTable(PortalTable):
    """The same table with the same indexes, without derived data."""

    name = "indexed"


class PlainTable:
    name = "plain"

    def __init__(self, connection: DriverConnection, user: BenchmarkUser) -> None:
        self.connection = connection
        self.user = user
        self.keys = connection.column("SELECT id FROM batches WHERE user_id = ? ORDER BY id", (user.key,))

    def insert(self, turn: int) -> None:
        """Insert a batch."""
        created_at = format_timestamp(self.user.end_ms + turn)
        self.connection.run(
            "INSERT INTO batches (public_id, user_id, name, status, total_calls, calls_picked, calls_completed,"
            " created_at, updated_at, deleted) VALUES (?, ?, ?, 'pending', 0, 0, 0, ?, ?, ?)",
            (new_id(), self.user.key, f"Spring renewal {turn}", created_at, created_at, False),
        )

    def change_status(self, turn: int) -> None:
        """Another status for one of the batches."""
        created_at = format_timestamp(self.user.end_ms + turn)
        values = (STATUSES[turn % 4], created_at, self.keys[turn * 7919 % len(self.keys)])
        self.connection.run("UPDATE batches SET status = ?, updated_at = ? WHERE id = ?", values)


def new_id() -> str:
    return secrets.token_hex(12)


def measure(databases: BenchmarkDatabases, urls: DatabaseUrls, user: BenchmarkUser, count: int) -> Costs:
    """Return the median seconds of each kind of write in each table, measured on copies in `rounds` rounds."""
    found: dict[tuple[str, str, str], list[float]] = {}
    with copies(databases, urls) as urls:
        writers = [DriverConnection(url) for url in urls]
        kinds = (PortalTable, IndexedTable, PlainTable)
        tables = [kind(connection, user) for kind, connection in zip(kinds, writers, strict=True)]
        rng = random.Random(3)
        turn = 0
        for number in range(count + 1):
            for table in rng.sample(tables, len(tables)):
                for change in ("insert", "change_status"):
                    for mode, times, group in ((SINGLE, 20, 1), (GROUPED, 1, GROUP)):
                        seconds = repeat(table.connection, getattr(table, change), turn, times, group)
                        turn += times * group
                        if number:
                            found.setdefault((table.name, change, mode), []).extend(seconds)
        for connection in writers:
            connection.close()
    return {key: median(seconds) for key, seconds in found.items()}


def repeat(
    connection: DriverConnection, change: Callable[[int], None], first: int, times: int, group: int
) -> list[float]:
    """Return the seconds per write of some transactions of `group` writes each."""
    seconds = []
    for number in range(times):
        started = time.perf_counter()
        with connection.transaction():
            for turn in range(group):
                change(first + number * group + turn)
        seconds.append((time.perf_counter() - started) / group)
    return seconds


@contextmanager
def copies(databases: BenchmarkDatabases, urls: DatabaseUrls) -> Iterator[tuple[str, str, str]]:
    """Copy the portal's database twice, remove the derived data of the second copy, and copy the plain table."""
    with (
        databases.temporary_copy(urls.portal, "portal") as portal,
        databases.temporary_copy(urls.portal, "indexed") as indexed,
        databases.temporary_copy(urls.plain, "bare") as plain,
    ):
        engine = open_engine(indexed)
        with engine.begin() as connection:
            derived.remove_derived(connection)
        engine.dispose()
        yield portal, indexed, plain
