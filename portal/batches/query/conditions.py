"""The conditions of a select of batches: built and cached once per combination, then executed with different values.

Building a select takes longer than executing it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Select, bindparam, or_

from portal.batches import derived
from portal.batches.query.list_query import MAX_MS, MIN_MS, ListQuery, NameSearch
from portal.extensions import db
from portal.live import live_batches
from portal.models import Batch


class NameLookup(Enum):
    """How a search finds names: not needed, by the name index, or by reading each name."""

    NONE = "none"
    INDEX = "index"
    SCAN = "scan"


@dataclass(frozen=True)
class Conditions:
    """The conditions of a select, without their values (ListQuery.values).

    With `named_statuses`, a batch matches a search by its name or by its status.
    """

    lookup: NameLookup = NameLookup.NONE
    dialect: str = ""
    named_statuses: bool = False
    statuses: bool = False
    first: bool = False
    end: bool = False

    @property
    def engine(self) -> Any:
        """Return the module with the SQL of the database engine."""
        return derived.engine_module(self.dialect)


def conditions_for(query: ListQuery, lookup: NameLookup) -> Conditions:
    """Return all conditions of a query."""
    return Conditions(
        lookup,
        db.engine.dialect.name,
        named_statuses=bool(query.named_statuses),
        statuses=bool(query.statuses),
        first=query.first != MIN_MS,
        end=query.end != MAX_MS,
    )


def name_conditions(lookup: NameLookup, first: int = MIN_MS, end: int = MAX_MS) -> Conditions:
    """Return the conditions of a search by name alone, within a range of created_at."""
    return Conditions(lookup, db.engine.dialect.name, first=first != MIN_MS, end=end != MAX_MS)


def select_matching(conditions: Conditions) -> Select[Any]:
    """Return a select of the `owner`'s live batches that meet the conditions."""
    query = live_batches(bindparam("owner"))
    if conditions.statuses:
        query = query.where(Batch.status.in_(bindparam("statuses", expanding=True)))
    if conditions.first:
        query = query.where(Batch.created_at >= bindparam("first"))
    if conditions.end:
        query = query.where(Batch.created_at < bindparam("end"))
    if conditions.lookup is NameLookup.NONE:
        return query
    engine = conditions.engine
    by_name = engine.INDEXED if conditions.lookup is NameLookup.INDEX else engine.SCANNED
    return query.where(or_(by_name, status_name_condition()) if conditions.named_statuses else by_name)


def status_name_condition() -> ColumnElement[bool]:
    """Return the condition that the name of the batch's status contains the search text."""
    return Batch.status.in_(bindparam("named_statuses", expanding=True))


@lru_cache(maxsize=4096)
def choose_name_lookup(search: NameSearch) -> NameLookup:
    """Return the faster lookup for a search.

    The index needs three characters, and not every server has one. Some engines read all names faster than many
    matches of the index.
    """
    engine = derived.engine_module(db.engine.dialect.name)
    has_index = current_app.extensions.get("names_indexed")
    if has_index is None:
        has_index = current_app.extensions["names_indexed"] = engine.has_name_index(db.session.connection())
    if not has_index or len(search.text) < 3:
        return NameLookup.SCAN
    many = engine.expects_many(db.session.connection(), search.owner_key, search.text)
    return NameLookup.SCAN if many else NameLookup.INDEX
