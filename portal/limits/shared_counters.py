"""The one place that counts for every worker and web node together."""

from __future__ import annotations

import secrets

from sqlalchemy import Delete, case, delete, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from portal.db.transactions import try_write, write_separately
from portal.extensions import db
from portal.models import SharedCounter

INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

# Of so many additions one sweeps away the windows that have ended.
SWEEP_ONE_IN = 100


def increment(bucket: str, n: int, seconds: int, now: int) -> tuple[int, int]:
    """Count `n` more (0 = only look); returns the count of this window and when it ends, in ms.

    A window begins at its first addition and lasts `seconds`; the next begins anew. Committed by itself, whatever
    becomes of the request. Raises OperationalError where the database cannot be written to.
    """
    (row,) = write_separately(increment_statement(bucket, n, seconds, now))
    if secrets.randbelow(SWEEP_ONE_IN) == 0:
        write_separately(delete_expired_statement(now))
    return row.count, row.ends_at


def try_increment(bucket: str, n: int, seconds: int, now: int) -> tuple[int, int] | None:
    """The same, unless another writer stands in the way or the database cannot be written to; then None, uncounted."""
    rows = try_write(increment_statement(bucket, n, seconds, now))
    if not rows:
        return None
    if secrets.randbelow(SWEEP_ONE_IN) == 0:
        try_write(delete_expired_statement(now))
    return rows[0].count, rows[0].ends_at


def increment_statement(bucket: str, n: int, seconds: int, now: int) -> ReturningInsert[tuple[int, int]]:
    """The statement that counts. A window that ends too late was begun by a clock that has been set back since."""
    insert = INSERTS[db.engine.dialect.name](SharedCounter).values(bucket=bucket, ends_at=now + seconds * 1000, count=n)
    over = or_(SharedCounter.ends_at <= now, SharedCounter.ends_at > now + 2 * seconds * 1000)
    return insert.on_conflict_do_update(
        index_elements=[SharedCounter.bucket],
        set_={
            "count": case((over, insert.excluded.count), else_=SharedCounter.count + insert.excluded.count),
            "ends_at": case((over, insert.excluded.ends_at), else_=SharedCounter.ends_at),
        },
    ).returning(SharedCounter.count, SharedCounter.ends_at)


def reset_bucket(bucket: str) -> None:
    """Begin this count anew."""
    write_separately(delete(SharedCounter).where(SharedCounter.bucket == bucket))


def delete_expired_statement(now: int) -> Delete:
    """The statement that removes the windows that have ended."""
    return delete(SharedCounter).where(SharedCounter.ends_at <= now)
