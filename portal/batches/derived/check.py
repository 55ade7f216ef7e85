"""Compare derived data with all rows that it is derived from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Row, func, select

from portal.attempts.query import find_miscounted
from portal.batches.derived import engine_module
from portal.batches.derived.time_buckets import COARSE_BITS, FINE_BITS
from portal.calls import derived as calls_derived
from portal.calls.derived import check as calls_check
from portal.calls.query import NO_CALLS, CallCounts, count_by_batch
from portal.db.transactions import lift_time_limit, write_transaction
from portal.extensions import db
from portal.live import Deleted, live_batches, live_calls
from portal.models import Attempt, Batch, BatchBucket, BatchList, Call, QueueStatus, User
from portal.models.base import OWNER_SHIFT
from portal.models.batch import fold_name

CHECKED_COLUMNS = (
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
CHUNK_SIZE = 10_000

# (bits, bucket number, status) -> live batches
Buckets = Counter[tuple[int, int, str]]

# Receives the number of batches read since the last call.
Advance = Callable[[int], object]


@dataclass
class Scan:
    """The sums of one owner's rows, and the rows with a wrong folded name or wrong counts of calls."""

    buckets: Buckets = field(default_factory=Counter)
    last_number: int = 0
    misfolded: list[Row] = field(default_factory=list)
    miscounted: list[tuple[Row, CallCounts]] = field(default_factory=list)

    @property
    def live(self) -> dict[str, int]:
        """Return the live batches per status."""
        counts = Counter[str]()
        for (bits, _number, status), count in self.buckets.items():
            counts[status] += count if bits == COARSE_BITS else 0
        return {status: counts[status] for status in QueueStatus}


def list_owners() -> list[tuple[int, str]]:
    """Return the key and email of all users."""
    return [(key, email) for key, email in db.session.execute(select(User.key, User.email).order_by(User.key))]


def estimate_batch_count() -> int:
    """Return about how many batches exist, at least 1."""
    return sum(db.session.execute(select(BatchList.next_number)).scalars()) or 1


def find_all_differences(advance: Advance) -> Iterator[str]:
    """Yield a sentence for each difference, all as of one point in time."""
    lift_time_limit(db.session.connection())
    yield from missing_triggers()
    for owner_key, email in list_owners():
        yield from find_differences(owner_key, email, advance)
    with write_transaction():  # SQLite checks its full-text index by a statement that writes
        yield from find_name_index_differences()


def find_differences(owner_key: int, email: str, advance: Advance) -> Iterator[str]:
    """Yield a sentence for each difference in one owner's data."""
    scan = read_rows(owner_key, advance)
    yield from (f"{email}: batch {row.id} has a wrong search name" for row in scan.misfolded)
    yield from (f"{email}: batch {row.id} has wrong call counts" for row, _counts in scan.miscounted)
    yield from (f"{email}: {text}" for text in calls_check.find_differences(db.session.connection(), owner_key))
    if misnumbered := len(find_misnumbered(owner_key)):
        yield f"{email}: {misnumbered:,} calls have a wrong number of attempts"
    if miscounted := len(find_miscounted(owner_key)):
        yield f"{email}: {miscounted:,} batches have wrong counts of attempts"
    stored = db.session.execute(select(BatchList.__table__).where(BatchList.owner_key == owner_key)).one_or_none()
    if stored is None:
        yield f"{email}: the list is missing"
        return
    if stored.next_number <= scan.last_number:
        yield f"{email}: the next batch number is already used"
    for status, count in scan.live.items():
        if getattr(stored, status) != count:
            yield f"{email}: {count:,} batches are {status}, but the list counts {getattr(stored, status):,}"
    buckets = stored_buckets(owner_key)
    wrong = [key for key in buckets | scan.buckets if buckets[key] != scan.buckets[key]]
    if wrong:
        yield f"{email}: {len(wrong):,} counts per time range are wrong"


def find_misnumbered(owner_key: int) -> list[tuple[int, int]]:
    """Return the keys of calls whose number of attempts is not that of the last recorded one, with that number."""
    last = func.max(Attempt.number)
    calls = live_calls(owner_key, deleted=Deleted.INCLUDE).join(Attempt).with_only_columns(Call.key, last)
    wrong = calls.group_by(Call.key, Call.attempts).having(last != Call.attempts)
    return [(key, number) for key, number in db.session.execute(wrong)]


def read_rows(owner_key: int, advance: Advance) -> Scan:
    """Read every batch of an owner, including deleted ones."""
    scan = Scan()
    call_counts = count_by_batch(owner_key, deleted=Deleted.INCLUDE)
    rows = live_batches(owner_key, Deleted.INCLUDE).with_only_columns(*CHECKED_COLUMNS)
    for chunk in db.session.execute(rows, execution_options={"yield_per": CHUNK_SIZE}).partitions():
        for row in chunk:
            read_row(scan, row, call_counts.get(row.key, NO_CALLS))
        advance(len(chunk))
    return scan


def read_row(scan: Scan, row: Row, call_counts: CallCounts) -> None:
    """Add a batch to the sums, and compare it with its own name and calls."""
    scan.last_number = max(scan.last_number, row.key & ((1 << OWNER_SHIFT) - 1))
    if row.deleted_at is None:
        for bits in (COARSE_BITS, FINE_BITS):
            scan.buckets[bits, row.created_at >> bits, row.status] += 1
    if row.name_folded != fold_name(row.name):
        scan.misfolded.append(row)
    if CallCounts(row.total_calls, row.calls_called, row.calls_picked, row.calls_completed) != call_counts:
        scan.miscounted.append((row, call_counts))


def stored_buckets(owner_key: int) -> Buckets:
    """Return the stored counts per bucket."""
    rows = db.session.execute(select(BatchBucket.__table__).where(BatchBucket.owner_key == owner_key))
    return Counter({(row.bits, row.number, status): getattr(row, status) for row in rows for status in QueueStatus})


def find_name_index_differences() -> list[str]:
    """Return a sentence if the name index differs from the names."""
    connection = db.session.connection()
    engine = engine_module(connection.dialect.name)
    is_correct = not engine.has_name_index(connection) or engine.is_name_index_correct(connection)
    return [] if is_correct else ["The name index differs from the batch names"]


def missing_triggers() -> list[str]:
    """Return a sentence for each missing trigger."""
    connection = db.session.connection()
    dialect = connection.dialect.name
    modules = (engine_module(dialect), calls_derived.engine_module(dialect))
    missing = [name for module in modules for name in module.missing_triggers(connection)]
    return [f"The trigger {name} is missing" for name in missing]


def has_name_index() -> bool:
    """Return whether the database has a name index."""
    connection = db.session.connection()
    return engine_module(connection.dialect.name).has_name_index(connection)
