"""Compares what is kept with the rows that it is kept of, by reading every one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Row, select

from portal.batches.derived import engine_module
from portal.batches.derived.time_buckets import COARSE_BITS, FINE_BITS
from portal.calls.query import NO_CALLS, CallCounts, count_by_batch
from portal.db.transactions import lift_time_limit, write_transaction
from portal.extensions import db
from portal.live import Deleted, live_batches
from portal.models import Batch, BatchBucket, BatchList, QueueStatus, User
from portal.models.base import OWNER_SHIFT
from portal.text import fold

CHECKED = (
    Batch.key,
    Batch.id,
    Batch.name,
    Batch.name_folded,
    Batch.status,
    Batch.created_at,
    Batch.deleted_at,
    Batch.total_calls,
    Batch.calls_called,
    Batch.calls_picked,
    Batch.calls_completed,
)
ROWS_AT_ONCE = 10_000

# (span length, span number, status) -> live batches
Buckets = Counter[tuple[int, int, str]]

Advance = Callable[[int], object]


@dataclass
class Scan:
    """What one owner's rows add up to, and the rows that disagree with themselves: by name, or by their calls."""

    spans: Buckets = field(default_factory=Counter)
    last_number: int = 0
    misfolded: list[Row] = field(default_factory=list)
    miscounted: list[tuple[Row, CallCounts]] = field(default_factory=list)

    @property
    def live(self) -> dict[str, int]:
        """The live batches per status."""
        counts = Counter[str]()
        for (bits, _number, status), found in self.spans.items():
            counts[status] += found if bits == COARSE_BITS else 0
        return {status: counts[status] for status in QueueStatus}


def list_owners() -> list[tuple[int, str]]:
    """The key and address of everybody who can have batches."""
    return [(key, email) for key, email in db.session.execute(select(User.key, User.email).order_by(User.key))]


def estimate_batch_count() -> int:
    """About how many batches there are to be read: every number that was given out."""
    return sum(db.session.execute(select(BatchList.next_number)).scalars()) or 1


def find_all_differences(advance: Advance) -> Iterator[str]:
    """Whatever is kept and is not so, a sentence each, as of one moment. `advance` is told of the batches read."""
    lift_time_limit(db.session.connection())
    yield from missing_triggers()
    for owner_key, email in list_owners():
        yield from find_differences(owner_key, email, advance)
    with write_transaction():  # SQLite checks an index of this kind by a statement that writes
        yield from find_name_index_differences()


def find_differences(owner_key: int, email: str, advance: Advance) -> Iterator[str]:
    """What is kept for an owner and is not so, a sentence each. `advance` is told of the batches read."""
    scan = read_rows(owner_key, advance)
    yield from (f"{email}: batch {row.id} cannot be found by its name" for row in scan.misfolded)
    yield from (f"{email}: batch {row.id} has other calls than its counts say" for row, _counts in scan.miscounted)
    kept = db.session.execute(select(BatchList.__table__).where(BatchList.owner_key == owner_key)).one_or_none()
    if kept is None:
        yield f"{email}: there is no list"
        return
    if kept.next_number <= scan.last_number:
        yield f"{email}: the next batch would get a number that is taken"
    for status, count in scan.live.items():
        if getattr(kept, status) != count:
            yield f"{email}: {count:,} batches are {status}, and the list says {getattr(kept, status):,}"
    spans = stored_buckets(owner_key)
    wrong = [key for key in spans | scan.spans if spans[key] != scan.spans[key]]
    if wrong:
        yield f"{email}: {len(wrong):,} counts of spans of time are not so"


def read_rows(owner_key: int, advance: Advance) -> Scan:
    """Every batch of an owner, those in the trash as well."""
    scan = Scan()
    counted = count_by_batch(owner_key, deleted=Deleted.INCLUDE)
    everything = live_batches(owner_key, Deleted.INCLUDE).with_only_columns(*CHECKED)
    for some in db.session.execute(everything, execution_options={"yield_per": ROWS_AT_ONCE}).partitions():
        for row in some:
            read_row(scan, row, counted.get(row.key, NO_CALLS))
        advance(len(some))
    return scan


def read_row(scan: Scan, row: Row, counted: CallCounts) -> None:
    """One batch: added to the sums, and compared with its own name and calls."""
    scan.last_number = max(scan.last_number, row.key & ((1 << OWNER_SHIFT) - 1))
    if row.deleted_at is None:
        for bits in (COARSE_BITS, FINE_BITS):
            scan.spans[bits, row.created_at >> bits, row.status] += 1
    if row.name_folded != fold(row.name):
        scan.misfolded.append(row)
    if CallCounts(row.total_calls, row.calls_called, row.calls_picked, row.calls_completed) != counted:
        scan.miscounted.append((row, counted))


def stored_buckets(owner_key: int) -> Buckets:
    """The counts that are kept."""
    rows = db.session.execute(select(BatchBucket.__table__).where(BatchBucket.owner_key == owner_key))
    return Counter({(row.bits, row.number, status): getattr(row, status) for row in rows for status in QueueStatus})


def find_name_index_differences() -> list[str]:
    """Whether the index of names holds what it should."""
    connection = db.session.connection()
    engine = engine_module(connection.dialect.name)
    agrees = not engine.has_name_index(connection) or engine.name_index_agrees(connection)
    return [] if agrees else ["The index of names holds others than the batches have"]


def missing_triggers() -> list[str]:
    """What would keep all of it and is not there, a sentence each."""
    connection = db.session.connection()
    missing = engine_module(connection.dialect.name).missing_triggers(connection)
    return [f"The trigger {name} is missing" for name in missing]


def has_name_index() -> bool:
    """Whether names are searched by an index."""
    connection = db.session.connection()
    return engine_module(connection.dialect.name).has_name_index(connection)
