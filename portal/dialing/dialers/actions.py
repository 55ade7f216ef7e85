"""Store what a dialer process knows: that it runs, and whether it hears the engines of trunks."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, or_, update

from portal.db.transactions import write_separately, write_transaction
from portal.models import Dialer, Trunk
from portal.times import DAY_MS

DIALERS = Dialer.__table__


def record_dialer(values: dict[str, Any]) -> None:
    """Store the row of a dialer, and delete rows of dialers that ended a day ago without doing so."""
    with write_transaction() as session:
        row = DIALERS.c.worker == values["worker"]
        if not session.execute(update(DIALERS).where(row).values(values)).rowcount:
            session.execute(delete(DIALERS).where(DIALERS.c.seen_at < values["seen_at"] - DAY_MS))
            session.execute(insert(DIALERS).values(values))


def remove_dialer(worker: str) -> None:
    """Delete the row of a dialer that ends."""
    with write_transaction() as session:
        session.execute(delete(DIALERS).where(DIALERS.c.worker == worker))


def record_hearing(trunk_key: int, heard_at: int) -> None:
    """Store that the engine of a trunk was heard. It may be lost in a power failure."""
    is_news = or_(Trunk.heard_at.is_(None), Trunk.heard_at < heard_at)
    changed = update(Trunk).where(Trunk.key == trunk_key, is_news)
    write_separately(changed.values(heard_at=heard_at, trouble=""))


def record_trouble(trunk_key: int, trouble: str, silent_since: int) -> None:
    """Store why a trunk cannot be used, unless another dialer has heard its engine since."""
    is_silent = or_(Trunk.heard_at.is_(None), Trunk.heard_at < silent_since)
    changed = update(Trunk).where(Trunk.key == trunk_key, is_silent, Trunk.trouble != trouble)
    write_separately(changed.values(trouble=trouble))
