"""Find the trunk that a provider reports to."""

from __future__ import annotations

from sqlalchemy import select

from portal.extensions import db
from portal.models import Trunk, TrunkKind


def find_provider_trunk(trunk_id: str) -> Trunk | None:
    """Return a trunk of kind http by its id, of any owner: the callback's signature identifies the caller."""
    statement = select(Trunk).where(Trunk.id == trunk_id, Trunk.kind == TrunkKind.HTTP)
    return db.session.execute(statement).scalar_one_or_none()
