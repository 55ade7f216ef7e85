"""Query parameters of the audit log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from portal.models import AccountEvent, BatchEvent
from portal.web.field_types import DateBound
from portal.web.parameters import PageSize, Parameters, text_type

CURSOR = re.compile(r"(\d{1,18})\.(\d{1,18})", re.ASCII)

# Every event by its word. No word is in both vocabularies.
EVENTS: Mapping[str, AccountEvent | BatchEvent] = {event.value: event for event in (*AccountEvent, *BatchEvent)}


@dataclass(frozen=True)
class AuditCursor:
    """A position in the audit log: the keys of the oldest account entry and the oldest batch entry that were shown.

    New entries do not move it, so no entry is shown twice or skipped.
    """

    account_key: int
    batch_key: int

    def __str__(self) -> str:
        return f"{self.account_key}.{self.batch_key}"


def parse_cursor(value: Any) -> Any:
    """Return the cursor that a link contains. Raises ValueError."""
    if isinstance(value, AuditCursor):
        return value
    match = CURSOR.fullmatch(value)
    if not match:
        raise ValueError("must come from a link to older entries, such as 120.35")
    return AuditCursor(int(match[1]), int(match[2]))


def parse_event(value: Any) -> Any:
    """Return the event of a word. Raises ValueError."""
    if value not in EVENTS:
        raise ValueError(f"must be one of {', '.join(EVENTS)}")
    return EVENTS[value]


class AuditFilters(Parameters):
    """Filters of the audit log. `user` matches the actor and the account that was changed."""

    user: text_type(254) = ""
    what: Annotated[AccountEvent | BatchEvent, BeforeValidator(parse_event)] | None = None
    since: Annotated[DateBound | None, Field(alias="from")] = None
    until: Annotated[DateBound | None, Field(alias="to")] = None

    @property
    def is_filtered(self) -> bool:
        """Return whether any filter is set."""
        return bool(self.user or self.what or self.since or self.until)


class AuditParameters(AuditFilters):
    """One page of the audit log: up to `limit` entries older than `before`."""

    limit: PageSize = 50
    before: Annotated[AuditCursor, BeforeValidator(parse_cursor)] | None = None


class AuditExportParameters(AuditFilters):
    """All entries that match the filters."""
