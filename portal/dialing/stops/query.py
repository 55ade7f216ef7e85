"""Read emergency stops."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select

from portal.extensions import db
from portal.models import Attempt, BatchList, EmergencyStop, User
from portal.models.emergency_stop import EVERYONE
from portal.trunks.query import ON_LINE, on_line_of


def is_stopped(owner_key: int) -> bool:
    """Return whether a stop is in force for the owner's account or for all accounts.

    While the caller holds the lock on the owner's batches, the answer cannot change.
    """
    in_force = select(EmergencyStop.owner_key).where(EmergencyStop.owner_key.in_((owner_key, EVERYONE)))
    return db.session.execute(in_force.limit(1)).first() is not None


def list_stops(owner_key: int) -> Sequence[Row[Any]]:
    """Return the stops in force for an owner, that of all accounts first, with the names of those who ordered them."""
    columns = (EmergencyStop.owner_key, EmergencyStop.stopped_at, EmergencyStop.reason, User.key, User.name, User.email)
    statement = select(*columns).outerjoin(User, User.key == EmergencyStop.by_key)
    in_force = statement.where(EmergencyStop.owner_key.in_((owner_key, EVERYONE)))
    return db.session.execute(in_force.order_by(EmergencyStop.owner_key)).all()


def find_stop(owner_key: int) -> EmergencyStop | None:
    """Return the stop in force of an account, or with EVERYONE that of all accounts."""
    statement = select(EmergencyStop).where(EmergencyStop.owner_key == owner_key)
    return db.session.execute(statement.execution_options(populate_existing=True)).scalar_one_or_none()


def count_on_line(owner_key: int) -> int:
    """Return the number of calls that are ringing or talking, of an owner or with EVERYONE of all."""
    statement = select(func.count()).select_from(Attempt).where(*ON_LINE)
    if owner_key != EVERYONE:
        statement = statement.where(*on_line_of(owner_key))
    return db.session.execute(statement).scalar_one()


def lock_every_list() -> None:
    """Lock the batches of all owners against other writers until the caller's transaction ends, in one order."""
    db.session.execute(select(BatchList.owner_key).order_by(BatchList.owner_key).with_for_update()).all()
