"""How an entry of the trail is told. No SQL, no request, no HTML; no batch by its name, nobody's phone number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from portal.audit.batch_presenter import SYSTEM, describe_added_calls, format_call_count
from portal.models import AccountEvent, BatchEvent, Channel
from portal.times import format_iso

ACCOUNT_EVENT_LABELS = {
    AccountEvent.ADDED: "Account made",
    AccountEvent.CHANGED: "Account changed",
    AccountEvent.DISABLED: "Disabled",
    AccountEvent.ENABLED: "Enabled again",
    AccountEvent.ROLE: "Role changed",
    AccountEvent.PASSWORD: "New password",
    AccountEvent.SIGNED_IN: "Signed in",
    AccountEvent.SIGN_IN_REFUSED: "Sign-in refused",
    AccountEvent.SIGNED_OUT: "Signed out",
    AccountEvent.SIGNED_OUT_EVERYWHERE: "Signed out everywhere",
    AccountEvent.SECOND_FACTOR_ON: "Second factor turned on",
    AccountEvent.SECOND_FACTOR_OFF: "Second factor turned off",
    AccountEvent.RECOVERY_CODES_MADE: "Recovery codes made",
    AccountEvent.RECOVERY_CODE_USED: "Recovery code used",
    AccountEvent.IDENTITY_LINKED: "Sign-in of a provider linked",
    AccountEvent.TOKEN_MADE: "Token made",
    AccountEvent.TOKEN_REVOKED: "Token revoked",
    AccountEvent.EXPORTED: "Exported",
}
# What is told of an event under these names needs no name beside it.
SPEAK_FOR_THEMSELVES = ("how", "kind", "why")
COMMAND_LINE = "the command line"
AUDIT_HEADER = ("at", "what", "details", "by", "account", "token", "way", "address", "batchId")


class AuditRow(Protocol):
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
class AuditEntryView:
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


def audit_entry_view(row: AuditRow) -> AuditEntryView:
    """An entry as a page tells it."""
    return AuditEntryView(
        at=row.at,
        what=describe_event(row),
        details=describe_details(row),
        who=describe_actor(row),
        how=describe_channel(row),
        account=row.subject or "",
        batch_id=row.batch_id or "",
    )


def describe_event(row: AuditRow) -> str:
    """What was done."""
    return ACCOUNT_EVENT_LABELS[AccountEvent(row.what)] if row.of_account else BatchEvent(row.what).label


def describe_actor(row: AuditRow) -> str:
    """Who did it: an e-mail address, or a word for whom no account stands; empty where nobody was known."""
    if row.doer:
        return SYSTEM if row.details.get("by_itself") else row.doer
    return COMMAND_LINE if row.way == Channel.COMMAND else ""


def describe_channel(row: AuditRow) -> str:
    """By which way it came, and from which address."""
    if describe_actor(row) == COMMAND_LINE:
        return ""
    how = f"token “{row.token}”" if row.token else Channel(row.way).label
    return f"{how}, {row.address}" if row.address else how


def describe_details(row: AuditRow) -> str:
    """What exactly; of a batch never its name."""
    told = row.details
    if row.of_account:
        return ", ".join(describe_detail(name, value) for name, value in told.items() if value not in (None, "", False))
    what = BatchEvent(row.what)
    if what is BatchEvent.CREATED:
        return format_call_count(told["calls"]) if told.get("calls") else ""
    if what is BatchEvent.FILLED:
        return describe_added_calls(told)
    if what in (BatchEvent.STATUS, BatchEvent.DELETED):
        return f"from {told['from']} to {told['to']}" if told["from"] != told["to"] else ""
    return ""


def describe_detail(name: str, value: Any) -> str:
    """One thing that is told of an event: rows 1,200; to admin; by what it was done."""
    if name in SPEAK_FOR_THEMSELVES:
        return str(value)
    words = name.replace("_", " ")
    if value is True:
        return words
    return f"{words} {value:,}" if isinstance(value, int) else f"{words} {value}"


def audit_entry_cells(row: AuditRow) -> tuple[str, ...]:
    """An entry as a row of a file, under HEADER."""
    account, batch = row.subject or "", row.batch_id or ""
    words = (
        row.what,
        describe_details(row),
        describe_actor(row),
        account,
        row.token or "",
        row.way,
        row.address,
        batch,
    )
    return (format_iso(row.at), *words)
