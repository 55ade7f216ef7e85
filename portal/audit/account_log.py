"""The one place that writes down what was done to accounts, in the transaction of the change itself."""

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
    what: AccountEvent,
    *,
    subject_key: int | None,
    by: Actor | None,
    address: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write down what was done to an account (None = an address that has none).

    `by` None: nobody was signed in; where no `address` is told either, a command did it. The details hold no secret
    and no phone number.
    """
    address = by.address if by else address
    way = by.channel if by else (Channel.PAGE if address else Channel.COMMAND)
    row = {
        "at": now_ms(),
        "subject_key": subject_key,
        "actor_key": by.user_key if by and way != Channel.COMMAND else None,
        "token_key": by.token_key if by else None,
        "way": way,
        "what": what,
        "address": address,
        "details": dict(details or {}),
    }
    session.execute(insert(AccountLogEntry.__table__), [row])


def log_export(by: Actor, details: Mapping[str, Any]) -> None:
    """Write down, before a file leaves, that somebody takes away what an account holds: `kind`, and what of it.

    What cannot be written down does not leave: the file is sent after this.
    """
    with write_transaction() as session:
        log_account_event(session, AccountEvent.EXPORTED, subject_key=by.user_key, by=by, details=details)
