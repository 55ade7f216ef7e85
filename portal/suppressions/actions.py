"""Change do-not-call lists. Each action is one transaction with its audit log entry, which holds no phone numbers.

The owner's batches are locked first, as calls are taken under the same lock: no call is placed to a number after the
change that added it was committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from portal.audit.account_log import log_account_event
from portal.batches.actions import lock_batch_list
from portal.db.transactions import chunks, lift_time_limit, write_transaction
from portal.models import AccountEvent, Suppression, SuppressionList
from portal.models.actor import Actor
from portal.suppressions import query
from portal.times import now_ms
from portal.web.parameters import InvalidParameter

MAX_LISTS = 100  # of one owner


class AddedNumbers(NamedTuple):
    """How many numbers were added to a list, were on it before, and were removed because the list was replaced."""

    added: int
    known: int
    removed: int


def add_numbers(
    by: Actor,
    phone_numbers: Iterable[str],
    source: str,
    until: int | None = None,
    *,
    valid_days: int | None = None,
    replace: bool = False,
    advance: Callable[[int], object] = lambda _: None,
) -> AddedNumbers:
    """Add numbers to a list, which is created if it is new; `advance` receives the count of numbers done.

    A number that is on the list keeps the later one of two ends. With `replace`, numbers that are not given are
    removed. Raises InvalidParameter for one list too many.
    """
    numbers = list(dict.fromkeys(phone_numbers))
    with write_transaction() as session:
        lift_time_limit(session.connection())
        lock_batch_list(session, by.user_key)
        list_key = load_list(session, by, source, valid_days)
        added, done = 0, 0
        for chunk in chunks(numbers):
            known = query.find_numbers(list_key, chunk)
            extend_suppressions(session, list_key, known, until)
            row = {"owner_key": by.user_key, "list_key": list_key, "added_at": now_ms(), "until": until}
            rows = [row | {"phone_number": number} for number in chunk if number not in known]
            if rows:
                session.execute(insert(Suppression.__table__), rows)
            added, done = added + len(rows), done + len(chunk)
            advance(done)
        removed = remove_others(session, list_key, set(numbers)) if replace else 0
        result = AddedNumbers(added, len(numbers) - added, removed)
        details = {"source": source, "added": result.added, "known": result.known, "removed": result.removed}
        log_account_event(session, AccountEvent.SUPPRESSIONS_ADDED, subject_key=by.user_key, by=by, details=details)
    return result


def load_list(session: Session, by: Actor, source: str, valid_days: int | None) -> int:
    """Create a list or renew its age, and return its key. Raises InvalidParameter for one list too many."""
    known = query.find_list(by.user_key, source)
    if known is None:
        if query.count_lists(by.user_key) >= MAX_LISTS:
            raise InvalidParameter({"source": f"source must be one of your {MAX_LISTS} lists, or remove one first"})
        known = SuppressionList(owner_key=by.user_key, source=source)
        session.add(known)
    known.loaded_at = now_ms()
    known.valid_days = valid_days or known.valid_days
    session.flush()
    return known.key


def extend_suppressions(session: Session, list_key: int, phone_numbers: set[str], until: int | None) -> None:
    """Move the end of suppressions to a later time; None = never."""
    if not phone_numbers:
        return
    ends_earlier = Suppression.until.is_not(None) if until is None else Suppression.until < until
    chosen = (Suppression.list_key == list_key, Suppression.phone_number.in_(phone_numbers), ends_earlier)
    session.execute(update(Suppression).where(*chosen).values(until=until))


def remove_others(session: Session, list_key: int, phone_numbers: set[str]) -> int:
    """Remove all numbers of a list except these, and return how many there were."""
    others = query.find_numbers(list_key) - phone_numbers
    for chunk in chunks(others):
        of_list = (Suppression.list_key == list_key, Suppression.phone_number.in_(chunk))
        session.execute(delete(Suppression).where(*of_list))
    return len(others)


def remove_number(by: Actor, phone_number: str, source: str = "") -> int:
    """Remove a number from one of the owner's lists or from all, and return from how many."""
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        found = query.find_lists_of(by.user_key, phone_number, source)
        if found:
            session.execute(delete(Suppression).where(Suppression.key.in_([row.key for row in found])))
            details = {"source": ", ".join(row.source for row in found), "numbers": 1}
            event = AccountEvent.SUPPRESSIONS_REMOVED
            log_account_event(session, event, subject_key=by.user_key, by=by, details=details)
        return len(found)


def remove_list(by: Actor, source: str) -> bool:
    """Remove a list with all its numbers, and return whether it exists."""
    with write_transaction() as session:
        lift_time_limit(session.connection())
        lock_batch_list(session, by.user_key)
        known = query.find_list(by.user_key, source)
        if known is None:
            return False
        numbers = session.execute(delete(Suppression).where(Suppression.list_key == known.key)).rowcount
        session.execute(delete(SuppressionList).where(SuppressionList.key == known.key))
        details = {"source": source, "numbers": numbers}
        event = AccountEvent.SUPPRESSIONS_REMOVED
        log_account_event(session, event, subject_key=by.user_key, by=by, details=details)
        return True
