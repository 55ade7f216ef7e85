"""What a change costs in the portal's own tables, with all that is kept beside them.

Against the same table with its indexes and nothing kept, and against the peers' plain table with one index.
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
from tests.benchmarks.asks import User
from tests.benchmarks.load import moment
from tests.benchmarks.stores import Keeper, Store, engine_of
from tests.benchmarks.writer import Writer

SINGLE, GROUPED = "one a transaction", "100 a transaction"
GROUP = 100
STATUSES = ("active", "paused", "stopped", "completed")

Costs = dict[tuple[str, str, str], float]  # table, change, how many a transaction: seconds a change


class PortalTable:
    """A user's batches in the portal's tables."""

    name = "portal"

    def __init__(self, writer: Writer, user: User) -> None:
        self.writer = writer
        self.user = user
        first = user.key << OWNER_SHIFT
        self.keys = writer.column("SELECT key FROM batches WHERE key BETWEEN ? AND ?", (first, first + user.size))

    def insert(self, turn: int) -> None:
        """A batch, made as the portal makes one: a number is taken, then the row is written."""
        taken = "UPDATE batch_lists SET next_number = next_number + 1 WHERE owner_key = ? RETURNING next_number"
        number = self.writer.column(taken, (self.user.key,))[0] - 1
        name, made = f"Spring renewal {turn}", self.user.end_ms + turn
        self.writer.run(
            "INSERT INTO batches (key, id, owner_key, name, name_folded, status, total_calls, calls_called,"
            " calls_picked, calls_completed, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?, 'pending', 0, 0, 0, 0, ?, ?)",
            ((self.user.key << OWNER_SHIFT) + number, new_id(), self.user.key, name, fold(name), made, made),
        )

    def change_status(self, turn: int) -> None:
        """Another status for one of the batches."""
        values = (STATUSES[turn % 4], self.user.end_ms + turn, self.keys[turn * 7919 % len(self.keys)])
        self.writer.run("UPDATE batches SET status = ?, updated_at = ? WHERE key = ?", values)


class IndexedTable(PortalTable):
    """The same table with the same indexes, and nothing kept beside it."""

    name = "indexed"


class PlainTable:
    """A user's batches in the peers' table with its one index."""

    name = "plain"

    def __init__(self, writer: Writer, user: User) -> None:
        self.writer = writer
        self.user = user
        self.keys = writer.column("SELECT id FROM batches WHERE user_id = ? ORDER BY id", (user.key,))

    def insert(self, turn: int) -> None:
        """A batch."""
        made = moment(self.user.end_ms + turn)
        self.writer.run(
            "INSERT INTO batches (public_id, user_id, name, status, total_calls, calls_picked, calls_completed,"
            " created_at, updated_at, deleted) VALUES (?, ?, ?, 'pending', 0, 0, 0, ?, ?, ?)",
            (new_id(), self.user.key, f"Spring renewal {turn}", made, made, False),
        )

    def change_status(self, turn: int) -> None:
        """Another status for one of the batches."""
        made = moment(self.user.end_ms + turn)
        values = (STATUSES[turn % 4], made, self.keys[turn * 7919 % len(self.keys)])
        self.writer.run("UPDATE batches SET status = ?, updated_at = ? WHERE id = ?", values)


def new_id() -> str:
    """A public id."""
    return secrets.token_hex(12)


def measure(keeper: Keeper, store: Store, user: User, count: int) -> Costs:
    """The median seconds of each kind of change in each table, on copies, all in turn, `count` rounds."""
    found: dict[tuple[str, str, str], list[float]] = {}
    with copies(keeper, store) as urls:
        writers = [Writer(url) for url in urls]
        kinds = (PortalTable, IndexedTable, PlainTable)
        tables = [kind(writer, user) for kind, writer in zip(kinds, writers, strict=True)]
        chance = random.Random(3)
        turn = 0
        for number in range(count + 1):
            for table in chance.sample(tables, len(tables)):
                for change in ("insert", "change_status"):
                    for mode, times, group in ((SINGLE, 20, 1), (GROUPED, 1, GROUP)):
                        taken = repeat(table.writer, getattr(table, change), turn, times, group)
                        turn += times * group
                        if number:
                            found.setdefault((table.name, change, mode), []).extend(taken)
        for writer in writers:
            writer.close()
    return {key: median(taken) for key, taken in found.items()}


def repeat(writer: Writer, change: Callable[[int], None], first: int, times: int, group: int) -> list[float]:
    """Seconds a change, of so many transactions of `group` changes; one alone is a transaction by itself."""
    taken = []
    for number in range(times):
        started = time.perf_counter()
        with writer.transaction():
            for turn in range(group):
                change(first + number * group + turn)
        taken.append((time.perf_counter() - started) / group)
    return taken


@contextmanager
def copies(keeper: Keeper, store: Store) -> Iterator[tuple[str, str, str]]:
    """Copies of the portal's database, of it with nothing kept, and of the plain table."""
    with (
        keeper.scratch(store.portal, "portal") as portal,
        keeper.scratch(store.portal, "indexed") as indexed,
        keeper.scratch(store.bare, "bare") as bare,
    ):
        engine = engine_of(indexed)
        with engine.begin() as connection:
            derived.remove_derived(connection)
        engine.dispose()
        yield portal, indexed, bare
