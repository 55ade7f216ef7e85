"""Present entries of the audit log. No SQL, no request, no HTML; no batch names and no phone numbers.

The names of events are the labels in portal/models/account_log.py and portal/models/batch_log.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from portal.audit.batch_presenter import SYSTEM, describe_added_calls, format_call_count
from portal.audit.setting_changes import describe_changed_settings
from portal.models import AccountEvent, BatchEvent, Channel
from portal.times import format_iso

EVENT_GROUPS = {"Accounts": AccountEvent, "Batches": BatchEvent}

# The values of these details are shown without their names.
UNNAMED_DETAILS = ("how", "kind", "why")
COMMAND_LINE = "the command line"
AUDIT_HEADER = ("at", "what", "details", "by", "account", "token", "way", "address", "batchId")


class AuditRow(Protocol):
    """An entry as portal/audit/query.py selects it; `actor` and `subject` are email addresses."""

    of_account: bool
    at: int
    what: str
    way: str
    address: str
    details: dict[str, Any]
    actor: str | None
    subject: str | None
    token: str | None
    batch_id: str | None


@dataclass(frozen=True)
class AuditEntryView:
    """An entry in words; `at` in milliseconds. Unknown or obvious values are empty."""

    at: int
    event: str
    details: str
    actor: str
    channel: str
    account: str
    batch_id: str

    @property
    def source(self) -> str:
        """Return the actor, unless the account's own user, and the channel."""
        actor = "" if self.actor == self.account else self.actor
        return ", ".join(filter(None, (actor, self.channel)))


def audit_entry_view(row: AuditRow) -> AuditEntryView:
    """Return an entry as pages and commands show it."""
    return AuditEntryView(
        at=row.at,
        event=(AccountEvent if row.of_account else BatchEvent).label_of(row.what),
        details=describe_details(row),
        actor=describe_actor(row),
        channel=describe_channel(row),
        account=row.subject or "",
        batch_id=row.batch_id or "",
    )


def describe_actor(row: AuditRow) -> str:
    """Return the actor: an email address, SYSTEM or COMMAND_LINE; empty = not signed in."""
    if row.actor:
        return SYSTEM if row.details.get("by_itself") else row.actor
    return COMMAND_LINE if row.way == Channel.COMMAND else ""


def describe_channel(row: AuditRow) -> str:
    """Return the token or channel, and the IP address."""
    if describe_actor(row) == COMMAND_LINE:
        return ""
    channel = f"token “{row.token}”" if row.token else Channel.label_of(row.way)
    return f"{channel}, {row.address}" if row.address else channel


def describe_details(row: AuditRow) -> str:
    """Return the details of an entry; for a batch never its name."""
    details = row.details
    if row.of_account:
        return ", ".join(describe_detail(name, value) for name, value in details.items() if value)
    match row.what:
        case BatchEvent.CREATED:
            return format_call_count(details["calls"]) if details.get("calls") else ""
        case BatchEvent.CALLS_ADDED:
            return describe_added_calls(details)
        case BatchEvent.SETTINGS:
            return describe_changed_settings(details)
        case BatchEvent.STATUS | BatchEvent.DELETED:
            return f"from {details['from']} to {details['to']}" if details["from"] != details["to"] else ""
    return ""


def describe_detail(name: str, value: Any) -> str:
    """Return one detail of an account's entry, such as "rows 1,200", "to admin" or "second factor"."""
    if name in UNNAMED_DETAILS:
        return str(value)
    words = name.replace("_", " ")
    if value is True:
        return words
    return f"{words} {value:,}" if isinstance(value, int) else f"{words} {value}"


def audit_entry_cells(row: AuditRow) -> tuple[str, ...]:
    """Return an entry as a row of the export, in the order of AUDIT_HEADER."""
    return (
        format_iso(row.at),
        row.what,
        describe_details(row),
        describe_actor(row),
        row.subject or "",
        row.token or "",
        row.way,
        row.address,
        row.batch_id or "",
    )
