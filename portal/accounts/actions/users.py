"""Create, change and disable accounts."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.exc import IntegrityError

from portal.accounts import query
from portal.accounts.actions.identities import unlink_identities
from portal.accounts.actions.sessions import end_all_sessions
from portal.accounts.actions.tokens import revoke_all_tokens
from portal.accounts.passwords import NO_PASSWORD, TEMPORARY_MS, hash_password, needs_rehash
from portal.accounts.query import Credentials
from portal.audit.account_log import log_account_event
from portal.db.transactions import write_transaction
from portal.ids import new_id
from portal.models import AccountEvent, BatchList, User
from portal.models.actor import Actor
from portal.text import fold_email
from portal.times import now_ms
from portal.web.parameters import InvalidParameter

ADDRESS_TAKEN = {"email": "email is taken by another account"}


def add_user(
    email: str,
    name: str,
    zone: str,
    password: str | None,
    region: str = "",
    *,
    is_admin: bool = False,
    is_temporary: bool = False,
    by: Actor | None = None,
) -> User:
    """Create an account; without a password it can sign in only with OpenID Connect.

    A temporary password must be changed at the first sign-in (portal/accounts/passwords.py, TEMPORARY_MS).

    Raises InvalidParameter if the email address is taken.
    """
    password_hash = hash_password(password) if password else NO_PASSWORD  # slow, so outside the transaction
    with write_transaction() as session:
        if query.find_user_by_email(email):
            raise InvalidParameter(ADDRESS_TAKEN)
        user = User(
            id=new_id(),
            email=email,
            email_folded=fold_email(email),
            name=name,
            zone=zone,
            region=region,
            password_hash=password_hash,
            temporary_until=now_ms() + TEMPORARY_MS if is_temporary else None,
            is_admin=is_admin,
            created_at=now_ms(),
        )
        session.add(user)
        try:
            session.flush()
        except IntegrityError as error:  # a concurrent transaction added it
            raise InvalidParameter(ADDRESS_TAKEN) from error
        session.add(BatchList(owner_key=user.key))
        session.flush()
        details = {"role": "admin"} if is_admin else {}
        log_account_event(session, AccountEvent.ADDED, subject_key=user.key, by=by, details=details)
    return user


def change_account(user_key: int, name: str, zone: str, region: str, by: Actor | None = None) -> None:
    """Change the name, time zone and region of an account."""
    with write_transaction() as session:
        user = query.lock_user(user_key, by=by)
        user.name = name
        user.zone = zone
        user.region = region
        log_account_event(session, AccountEvent.CHANGED, subject_key=user_key, by=by)


def change_password(
    user_key: int,
    password: str,
    by: Actor | None = None,
    *,
    checked: Credentials | None = None,
    is_temporary: bool = False,
) -> User:
    """Set a new password, end all sessions of the account, and return the user.

    Raises CredentialsChanged if the account is no longer as `checked`; None = an admin or a command, which also removes
    the links to OpenID Connect identities.
    """
    password_hash = hash_password(password)
    with write_transaction() as session:
        user = query.lock_user(user_key, checked, by)
        user.password_hash = password_hash
        user.temporary_until = now_ms() + TEMPORARY_MS if is_temporary else None
        end_all_sessions(session, user_key)
        if checked is None:  # the account is being recovered, perhaps from somebody who has linked it
            unlink_identities(user_key, by)
        log_account_event(session, AccountEvent.PASSWORD, subject_key=user_key, by=by)
    return user


def upgrade_password_hash(checked: Credentials, password: str) -> Credentials:
    """Store the hash of a verified password again if it was created with other cost parameters.

    Returns the credentials with the stored hash. Raises CredentialsChanged if the account is no longer as `checked`.
    """
    if not needs_rehash(checked.password_hash):
        return checked
    password_hash = hash_password(password)
    with write_transaction():
        query.lock_user(checked.user_key, checked).password_hash = password_hash
    return replace(checked, password_hash=password_hash)


def disable_user(user_key: int, by: Actor | None = None) -> None:
    """Disable an account, end its sessions and revoke its tokens. Idempotent."""
    with write_transaction() as session:
        user = query.lock_user(user_key)
        if user.disabled_at is None:
            user.disabled_at = now_ms()
            log_account_event(session, AccountEvent.DISABLED, subject_key=user_key, by=by)
        end_all_sessions(session, user_key)
        revoke_all_tokens(user_key, by)
