"""How an entry of the trail is told. No SQL, no request, no HTML; no batch by its name, nobody's phone number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from portal.changes.presenter import WAYS, calls
from portal.models import Event, Way, What
from portal.times import iso

EVENTS = {
    Event.ADDED: "Account made",
    Event.CHANGED: "Account changed",
    Event.DISABLED: "Disabled",
    Event.ENABLED: "Enabled again",
    Event.ROLE: "Role changed",
    Event.PASSWORD: "New password",
    Event.SIGNED_IN: "Signed in",
    Event.SIGN_IN_REFUSED: "Sign-in refused",
    Event.SIGNED_OUT: "Signed out",
    Event.SIGNED_OUT_EVERYWHERE: "Signed out everywhere",
    Event.SECOND_FACTOR_ON: "Second factor turned on",
    Event.SECOND_FACTOR_OFF: "Second factor turned off",
    Event.RECOVERY_CODES_MADE: "Recovery codes made",
    Event.RECOVERY_CODE_USED: "Recovery code used",
    Event.IDENTITY_LINKED: "Sign-in of a provider linked",
    Event.TOKEN_MADE: "Token made",
    Event.TOKEN_REVOKED: "Token revoked",
    Event.EXPORTED: "Exported",
}
CHANGES = {
    What.CREATED: "Batch made",
    What.FILLED: "Calls added to a batch",
    What.STATUS: "Batch moved",
    What.RENAMED: "Batch renamed",
    What.DELETED: "Batch deleted",
    What.RESTORED: "Batch restored",
}
# What is told of an event under these names needs no name beside it.
SPEAK_FOR_THEMSELVES = ("how", "kind", "why")
COMMAND_LINE = "the command line"
HEADER = ("at", "what", "details", "by", "account", "token", "way", "address", "batchId")


class TrailRow(Protocol):
    """What is read of an entry: `doer` and `subject` are e-mail addresses, None where there is none."""

    of_account: bool
    at: int
    what: str
    way: str
    address: str
    details: dict[str, Any]
    doer: str | None
    subject: str | None
    token: str | None
    batch_id: str | None


@dataclass(frozen=True)
class EntryView:
    """An entry in words: when (milliseconds), what and what exactly, who did it and how, to which account or batch.

    What is not known, or goes without saying, is empty.
    """

    at: int
    what: str
    details: str
    who: str
    how: str
    account: str
    batch_id: str

    @property
    def manner(self) -> str:
        """Who did it, where that was another than the account's own user, and how."""
        return ", ".join(part for part in (self.who if self.who != self.account else "", self.how) if part)


def entry_view(row: TrailRow) -> EntryView:
    """An entry as a page tells it."""
    return EntryView(
        at=row.at,
        what=what_words(row),
        details=detail_words(row),
        who=who_words(row),
        how=how_words(row),
        account=row.subject or "",
        batch_id=row.batch_id or "",
    )


def what_words(row: TrailRow) -> str:
    """What was done."""
    return EVENTS[Event(row.what)] if row.of_account else CHANGES[What(row.what)]


def who_words(row: TrailRow) -> str:
    """Who did it: an e-mail address, or a word for whom no account stands; empty where nobody was known."""
    if row.doer:
        return "by itself" if row.details.get("by_itself") else row.doer
    return COMMAND_LINE if row.way == Way.COMMAND else ""


def how_words(row: TrailRow) -> str:
    """By which way it came, and from which address."""
    if who_words(row) == COMMAND_LINE:
        return ""
    how = f"token “{row.token}”" if row.token else WAYS[Way(row.way)]
    return f"{how}, {row.address}" if row.address else how


def detail_words(row: TrailRow) -> str:
    """What exactly; of a batch never its name."""
    told = row.details
    if row.of_account:
        return ", ".join(plain_words(name, value) for name, value in told.items() if value not in (None, "", False))
    what = What(row.what)
    if what is What.CREATED:
        return calls(told["calls"]) if told.get("calls") else ""
    if what is What.FILLED:
        return filled_words(told)
    if what in (What.STATUS, What.DELETED):
        return f"from {told['from']} to {told['to']}" if told["from"] != told["to"] else ""
    return ""


def filled_words(told: Mapping[str, Any]) -> str:
    """How many calls came into a batch."""
    updated = told.get("updated", 0)
    return f"{calls(told['added'])} added" + (f", {updated:,} updated" if updated else "")


def plain_words(name: str, value: Any) -> str:
    """One thing that is told of an event: rows 1,200; to admin; by what it was done."""
    if name in SPEAK_FOR_THEMSELVES:
        return str(value)
    words = name.replace("_", " ")
    if value is True:
        return words
    return f"{words} {value:,}" if isinstance(value, int) else f"{words} {value}"


def entry_cells(row: TrailRow) -> tuple[str, ...]:
    """An entry as a row of a file, under HEADER."""
    account, batch = row.subject or "", row.batch_id or ""
    words = (row.what, detail_words(row), who_words(row), account, row.token or "", row.way, row.address, batch)
    return (iso(row.at), *words)
