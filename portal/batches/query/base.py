"""Where every select of batches begins, and what a row of a list holds."""

from __future__ import annotations

from portal.batches.parameters import SortBy
from portal.models import Batch

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
