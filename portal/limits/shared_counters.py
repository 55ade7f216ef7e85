"""Count for all workers and nodes together, in the database."""

from __future__ import annotations

import secrets

from sqlalchemy import Delete, case, delete, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from portal.db.transactions import try_write, write_separately
from portal.extensions import db
from portal.models import SharedCounter

INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

# One in this many increments deletes the expired windows.
SWEEP_ONE_IN = 100


def increment(bucket: str, n: int, seconds: int, now: int) -> tuple[int, int]:
    """Add `n` (0 = read only) and return the count of the current window and its end in ms since 1970.

    A window starts with its first increment and lasts `seconds`. The increment is committed independently of the
    request. Raises OperationalError if the database is not writable.
    """
    (row,) = write_separately(increment_statement(bucket, n, seconds, now))
    if secrets.randbelow(SWEEP_ONE_IN) == 0:
        write_separately(delete_expired_statement(now))
    return row.count, row.ends_at


def try_increment(bucket: str, n: int, seconds: int, now: int) -> tuple[int, int] | None:
    """Do the same as `increment`, but return None if another writer holds the lock or the database is not writable."""
    rows = try_write(increment_statement(bucket, n, seconds, now))
    if not rows:
        return None
    if secrets.randbelow(SWEEP_ONE_IN) == 0:
        try_write(delete_expired_statement(now))
    return rows[0].count, rows[0].ends_at


def increment_statement(bucket: str, n: int, seconds: int, now: int) -> ReturningInsert[tuple[int, int]]:
    """Return the upsert. A window that ends too late was started before the clock was set back, and is replaced."""
    insert = INSERTS[db.engine.dialect.name](SharedCounter).values(bucket=bucket, ends_at=now + seconds * 1000, count=n)
    is_over = or_(SharedCounter.ends_at <= now, SharedCounter.ends_at > now + 2 * seconds * 1000)
    return insert.on_conflict_do_update(
        index_elements=[SharedCounter.bucket],
        set_={
            "count": case((is_over, insert.excluded.count), else_=SharedCounter.count + insert.excluded.count),
            "ends_at": case((is_over, insert.excluded.ends_at), else_=SharedCounter.ends_at),
        },
    ).returning(SharedCounter.count, SharedCounter.ends_at)


def reset_bucket(bucket: str) -> None:
    """Set a count back to zero."""
    write_separately(delete(SharedCounter).where(SharedCounter.bucket == bucket))


def delete_expired_statement(now: int) -> Delete:
    """Return the statement that deletes expired windows."""
    return delete(SharedCounter).where(SharedCounter.ends_at <= now)
