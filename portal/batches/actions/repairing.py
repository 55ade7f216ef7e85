"""Rebuild the derived data of batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from sqlalchemy import case, delete, insert, update
from sqlalchemy.orm import Session

from portal.attempts.query import find_miscounted
from portal.batches import derived
from portal.batches.derived import check
from portal.calls import derived as calls_derived
from portal.db import schema_changes
from portal.db.transactions import lift_time_limit, write_transaction
from portal.extensions import db
from portal.models import AttemptCount, Batch, BatchList, Call
from portal.models.batch import fold_name


def repair_derived(advance: Callable[[int], object]) -> None:
    """Rebuild all derived data from the rows in one transaction; other writers wait until it ends.

    On PostgreSQL, the name index is built afterwards without blocking writers.
    """
    with write_transaction() as session:
        connection = session.connection()
        lift_time_limit(connection)
        derived.remove_derived(connection)
        calls_derived.remove_triggers(connection)
        for owner_key, _email in check.list_owners():
            repair_attempts(session, owner_key)
            scan = check.read_rows(owner_key, advance)
            repair_rows(session, scan)
            repair_list(session, owner_key, scan.last_number)
        derived.install_derived(connection, name_index=connection.dialect.name == "sqlite")
        derived.rebuild_derived(connection)
        calls_derived.rebuild_derived(connection)
        calls_derived.install_triggers(connection)
    complete_indexes()


def complete_indexes() -> None:
    """Build the indexes that do not block writers: on PostgreSQL, a missing name index."""
    with db.engine.connect() as connection, schema_changes.exclusive_migration(connection):
        derived.complete_indexes(connection)


def repair_attempts(session: Session, owner_key: int) -> None:
    """Correct the numbers of attempts in calls, and the counts of attempts of batches."""
    for key, number in check.find_misnumbered(owner_key):
        session.execute(update(Call).where(Call.key == key).values(attempts=number))
    for batch_key, counts in find_miscounted(owner_key).items():
        session.execute(delete(AttemptCount).where(AttemptCount.batch_key == batch_key))
        rows = [
            {"batch_key": batch_key, "number": number, "outcome": outcome, "by_machine": by_machine, "attempts": count}
            for (number, outcome, by_machine), count in counts.items()
        ]
        if rows:
            session.execute(insert(AttemptCount), rows)


def repair_rows(session: Session, scan: check.Scan) -> None:
    """Correct folded names and the counts of calls."""
    for row in scan.misfolded:
        session.execute(update(Batch).where(Batch.key == row.key).values(name_folded=fold_name(row.name)))
    for row, counts in scan.miscounted:
        session.execute(update(Batch).where(Batch.key == row.key).values(**asdict(counts)))


def repair_list(session: Session, owner_key: int, last_number: int) -> None:
    """Ensure that the owner has a list and that its next number is unused."""
    unused = case((BatchList.next_number > last_number, BatchList.next_number), else_=last_number + 1)
    result = session.execute(update(BatchList).where(BatchList.owner_key == owner_key).values(next_number=unused))
    if not result.rowcount:
        session.execute(insert(BatchList.__table__).values(owner_key=owner_key, version=0, next_number=last_number + 1))
