"""One query for the list of batches. Everything that the query modules need is derived from the request here, once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any

from flask import current_app

from portal.batches import derived
from portal.batches.query.conditions import SEARCH_COLUMNS, Conditions, NameLookup
from portal.extensions import db
from portal.live import Deleted
from portal.models import Batch, QueueStatus
from portal.models.list_state import ListState

# The range of created_at without bounds, in milliseconds.
MIN_MS, MAX_MS = -(1 << 47), 1 << 48


class SortBy(StrEnum):
    """The columns that the list can be sorted by."""

    CREATED_AT = "createdAt"
    UPDATED_AT = "updatedAt"
    BATCH_NAME = "batchName"
    TOTAL_CALLS = "totalCalls"


SORT_COLUMNS = {
    SortBy.CREATED_AT: Batch.created_at,
    SortBy.UPDATED_AT: Batch.updated_at,
    SortBy.BATCH_NAME: Batch.name_folded,
    SortBy.TOTAL_CALLS: Batch.total_calls,
}


@dataclass(frozen=True)
class NameSearch:
    """A search for part of a name in one version of one owner's list.

    Results are cached by this key: every change gives the list a new version, so they are never stale.
    """

    version: int
    owner_key: int
    text: str  # folded by fold_name

    @property
    def lookup(self) -> NameLookup:
        """Return the faster lookup of names for this search."""
        return choose_name_lookup(self)

    @property
    def values(self) -> dict[str, Any]:
        """Return the values of the conditions on names."""
        engine = derived.engine_module(db.engine.dialect.name)
        return {"owner": self.owner_key, "folded": self.text} | engine.name_values(self.owner_key, self.text)


@lru_cache(maxsize=4096)
def choose_name_lookup(search: NameSearch) -> NameLookup:
    """Return the faster lookup for a search.

    The index needs three characters, covers names alone, and does not exist on every server. Some engines read all
    names faster than many matches of the index.
    """
    if len(search.text) < 3 or len(SEARCH_COLUMNS) > 1:
        return NameLookup.SCAN
    engine = derived.engine_module(db.engine.dialect.name)
    has_index = current_app.extensions.get("names_indexed")
    if has_index is None:
        has_index = current_app.extensions["names_indexed"] = engine.has_name_index(db.session.connection())
    if not has_index:
        return NameLookup.SCAN
    many = engine.expects_many(db.session.connection(), search.owner_key, search.text)
    return NameLookup.SCAN if many else NameLookup.INDEX


def name_conditions(lookup: NameLookup, first: int = MIN_MS, end: int = MAX_MS) -> Conditions:
    """Return the conditions of a search by name alone, within a range of created_at."""
    return Conditions(lookup, db.engine.dialect.name, first=first != MIN_MS, end=end != MAX_MS)


@dataclass(frozen=True)
class ListQuery:
    """The filters, order and page of one request for batches.

    `named_statuses` have names that contain the search text; all batches with these statuses match the search.
    `statuses` is empty without a filter. `first` and `end` limit created_at in milliseconds, `end` excluded.
    """

    state: ListState
    search: NameSearch | None
    named_statuses: tuple[QueueStatus, ...]
    statuses: tuple[QueueStatus, ...]
    first: int
    end: int
    sort_by: SortBy
    ascending: bool
    page: int
    limit: int
    deleted: Deleted = Deleted.EXCLUDE

    @property
    def is_filtered(self) -> bool:
        """Return whether a filter can exclude batches."""
        return bool(self.search or self.statuses) or self.has_range

    @property
    def has_range(self) -> bool:
        """Return whether created_at is limited."""
        return (self.first, self.end) != (MIN_MS, MAX_MS)

    @property
    def offset(self) -> int:
        """Return the number of rows before the page."""
        return (self.page - 1) * self.limit

    @property
    def shown_statuses(self) -> tuple[QueueStatus, ...]:
        """Return the statuses that pass the status filter."""
        return self.statuses or tuple(QueueStatus)

    @cached_property
    def values(self) -> dict[str, Any]:
        """Return the values of all conditions."""
        values = {"owner": self.state.owner_key, "first": self.first, "end": self.end, "statuses": self.statuses}
        if self.search:
            values |= self.search.values | {"named_statuses": self.named_statuses}
        return values

    def conditions(self, lookup: NameLookup) -> Conditions:
        """Return all conditions, with a lookup of names."""
        return Conditions(
            lookup,
            db.engine.dialect.name,
            named_statuses=bool(self.named_statuses),
            statuses=bool(self.statuses),
            first=self.first != MIN_MS,
            end=self.end != MAX_MS,
            deleted=self.deleted,
        )
