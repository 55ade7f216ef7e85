"""The start of every select of batches and calls: limited to one owner and, by default, to live batches."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import BindParameter, Select, select

from portal.models import Batch, Call


class Deleted(StrEnum):
    """Whether a select excludes deleted batches, returns them only, or includes them."""

    EXCLUDE = "exclude"
    ONLY = "only"
    INCLUDE = "include"

    @property
    def parts(self) -> tuple[Deleted, ...]:
        """Return the disjoint selects, live batches first, that together return the same rows."""
        return (Deleted.EXCLUDE, Deleted.ONLY) if self is Deleted.INCLUDE else (self,)


def live_batches(owner_key: int | BindParameter[int], deleted: Deleted = Deleted.EXCLUDE) -> Select[tuple[Batch]]:
    """Return a select of one owner's batches."""
    query = select(Batch).where(Batch.owner_key == owner_key)
    if deleted is Deleted.EXCLUDE:
        return query.where(Batch.deleted_at.is_(None))
    if deleted is Deleted.ONLY:
        return query.where(Batch.deleted_at.is_not(None))
    return query


def live_calls(owner_key: int, batch_id: str | None = None, deleted: Deleted = Deleted.EXCLUDE) -> Select[tuple[Call]]:
    """Return a select of the calls of one of the owner's batches, or of all of them."""
    batches = live_batches(owner_key, deleted).with_only_columns(Batch.key)
    if batch_id is None:
        # A correlated subquery checks only the batches of calls that other conditions find, not all of the owner's.
        return select(Call).where(batches.where(Batch.key == Call.batch_key).correlate(Call).exists())
    return select(Call).where(Call.batch_key == batches.where(Batch.id == batch_id).scalar_subquery())
