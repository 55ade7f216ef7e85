"""Describe the log entries of a batch. No SQL, no request, no HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from portal.audit.setting_changes import describe_changed_settings
from portal.models import BatchEvent, Channel

SYSTEM = "System"  # shown as the actor of changes that no user requested


class BatchEventRow(Protocol):
    """A log entry with the names of its user and its token; `token` is None without one."""

    at: int
    way: str
    what: str
    details: dict[str, Any]
    user: str
    token: str | None


@dataclass(frozen=True)
class BatchEventView:
    """A log entry as pages show it; `at` is in milliseconds."""

    at: int
    description: str
    actor: str
    channel: str


def batch_event_view(row: BatchEventRow) -> BatchEventView:
    """Return the view of a log entry."""
    actor = SYSTEM if row.details.get("by_itself") else row.user
    return BatchEventView(row.at, describe_event(row.what, row.details), actor, describe_channel(row))


def describe_channel(row: BatchEventRow) -> str:
    """Name the token of a change, or the channel if there is none."""
    return f"token “{row.token}”" if row.token else Channel.label_of(row.way)


def describe_event(event: str, details: Mapping[str, Any]) -> str:
    """Describe a change without the name of its batch; an event that only a newer release knows by its word."""
    match event:
        case BatchEvent.CREATED:
            return f"Created with {format_call_count(details['calls'])}" if details.get("calls") else "Created"
        case BatchEvent.CALLS_ADDED:
            return describe_added_calls(details)
        case BatchEvent.STATUS:
            return f"Changed from {details['from']} to {details['to']}"
        case BatchEvent.RENAMED:
            return f"Renamed from “{details['from']}” to “{details['to']}”"
        case BatchEvent.SETTINGS:
            return f"Changed {describe_changed_settings(details)}"
        case BatchEvent.DELETED:
            return "Deleted" if details["from"] == details["to"] else f"Deleted and {details['to']}"
        case BatchEvent.RESTORED:
            return "Restored"
    return event


def describe_added_calls(details: Mapping[str, Any]) -> str:
    """Describe the numbers of calls added and updated: "2 calls added, 1 updated"."""
    updated = details.get("updated", 0)
    return f"{format_call_count(details['added'])} added" + (f", {updated:,} updated" if updated else "")


def format_call_count(count: int) -> str:
    """Format a number of calls: "1 call", "1,200 calls"."""
    return f"{count:,} call{'' if count == 1 else 's'}"
