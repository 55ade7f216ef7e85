"""Making anew what is kept beside the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

from sqlalchemy import case, insert, update
from sqlalchemy.orm import Session

from portal import migrating
from portal.batches import check, kept
from portal.database import no_time_limit, writing
from portal.extensions import db
from portal.models import Batch, BatchList
from portal.text import fold


def repair(advance: Callable[[int], object]) -> None:
    """Make everything that is kept anew from the rows, in one transaction; whoever else writes waits for its end.

    PostgreSQL's index of names comes after that, and nobody waits for it.
    """
    with writing() as session:
        connection = session.connection()
        no_time_limit(connection)
        kept.remove(connection)
        for owner_key, _email in check.owners():
            scan = check.read_rows(owner_key, advance)
            mend_rows(session, scan)
            mend_list(session, owner_key, scan.last_number)
        kept.install(connection, name_index=connection.dialect.name == "sqlite")
        kept.rebuild(connection)
    complete()


def complete() -> None:
    """What is kept and can be built while others go on: on PostgreSQL, the index of names where it is missing."""
    with db.engine.connect() as connection, migrating.alone(connection):
        kept.complete(connection)


def mend_rows(session: Session, scan: check.Scan) -> None:
    """Fold names anew, and copy the counts of calls."""
    for row in scan.misfolded:
        session.execute(update(Batch).where(Batch.key == row.key).values(name_folded=fold(row.name)))
    for row, counts in scan.miscounted:
        session.execute(update(Batch).where(Batch.key == row.key).values(**asdict(counts)))


def mend_list(session: Session, owner_key: int, last_number: int) -> None:
    """See that the owner has a list, and that its next number is free."""
    free = case((BatchList.next_number > last_number, BatchList.next_number), else_=last_number + 1)
    mended = session.execute(update(BatchList).where(BatchList.owner_key == owner_key).values(next_number=free))
    if not mended.rowcount:
        session.execute(insert(BatchList.__table__).values(owner_key=owner_key, version=0, next_number=last_number + 1))
