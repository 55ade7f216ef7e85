"""How a change is told. No SQL, no request, no HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from portal.models import Way, What

WAYS = {Way.PAGE: "on a page", Way.API: "by the API", Way.COMMAND: "from the command line"}


class ChangeRow(Protocol):
    """What is shown of a change; `token` is the token's name, None where there was none."""

    at: int
    way: str
    what: str
    details: dict[str, Any]
    user: str
    token: str | None


@dataclass(frozen=True)
class ChangeView:
    """A change in words: when (milliseconds), what, who, and how it came."""

    at: int
    what: str
    who: str
    how: str


def change_view(row: ChangeRow) -> ChangeView:
    """A change as a page tells it."""
    by_itself = row.details.get("by_itself", False)
    how = f"token “{row.token}”" if row.token else WAYS[Way(row.way)]
    return ChangeView(row.at, what_words(What(row.what), row.details), "by itself" if by_itself else row.user, how)


def what_words(what: What, told: Mapping[str, Any]) -> str:
    """What was done."""
    if what is What.CREATED:
        return f"Made with {calls(told['calls'])}" if told.get("calls") else "Made"
    if what is What.FILLED:
        updated = told.get("updated", 0)
        return f"{calls(told['added'])} added" + (f", {updated:,} updated" if updated else "")
    if what is What.STATUS:
        return f"From {told['from']} to {told['to']}"
    if what is What.RENAMED:
        return f"Renamed from “{told['from']}” to “{told['to']}”"
    if what is What.DELETED:
        return "Deleted" + (f", and {told['to']} by it" if told["from"] != told["to"] else "")
    return "Restored"


def calls(count: int) -> str:
    """So many calls."""
    return f"{count:,} call{'' if count == 1 else 's'}"
