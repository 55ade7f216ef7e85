"""The conditions of a select of batches, without their values, so that each combination is built once and cached.

Building a select takes longer than executing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, or_

from portal.batches import derived
from portal.live import Deleted, live_batches
from portal.models import Batch

# The texts that a search reads, all folded by portal.models.batch.fold_name. The name index covers names alone, so with
# a second column each search reads the rows of the owner, until portal/batches/derived indexes that column too.
SEARCH_COLUMNS: tuple[Any, ...] = (Batch.name_folded,)


class NameLookup(Enum):
    """How a search finds names: not needed, by the name index, or by reading the search columns of each batch."""

    NONE = "none"
    INDEX = "index"
    SCAN = "scan"


@dataclass(frozen=True)
class Conditions:
    """The conditions of a select. With `named_statuses`, a search matches a batch's name or its status."""

    lookup: NameLookup = NameLookup.NONE
    dialect: str = ""
    named_statuses: bool = False
    statuses: bool = False
    first: bool = False
    end: bool = False
    deleted: Deleted = Deleted.EXCLUDE

    @property
    def engine(self) -> Any:
        """Return the module with the SQL of the database engine."""
        return derived.engine_module(self.dialect)

    def build_query(self, *columns: Any) -> Select[Any]:
        """Return a select of columns of the `owner`'s batches that meet the conditions."""
        query = live_batches(bindparam("owner"), self.deleted).with_only_columns(*columns)
        if self.statuses:
            query = query.where(Batch.status.in_(bindparam("statuses", expanding=True)))
        if self.first:
            query = query.where(Batch.created_at >= bindparam("first"))
        if self.end:
            query = query.where(Batch.created_at < bindparam("end"))
        if self.lookup is NameLookup.NONE:
            return query
        by_name = self.engine.INDEXED if self.lookup is NameLookup.INDEX else self.scan_condition()
        return query.where(or_(by_name, status_name_condition()) if self.named_statuses else by_name)

    def scan_condition(self) -> ColumnElement[bool]:
        """Return the condition that one of the search columns contains the search text."""
        return or_(*(self.engine.contains_search_text(column) for column in SEARCH_COLUMNS))


def status_name_condition() -> ColumnElement[bool]:
    """Return the condition that the name of the batch's status contains the search text."""
    return Batch.status.in_(bindparam("named_statuses", expanding=True))
