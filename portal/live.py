"""Live."""

from __future__ import annotations

from enum import Enum

from sqlalchemy import BindParameter, Select, select

from portal.models import Batch, Call


class Deleted(Enum):
    """Whether the trash is looked at. Nothing but EXCLUDE shows a deleted batch."""

    EXCLUDE = "exclude"
    ONLY = "only"
    INCLUDE = "include"


def live_batches(owner_key: int | BindParameter[int], deleted: Deleted = Deleted.EXCLUDE) -> Select[tuple[Batch]]:
    """A select of one owner's batches that are not deleted; every other select of batches grows from it."""
    query = select(Batch).where(Batch.owner_key == owner_key)
    if deleted is Deleted.EXCLUDE:
        return query.where(Batch.deleted_at.is_(None))
    if deleted is Deleted.ONLY:
        return query.where(Batch.deleted_at.is_not(None))
    return query


def live_calls(owner_key: int, batch_id: str | None = None, deleted: Deleted = Deleted.EXCLUDE) -> Select[tuple[Call]]:
    """A select of the calls of one live batch of an owner, or of all: none, where it is deleted or another's."""
    batches = live_batches(owner_key, deleted).with_only_columns(Batch.key)
    if batch_id is None:
        # Looked up for each call that is found by something else, instead of gathering all batches of the owner first.
        return select(Call).where(batches.where(Batch.key == Call.batch_key).correlate(Call).exists())
    return select(Call).where(Call.batch_key == batches.where(Batch.id == batch_id).scalar_subquery())
