"""Write the account part of the audit log, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from portal.db.transactions import write_transaction
from portal.models import AccountEvent, AccountLogEntry, Channel
from portal.models.actor import Actor
from portal.times import now_ms


def log_account_event(
    session: Session,
    event: AccountEvent,
    *,
    subject_key: int | None,
    by: Actor | None,
    address: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write an event of an account; `subject_key` None = the email address has no account.

    `by` None = not signed in (then `address` is the IP address), or a command. The details hold no secret and no phone
    number.
    """
    if by:
        channel, address = by.channel, by.address
    else:
        channel = Channel.PAGE if address else Channel.COMMAND
    row = {
        "at": now_ms(),
        "subject_key": subject_key,
        "actor_key": by.user_key if by and channel != Channel.COMMAND else None,
        "token_key": by.token_key if by else None,
        "way": channel,
        "what": event,
        "address": address,
        "details": dict(details or {}),
    }
    session.execute(insert(AccountLogEntry.__table__), [row])


def log_export(by: Actor, details: Mapping[str, Any]) -> None:
    """Commit the entry of an export; call this before the file is sent. `kind` in the details names the content."""
    with write_transaction() as session:
        log_account_event(session, AccountEvent.EXPORTED, subject_key=by.user_key, by=by, details=details)
