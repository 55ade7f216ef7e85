"""Stop all calls at once, and lift the stop. Each act is one transaction with its audit log entry.

Calls are taken under the lock of the owner's batches. A stop takes the same lock, so no call is taken after the stop
was committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from portal.audit.account_log import log_account_event
from portal.batches.actions import lock_batch_list
from portal.db.transactions import write_transaction
from portal.dialing.stops import query
from portal.models import AccountEvent, Channel, EmergencyStop
from portal.models.actor import Actor
from portal.models.emergency_stop import EVERYONE
from portal.times import now_ms


def stop(by: Actor | None, reason: str, *, everyone: bool = False) -> int:
    """Stop the author's account or all accounts, and return the number of open calls, which the dialer hangs up.

    A stop that is in force keeps its reason. `by` None = a command for all accounts.
    """
    owner_key = find_scope(by, everyone=everyone)
    with locked_lists(owner_key) as session:
        open_calls = query.count_on_line(owner_key)
        if query.find_stop(owner_key) is None:
            by_key = by.user_key if by and by.channel != Channel.COMMAND else None
            details = {"why": reason, "hung_up": open_calls}
            session.add(EmergencyStop(owner_key=owner_key, stopped_at=now_ms(), by_key=by_key, reason=reason))
            log_stop_event(session, AccountEvent.EMERGENCY_STOP, by, everyone=everyone, **details)
        return open_calls


def resume(by: Actor | None, reason: str = "", *, everyone: bool = False) -> bool:
    """Lift the stop of the author's account or of all accounts, and return whether one was in force."""
    owner_key = find_scope(by, everyone=everyone)
    with locked_lists(owner_key) as session:
        in_force = query.find_stop(owner_key)
        if in_force is None:
            return False
        session.delete(in_force)
        log_stop_event(session, AccountEvent.EMERGENCY_RESUME, by, everyone=everyone, why=reason)
        return True


def find_scope(by: Actor | None, *, everyone: bool) -> int:
    """Return the owner of a stop as its row stores it."""
    if everyone:
        return EVERYONE
    if by is None:
        raise ValueError("only the stop of all accounts has no author")
    return by.user_key


@contextmanager
def locked_lists(owner_key: int) -> Iterator[Session]:
    """Open a transaction in which no calls of the owner, or with EVERYONE of any owner, are taken."""
    with write_transaction() as session:
        if owner_key == EVERYONE:
            query.lock_every_list()
        else:
            lock_batch_list(session, owner_key)
        yield session


def log_stop_event(
    session: Session, event: AccountEvent, by: Actor | None, *, everyone: bool, **details: str | int
) -> None:
    """Write the audit log entry of an act; the one for all accounts says so."""
    details = {name: value for name, value in ({"all_accounts": everyone} | details).items() if value}
    log_account_event(session, event, subject_key=by.user_key if by else None, by=by, details=details)
