"""Where every select of batches begins, and what a row of a list holds."""

from __future__ import annotations

from enum import Enum

from sqlalchemy import BindParameter, Select, select

from portal.batches.parameters import SortBy
from portal.models import Batch


class Deleted(Enum):
    """Whether the trash is looked at. Nothing but EXCLUDE shows a deleted batch."""

    EXCLUDE = "exclude"
    ONLY = "only"
    INCLUDE = "include"


SORT_COLUMNS = {
    SortBy.CREATED_AT: Batch.created_at,
    SortBy.UPDATED_AT: Batch.updated_at,
    SortBy.BATCH_NAME: Batch.name_folded,
    SortBy.TOTAL_CALLS: Batch.total_calls,
}

# What a row of a list shows. Named, because a row of values is much cheaper than an object of the session.
LIST_COLUMNS = (
    Batch.id,
    Batch.name,
    Batch.status,
    Batch.total_calls,
    Batch.calls_called,
    Batch.calls_picked,
    Batch.calls_completed,
    Batch.created_at,
    Batch.updated_at,
)


def live_batches(owner_key: int | BindParameter[int], deleted: Deleted = Deleted.EXCLUDE) -> Select[tuple[Batch]]:
    """A select of one owner's batches that are not deleted; every other select of batches grows from it."""
    query = select(Batch).where(Batch.owner_key == owner_key)
    if deleted is Deleted.EXCLUDE:
        return query.where(Batch.deleted_at.is_(None))
    if deleted is Deleted.ONLY:
        return query.where(Batch.deleted_at.is_not(None))
    return query
