"""What a reader of the audit trail may ask for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from portal.models import AccountEvent, BatchEvent
from portal.web.field_types import DateBound
from portal.web.parameters import PageSize, Parameters, text_type

CURSOR = re.compile(r"(\d{1,18})\.(\d{1,18})", re.ASCII)

# Everything that can be found in the trail: what is done to accounts, then what is done to batches.
EventKind = StrEnum("Kind", {word.name: word.value for word in (*AccountEvent, *BatchEvent)})


@dataclass(frozen=True)
class AuditCursor:
    """How far the trail was read, newest first: the key of the last event of an account, and of the last change of a
    batch, that were seen. What is written meanwhile moves neither, so that no entry is seen twice or left out."""

    event: int
    change: int

    def __str__(self) -> str:
        return f"{self.event}.{self.change}"


def parse_cursor(value: Any) -> Any:
    """A place as an address holds it. Raises ValueError."""
    if isinstance(value, AuditCursor):
        return value
    match = CURSOR.fullmatch(value)
    if not match:
        raise ValueError("must be a place in the trail, as a link to older entries holds it")
    return AuditCursor(int(match[1]), int(match[2]))


def parse_event_kind(value: Any) -> Any:
    """One of the words of the trail. Raises ValueError."""
    if value not in set(EventKind):
        raise ValueError(f"must be one of {', '.join(EventKind)}")
    return EventKind(value)


class AuditFilters(Parameters):
    """Which entries of the trail; `user` is whoever did it, or whose account it was done to."""

    user: text_type(254) = ""
    what: Annotated[EventKind, BeforeValidator(parse_event_kind)] | None = None
    since: Annotated[DateBound | None, Field(alias="from")] = None
    until: Annotated[DateBound | None, Field(alias="to")] = None

    @property
    def narrows(self) -> bool:
        """Whether anything leaves entries out."""
        return bool(self.user or self.what or self.since or self.until)


class AuditParameters(AuditFilters):
    """A part of the trail, newest first: so many entries, from a place on."""

    limit: PageSize = 50
    before: Annotated[AuditCursor, BeforeValidator(parse_cursor)] | None = None


class AuditExportParameters(AuditFilters):
    """Everything that the filters let through, as a file. Where a page of it began says nothing here."""
