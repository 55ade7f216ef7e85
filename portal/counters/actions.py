"""The one place that counts for every worker and web node together."""

from __future__ import annotations

import secrets

from sqlalchemy import Delete, case, delete, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from portal.database import rows_if_free, write_apart, write_if_free
from portal.extensions import db
from portal.models import Counter

INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}

# Of so many additions one sweeps away the windows that have ended.
SWEEP_ONE_IN = 100


def add(bucket: str, n: int, seconds: int, now: int) -> tuple[int, int]:
    """Count `n` more (0 = only look); returns the count of this window and when it ends, in ms.

    A window begins at its first addition and lasts `seconds`; the next begins anew. Committed by itself, whatever
    becomes of the request. Raises OperationalError where the database cannot be written to.
    """
    (row,) = write_apart(addition(bucket, n, seconds, now))
    if secrets.randbelow(SWEEP_ONE_IN) == 0:
        write_apart(ended(now))
    return row.count, row.ends_at


def add_if_free(bucket: str, n: int, seconds: int, now: int) -> tuple[int, int] | None:
    """The same, unless another writer stands in the way or the database cannot be written to; then None, uncounted."""
    rows = rows_if_free(addition(bucket, n, seconds, now))
    if not rows:
        return None
    if secrets.randbelow(SWEEP_ONE_IN) == 0:
        write_if_free(ended(now))
    return rows[0].count, rows[0].ends_at


def addition(bucket: str, n: int, seconds: int, now: int) -> ReturningInsert[tuple[int, int]]:
    """The statement that counts. A window that ends too late was begun by a clock that has been set back since."""
    insert = INSERTS[db.engine.dialect.name](Counter).values(bucket=bucket, ends_at=now + seconds * 1000, count=n)
    over = or_(Counter.ends_at <= now, Counter.ends_at > now + 2 * seconds * 1000)
    return insert.on_conflict_do_update(
        index_elements=[Counter.bucket],
        set_={
            "count": case((over, insert.excluded.count), else_=Counter.count + insert.excluded.count),
            "ends_at": case((over, insert.excluded.ends_at), else_=Counter.ends_at),
        },
    ).returning(Counter.count, Counter.ends_at)


def forget(bucket: str) -> None:
    """Begin this count anew."""
    write_apart(delete(Counter).where(Counter.bucket == bucket))


def ended(now: int) -> Delete:
    """The statement that removes the windows that have ended."""
    return delete(Counter).where(Counter.ends_at <= now)
