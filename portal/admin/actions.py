"""Change other users' accounts: the functions of accounts/actions, limited to admins.

Each action is one transaction with its audit log entry. `by` None = the command line, which needs no role.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from portal.accounts import actions as accounts
from portal.accounts.query import require_session
from portal.admin import query
from portal.audit.account_log import log_account_event
from portal.db.transactions import write_transaction
from portal.dialing import stops
from portal.models import AccountEvent, User
from portal.models.actor import Actor
from portal.models.emergency_stop import EVERYONE


class AdminActionRefused(Exception):
    """A refused action; the message gives the reason."""


NOT_AN_ADMIN = "You are no longer an admin"
OWN_ACCOUNT = "You cannot change your own account here; ask another admin"
LAST_ADMIN = "is the last admin who can sign in; make another user an admin first"


@contextmanager
def locked_account(user_key: int | None, by: Actor | None) -> Iterator[tuple[Session, list[User]]]:
    """Open a transaction with the account (if it exists) and all admins locked.

    Raises AdminActionRefused if `by` is no longer an admin or owns the account, and CredentialsChanged if the session
    of `by` has ended.
    """
    with write_transaction() as session:
        locked = list(query.lock_with_admins(user_key))
        require_session(by)
        if by and not any(admin.key == by.user_key for admin in active_admins(locked)):
            raise AdminActionRefused(NOT_AN_ADMIN)
        if by and by.user_key == user_key:
            raise AdminActionRefused(OWN_ACCOUNT)
        yield session, locked


def active_admins(users: list[User]) -> list[User]:
    """Return the admins who can sign in."""
    return [user for user in users if user.is_admin and user.is_active]


def pick_account(users: list[User], user_key: int) -> User:
    """Return the locked account of that key. Accounts are never deleted."""
    return next(user for user in users if user.key == user_key)


def require_another_admin(users: list[User], user: User) -> None:
    """Raise AdminActionRefused if the account is the last admin who can sign in."""
    if active_admins(users) == [user]:
        raise AdminActionRefused(f"{user.email} {LAST_ADMIN}")


def add_user(
    email: str, name: str, zone: str, password: str, region: str, *, is_admin: bool, by: Actor | None = None
) -> User:
    """Create an account with a temporary password.

    Raises InvalidParameter if the email address is taken, and AdminActionRefused.
    """
    with locked_account(None, by):
        return accounts.add_user(email, name, zone, password, region, is_admin=is_admin, is_temporary=True, by=by)


def disable_user(user_key: int, by: Actor | None = None, *, force: bool = False) -> bool:
    """Disable an account: its sessions end and its tokens are revoked.

    Returns whether anything changed. Raises AdminActionRefused, without `force` also for the last admin.
    """
    with locked_account(user_key, by) as (_, locked):
        user = pick_account(locked, user_key)
        if not user.is_active:
            return False
        if not force:
            require_another_admin(locked, user)
        accounts.disable_user(user_key, by)
    return True


def enable_user(user_key: int, by: Actor | None = None) -> bool:
    """Enable a disabled account. Its tokens stay revoked, also those of accounts that an older release disabled.

    Returns whether anything changed. Raises AdminActionRefused.
    """
    with locked_account(user_key, by) as (session, locked):
        user = pick_account(locked, user_key)
        if user.is_active:
            return False
        user.disabled_at = None
        log_account_event(session, AccountEvent.ENABLED, subject_key=user_key, by=by)
        accounts.revoke_all_tokens(user_key, by)
    return True


def set_role(user_key: int, by: Actor | None = None, *, is_admin: bool, force: bool = False) -> bool:
    """Make a user an admin, or an admin a user.

    Returns whether anything changed. Raises AdminActionRefused, without `force` also for the last admin.
    """
    with locked_account(user_key, by) as (session, locked):
        user = pick_account(locked, user_key)
        if user.is_admin == is_admin:
            return False
        if not (is_admin or force):
            require_another_admin(locked, user)
        user.is_admin = is_admin
        log_account_event(
            session, AccountEvent.ROLE, subject_key=user_key, by=by, details={"to": "admin" if is_admin else "user"}
        )
    return True


def set_password(user_key: int, password: str, by: Actor) -> None:
    """Set a temporary password, end all sessions of the account and remove its links. Raises AdminActionRefused."""
    with locked_account(user_key, by):
        accounts.change_password(user_key, password, by, is_temporary=True)


def turn_off_second_factor(user_key: int, by: Actor) -> bool:
    """Turn off two-factor authentication for a user who has lost their phone and recovery codes.

    Returns whether anything changed. Raises AdminActionRefused.
    """
    with locked_account(user_key, by) as (_, locked):
        if pick_account(locked, user_key).totp_secret is None:
            return False
        accounts.turn_off_second_factor(user_key, by)
    return True


def end_sessions(user_key: int, by: Actor) -> bool:
    """End all sessions of the account. Raises AdminActionRefused."""
    with locked_account(user_key, by):
        accounts.sign_out_everywhere(user_key, by)
    return True


def revoke_token(user_key: int, token_id: str, by: Actor) -> bool:
    """Revoke a token of the account. Returns whether anything changed. Raises AdminActionRefused."""
    with locked_account(user_key, by):
        return accounts.revoke_token(user_key, token_id, by)


def revoke_all_tokens(user_key: int, by: Actor) -> bool:
    """Revoke all tokens of the account. Returns whether anything changed. Raises AdminActionRefused."""
    with locked_account(user_key, by):
        return accounts.revoke_all_tokens(user_key, by) > 0


def unlink_identities(user_key: int, by: Actor) -> bool:
    """Remove the account's links to OpenID Connect identities, and end the sessions that a provider started.

    Returns whether anything changed. Raises AdminActionRefused.
    """
    with locked_account(user_key, by):
        return accounts.unlink_identities(user_key, by) > 0


def stop_everyone(reason: str, by: Actor | None = None) -> int:
    """Stop the calls of all accounts, and return the number of open calls. Raises AdminActionRefused."""
    with locked_for_stop(by):
        return stops.stop(by, reason, everyone=True)


def resume_everyone(reason: str, by: Actor | None = None) -> bool:
    """Lift the stop of all accounts, and return whether one was in force. Raises AdminActionRefused."""
    with locked_for_stop(by):
        return stops.resume(by, reason, everyone=True)


@contextmanager
def locked_for_stop(by: Actor | None) -> Iterator[None]:
    """Open a transaction with all batches locked, and then the admins. Raises AdminActionRefused.

    In this order, because a change of a batch locks its list first, and then refers to its user.
    """
    with stops.locked_lists(EVERYONE), locked_account(None, by):
        yield
