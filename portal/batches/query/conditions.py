"""Which batches match what was asked: conditions, built once for each combination of them, and given values later.

Building a select takes longer than running it, so that none is built for a request that is like one before.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Select, bindparam, or_

from portal.batches import derived
from portal.batches.parameters import BatchListParameters
from portal.extensions import db
from portal.live import live_batches
from portal.models import Batch, QueueStatus
from portal.text import fold

# The ends of the calendar, in milliseconds: what a range without a bound begins or ends with.
MIN_MS, MAX_MS = -(1 << 47), 1 << 48


class NameLookup(Enum):
    """How a part of a name is looked for: not at all, in the index of names, or in each name."""

    ANY = "any"
    INDEXED = "indexed"
    SCANNED = "scanned"


@dataclass(frozen=True)
class Conditions:
    """Which conditions a select has; their values are `match_values`.

    `dialect` is the kind of database, where names are looked for. `or_status`: the search is also part of a status'
    word, and every batch of such a status matches.
    """

    names: NameLookup = NameLookup.ANY
    dialect: str = ""
    or_status: bool = False
    status: bool = False
    from_first: bool = False
    to_end: bool = False

    @property
    def engine(self) -> Any:
        """What is special to the kind of database."""
        return derived.engine_module(self.dialect)


def conditions_for(asked: BatchListParameters, names: NameLookup) -> Conditions:
    """The conditions of what was asked."""
    return Conditions(
        names,
        db.engine.dialect.name,
        or_status=bool(statuses_containing(asked)),
        status=bool(asked.status),
        from_first=asked.created_from is not None,
        to_end=asked.created_to is not None,
    )


def condition_values(owner_key: int, asked: BatchListParameters) -> dict[str, Any]:
    """The values of every condition that there may be."""
    first, end = created_range(asked)
    values = {"owner": owner_key, "first": first, "end": end}
    if asked.status:
        values["statuses"] = asked.status
    if asked.search:
        values |= name_values(owner_key, fold(asked.search)) | {"named_statuses": statuses_containing(asked)}
    return values


def select_matching(match: Conditions) -> Select[Any]:
    """A select of the `owner`'s live batches under these conditions."""
    query = live_batches(bindparam("owner"))
    if match.status:
        query = query.where(Batch.status.in_(bindparam("statuses", expanding=True)))
    if match.from_first:
        query = query.where(Batch.created_at >= bindparam("first"))
    if match.to_end:
        query = query.where(Batch.created_at < bindparam("end"))
    if match.names is NameLookup.ANY:
        return query
    named = match.engine.INDEXED if match.names is NameLookup.INDEXED else match.engine.SCANNED
    return query.where(or_(named, status_name_condition()) if match.or_status else named)


def status_name_condition() -> ColumnElement[bool]:
    """The batches whose status' word holds the search, whatever their names."""
    return Batch.status.in_(bindparam("named_statuses", expanding=True))


def created_range(asked: BatchListParameters) -> tuple[int, int]:
    """The first millisecond at which a batch may have been created, and the first at which it may no more."""
    first = asked.created_from.first_ms if asked.created_from else MIN_MS
    return first, asked.created_to.last_ms + 1 if asked.created_to else MAX_MS


def statuses_containing(asked: BatchListParameters) -> list[QueueStatus]:
    """The statuses whose words hold the search; every batch of theirs matches, whatever its name."""
    folded = fold(asked.search)
    return [status for status in QueueStatus if folded and folded in status]


def name_values(owner_key: int, folded: str) -> dict[str, Any]:
    """The values of the conditions on names."""
    engine = derived.engine_module(db.engine.dialect.name)
    return {"owner": owner_key, "folded": folded} | engine.name_values(owner_key, folded)


@lru_cache(maxsize=4096)
def choose_name_lookup(version: int, owner_key: int, folded: str) -> NameLookup:
    """How `folded` is looked for: the index knows runs of three characters, not every server has one, and where many
    names are to be expected some engines read all of them more quickly. Kept like a count (see counts.py)."""
    engine = derived.engine_module(db.engine.dialect.name)
    indexed = current_app.extensions.get("names_indexed")
    if indexed is None:
        indexed = current_app.extensions["names_indexed"] = engine.has_name_index(db.session.connection())
    if not indexed or len(folded) < 3:
        return NameLookup.SCANNED
    return NameLookup.SCANNED if engine.expects_many(db.session.connection(), owner_key, folded) else NameLookup.INDEXED
