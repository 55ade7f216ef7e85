"""What admins do to other people's accounts: what accounts/actions.py does, by whoever may do it and nobody else.

Each action is one transaction with its entry in the trail. `by` None = the command line, which asks for no role.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from portal.accounts import actions as accounts
from portal.admin import query
from portal.audit.account_log import log_account_event
from portal.db.transactions import write_transaction
from portal.models import AccountEvent, User
from portal.models.actor import Actor


class AdminActionRefused(Exception):
    """What must not be done; the message says why."""


NOT_AN_ADMIN = "You are no longer an admin"
OWN_ACCOUNT = "Nobody does this to their own account; another admin can"
LAST_ADMIN = "is the last admin who can sign in; make another one first"


@contextmanager
def locked_account(user_key: int | None, by: Actor | None) -> Iterator[tuple[Session, list[User]]]:
    """A transaction that changes an account, with that account (if it is there already) and every admin's, locked.

    Raises Refused when whoever does it is no admin any more, or does it to themselves.
    """
    with write_transaction() as session:
        locked = list(query.lock_with_admins(user_key))
        if by and not any(admin.key == by.user_key for admin in active_admins(locked)):
            raise AdminActionRefused(NOT_AN_ADMIN)
        if by and by.user_key == user_key:
            raise AdminActionRefused(OWN_ACCOUNT)
        yield session, locked


def active_admins(users: list[User]) -> list[User]:
    """Those who may sign in and are admins."""
    return [user for user in users if user.is_admin and user.is_active]


def pick_account(users: list[User], user_key: int) -> User:
    """The account of that key among those that are locked. Accounts are never removed."""
    return next(user for user in users if user.key == user_key)


def require_another_admin(users: list[User], user: User) -> None:
    """Raises Refused when nobody but that account could sign in as an admin."""
    if active_admins(users) == [user]:
        raise AdminActionRefused(f"{user.email} {LAST_ADMIN}")


def add_user(
    email: str, name: str, zone: str, password: str, region: str, *, is_admin: bool, by: Actor | None = None
) -> User:
    """A new account with an empty list. Raises BadParameter when the address is taken, and Refused."""
    with locked_account(None, by):
        return accounts.add_user(email, name, zone, password, region, is_admin=is_admin, by=by)


def disable_user(user_key: int, by: Actor | None = None, *, even_last: bool = False) -> bool:
    """Nobody signs in to the account any more, its sessions end and its tokens stop at once.

    Returns False, and changes nothing, when it is disabled already. Raises Refused, also for the last admin.
    """
    with locked_account(user_key, by) as (_, locked):
        user = pick_account(locked, user_key)
        if not user.is_active:
            return False
        if not even_last:
            require_another_admin(locked, user)
        accounts.disable_user(user_key, by)
    return True


def enable_user(user_key: int, by: Actor | None = None) -> bool:
    """The account may be signed in to again, and those of its tokens that were not revoked work again.

    Returns False when it is not disabled. Raises Refused.
    """
    with locked_account(user_key, by) as (session, locked):
        user = pick_account(locked, user_key)
        if user.is_active:
            return False
        user.disabled_at = None
        log_account_event(session, AccountEvent.ENABLED, subject_key=user_key, by=by)
    return True


def set_role(user_key: int, *, is_admin: bool, by: Actor | None = None, even_last: bool = False) -> bool:
    """Give an account the role of an admin, or take it.

    Returns False when it has that role already. Raises Refused, also where the last admin's is to be taken.
    """
    with locked_account(user_key, by) as (session, locked):
        user = pick_account(locked, user_key)
        if user.is_admin == is_admin:
            return False
        if not (is_admin or even_last):
            require_another_admin(locked, user)
        user.is_admin = is_admin
        log_account_event(
            session, AccountEvent.ROLE, subject_key=user_key, by=by, details={"to": "admin" if is_admin else "user"}
        )
    return True


def set_password(user_key: int, password: str, by: Actor) -> None:
    """A new password; every session of the account ends. Raises Refused."""
    with locked_account(user_key, by):
        accounts.change_password(user_key, password, by)


def turn_off_second_factor(user_key: int, by: Actor) -> bool:
    """The password alone signs in again, until a new second factor is set up; for whoever has lost theirs.

    Returns False when there is none. Raises Refused.
    """
    with locked_account(user_key, by) as (_, locked):
        if pick_account(locked, user_key).totp_secret is None:
            return False
        accounts.turn_off_second_factor(user_key, by)
    return True


def end_sessions(user_key: int, by: Actor) -> None:
    """Sign the account out of every browser. Raises Refused."""
    with locked_account(user_key, by):
        accounts.sign_out_everywhere(user_key, by)
