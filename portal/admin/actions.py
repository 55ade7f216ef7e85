"""The one place where admins, and the command line, change accounts; each action is one transaction with its event."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import delete
from sqlalchemy.orm import Session

from portal.accounts import actions as accounts
from portal.accounts.passwords import hash_password
from portal.admin import query
from portal.changes.actor import Actor
from portal.database import writing
from portal.models import Event, RecoveryCode, User
from portal.models import Session as SignIn
from portal.times import now_ms
from portal.trail.actions import record


class Refused(Exception):
    """What must not be done; the message says why."""


NO_LONGER = "You are no longer an admin"
ONESELF = "Nobody does this to their own account; another admin can"
LAST = "is the last admin who can sign in; make another one first"


@contextmanager
def changing(user_key: int | None, by: Actor | None) -> Iterator[tuple[Session, list[User]]]:
    """A transaction that changes an account, with that account (if it is there already) and every admin's, locked.

    `by` None = the command line. Raises Refused when whoever does it is no admin any more, or does it to themselves.
    """
    with writing() as session:
        locked = list(query.lock_with_admins(user_key))
        if by and not any(admin.key == by.user_key for admin in working_admins(locked)):
            raise Refused(NO_LONGER)
        if by and by.user_key == user_key:
            raise Refused(ONESELF)
        yield session, locked


def working_admins(users: list[User]) -> list[User]:
    """Those who may sign in and are admins."""
    return [user for user in users if user.is_admin and user.is_active]


def the_one(users: list[User], user_key: int) -> User:
    """The account of that key among those that are locked. Accounts are never removed."""
    return next(user for user in users if user.key == user_key)


def keep_an_admin(users: list[User], user: User) -> None:
    """Raises Refused when nobody but that account could sign in as an admin."""
    if working_admins(users) == [user]:
        raise Refused(f"{user.email} {LAST}")


def end_all_sessions(session: Session, user: User) -> None:
    """Sign the account out of every browser."""
    session.execute(delete(SignIn).where(SignIn.user_key == user.key))
    user.session_nonce = secrets.token_hex(16)


def add_user(
    email: str,
    name: str,
    zone: str,
    password: str,
    region: str = "",
    *,
    is_admin: bool = False,
    by: Actor | None = None,
) -> User:
    """A new account with an empty list. Raises BadParameter when the address is taken, and Refused."""
    with changing(None, by) as (session, _):
        user = accounts.add_user(email, name, zone, password, region)
        user.is_admin = is_admin
        role = {"role": "admin"} if is_admin else {}
        record(session, Event.ADDED, subject_key=user.key, by=by, details=role)
    return user


def disable_user(user_key: int, by: Actor | None = None, *, even_last: bool = False) -> bool:
    """Nobody signs in to the account any more, its sessions end and its tokens stop at once.

    Returns False, and changes nothing, when it is disabled already. Raises Refused, also for the last admin.
    """
    with changing(user_key, by) as (session, locked):
        user = the_one(locked, user_key)
        if not user.is_active:
            return False
        if not even_last:
            keep_an_admin(locked, user)
        user.disabled_at = now_ms()
        end_all_sessions(session, user)
        record(session, Event.DISABLED, subject_key=user.key, by=by)
    return True


def enable_user(user_key: int, by: Actor | None = None) -> bool:
    """The account may be signed in to again, and those of its tokens that were not revoked work again.

    Returns False when it is not disabled. Raises Refused.
    """
    with changing(user_key, by) as (session, locked):
        user = the_one(locked, user_key)
        if user.is_active:
            return False
        user.disabled_at = None
        record(session, Event.ENABLED, subject_key=user.key, by=by)
    return True


def set_role(user_key: int, *, is_admin: bool, by: Actor | None = None, even_last: bool = False) -> bool:
    """Give an account the role of an admin, or take it.

    Returns False when it has that role already. Raises Refused, also where the last admin's is to be taken.
    """
    with changing(user_key, by) as (session, locked):
        user = the_one(locked, user_key)
        if user.is_admin == is_admin:
            return False
        if not (is_admin or even_last):
            keep_an_admin(locked, user)
        user.is_admin = is_admin
        record(session, Event.ROLE, subject_key=user.key, by=by, details={"to": "admin" if is_admin else "user"})
    return True


def set_password(user_key: int, password: str, by: Actor | None = None) -> None:
    """A new password; every session of the account ends. Raises Refused."""
    password_hash = hash_password(password)  # slow on purpose, so before the transaction
    with changing(user_key, by) as (session, locked):
        user = the_one(locked, user_key)
        user.password_hash = password_hash
        end_all_sessions(session, user)
        record(session, Event.PASSWORD, subject_key=user.key, by=by)


def turn_off_second_factor(user_key: int, by: Actor | None = None) -> bool:
    """The password alone signs in again, until a new second factor is set up; for whoever has lost theirs.

    Returns False when there is none. Raises Refused.
    """
    with changing(user_key, by) as (session, locked):
        user = the_one(locked, user_key)
        if user.totp_secret is None:
            return False
        user.totp_secret = user.totp_step = None
        session.execute(delete(RecoveryCode).where(RecoveryCode.user_key == user.key))
        record(session, Event.SECOND_FACTOR_OFF, subject_key=user.key, by=by)
    return True


def end_sessions(user_key: int, by: Actor | None = None) -> None:
    """Sign the account out of every browser. Raises Refused."""
    with changing(user_key, by) as (session, locked):
        end_all_sessions(session, the_one(locked, user_key))
        record(session, Event.SIGNED_OUT_EVERYWHERE, subject_key=user_key, by=by)
