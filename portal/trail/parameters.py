"""What a reader of the audit trail may ask for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from portal.models import Event, What
from portal.parameters import PageSize, Parameters, text
from portal.web.field_types import When

PLACE = re.compile(r"(\d{1,18})\.(\d{1,18})", re.ASCII)

# Everything that can be found in the trail: what is done to accounts, then what is done to batches.
Kind = StrEnum("Kind", {word.name: word.value for word in (*Event, *What)})


@dataclass(frozen=True)
class Place:
    """How far the trail was read, newest first: the key of the last event of an account, and of the last change of a
    batch, that were seen. What is written meanwhile moves neither, so that no entry is seen twice or left out."""

    event: int
    change: int

    def __str__(self) -> str:
        return f"{self.event}.{self.change}"


def as_place(value: Any) -> Any:
    """A place as an address holds it. Raises ValueError."""
    if isinstance(value, Place):
        return value
    match = PLACE.fullmatch(value)
    if not match:
        raise ValueError("must be a place in the trail, as a link to older entries holds it")
    return Place(int(match[1]), int(match[2]))


def as_kind(value: Any) -> Any:
    """One of the words of the trail. Raises ValueError."""
    if value not in set(Kind):
        raise ValueError(f"must be one of {', '.join(Kind)}")
    return Kind(value)


class TrailFilters(Parameters):
    """Which entries of the trail; `user` is whoever did it, or whose account it was done to."""

    user: text(254) = ""
    what: Annotated[Kind, BeforeValidator(as_kind)] | None = None
    since: Annotated[When | None, Field(alias="from")] = None
    until: Annotated[When | None, Field(alias="to")] = None

    @property
    def narrows(self) -> bool:
        """Whether anything leaves entries out."""
        return bool(self.user or self.what or self.since or self.until)


class TrailParameters(TrailFilters):
    """A part of the trail, newest first: so many entries, from a place on."""

    limit: PageSize = 50
    before: Annotated[Place, BeforeValidator(as_place)] | None = None


class TrailExport(TrailFilters):
    """Everything that the filters let through, as a file. Where a page of it began says nothing here."""
