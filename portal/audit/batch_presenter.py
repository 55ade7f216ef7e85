"""How a change is told. No SQL, no request, no HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from portal.models import BatchEvent, Channel

CHANNEL_LABELS = {Channel.PAGE: "on a page", Channel.API: "by the API", Channel.COMMAND: "from the command line"}


class BatchEventRow(Protocol):
    """What is shown of a change; `token` is the token's name, None where there was none."""

    at: int
    way: str
    what: str
    details: dict[str, Any]
    user: str
    token: str | None


@dataclass(frozen=True)
class BatchEventView:
    """A change in words: when (milliseconds), what, who, and how it came."""

    at: int
    what: str
    who: str
    how: str


def batch_event_view(row: BatchEventRow) -> BatchEventView:
    """A change as a page tells it."""
    by_itself = row.details.get("by_itself", False)
    how = f"token “{row.token}”" if row.token else CHANNEL_LABELS[Channel(row.way)]
    return BatchEventView(
        row.at, describe_event(BatchEvent(row.what), row.details), "by itself" if by_itself else row.user, how
    )


def describe_event(what: BatchEvent, told: Mapping[str, Any]) -> str:
    """What was done."""
    if what is BatchEvent.CREATED:
        return f"Made with {format_call_count(told['calls'])}" if told.get("calls") else "Made"
    if what is BatchEvent.FILLED:
        updated = told.get("updated", 0)
        return f"{format_call_count(told['added'])} added" + (f", {updated:,} updated" if updated else "")
    if what is BatchEvent.STATUS:
        return f"From {told['from']} to {told['to']}"
    if what is BatchEvent.RENAMED:
        return f"Renamed from “{told['from']}” to “{told['to']}”"
    if what is BatchEvent.DELETED:
        return "Deleted" + (f", and {told['to']} by it" if told["from"] != told["to"] else "")
    return "Restored"


def format_call_count(count: int) -> str:
    """So many calls."""
    return f"{count:,} call{'' if count == 1 else 's'}"
