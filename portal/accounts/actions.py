"""Change users, sessions, second factors and tokens. Each action is one transaction with its audit log entry.

`by` is the author of the change; None = a command. The use of sessions and tokens is not logged.
"""

from __future__ import annotations

from sqlalchemy import delete, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as Transaction

from portal.accounts import query
from portal.accounts.passwords import NO_PASSWORD, hash_password, needs_rehash
from portal.accounts.query import Lifetimes
from portal.accounts.second_factor import (
    decrypt_secret,
    encrypt_secret,
    hash_recovery_code,
    matching_step,
    new_recovery_codes,
)
from portal.accounts.tokens import hash_secret, join_token, new_secret
from portal.audit.account_log import log_account_event
from portal.db.transactions import try_write, write_transaction
from portal.ids import new_id
from portal.models import AccountEvent, BatchList, LinkedIdentity, RecoveryCode, Scope, Token, User, UserSession
from portal.models.actor import Actor
from portal.text import fold
from portal.times import DAY_MS, now_ms
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
    by: Actor | None = None,
) -> User:
    """Create an account; without a password it can sign in only with OpenID Connect.

    Raises InvalidParameter if the email address is taken.
    """
    password_hash = hash_password(password) if password else NO_PASSWORD  # slow, so outside the transaction
    with write_transaction() as session:
        if query.find_user_by_email(email):
            raise InvalidParameter(ADDRESS_TAKEN)
        user = User(
            id=new_id(),
            email=email,
            email_folded=fold(email),
            name=name,
            zone=zone,
            region=region,
            password_hash=password_hash,
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
        user = query.lock_user(user_key)
        user.name = name
        user.zone = zone
        user.region = region
        log_account_event(session, AccountEvent.CHANGED, subject_key=user_key, by=by)


def change_password(user_key: int, password: str, by: Actor | None = None) -> User:
    """Set a new password, end all sessions of the account, and return the user."""
    password_hash = hash_password(password)
    with write_transaction() as session:
        user = query.lock_user(user_key)
        user.password_hash = password_hash
        end_all_sessions(session, user_key)
        log_account_event(session, AccountEvent.PASSWORD, subject_key=user_key, by=by)
    return user


def upgrade_password_hash(user: User, password: str) -> None:
    """Store the hash of a verified password again if it was created with other cost parameters."""
    if needs_rehash(user.password_hash):
        password_hash = hash_password(password)
        with write_transaction():
            query.lock_user(user.key).password_hash = password_hash


def disable_user(user_key: int, by: Actor | None = None) -> None:
    """Disable an account, end its sessions and stop its tokens. Idempotent."""
    with write_transaction() as session:
        user = query.lock_user(user_key)
        if user.disabled_at is None:
            user.disabled_at = now_ms()
            log_account_event(session, AccountEvent.DISABLED, subject_key=user_key, by=by)
        end_all_sessions(session, user_key)


# --- sessions --------------------------------------------------------------------------------------------------------


def start_session(user_key: int, lifetimes: Lifetimes, by: Actor | None, how: str) -> str:
    """Create a session, delete the user's expired ones, and return the new id, of which only the hash is stored.

    `how` is the way of authentication for the audit log.
    """
    session_id, now = new_secret(), now_ms()
    with write_transaction() as session:
        expired = (UserSession.created_at <= now - lifetimes.max_age_ms) | (
            UserSession.seen_at <= now - lifetimes.idle_ms
        )
        session.execute(delete(UserSession).where(UserSession.user_key == user_key, expired))
        row = {"id_hash": hash_secret(session_id), "user_key": user_key, "created_at": now, "seen_at": now}
        session.execute(insert(UserSession), [row])
        log_account_event(session, AccountEvent.SIGNED_IN, subject_key=user_key, by=by, details={"how": how})
    return session_id


def record_session_use(session_key: int) -> None:
    """Store that the session is in use, unless the database is busy."""
    try_write(update(UserSession).where(UserSession.key == session_key).values(seen_at=now_ms()))


def end_session(user_key: int, session_key: int, by: Actor | None = None) -> bool:
    """End one session of the user, and return whether it existed."""
    with write_transaction() as session:
        own_session = (UserSession.key == session_key, UserSession.user_key == user_key)
        ended = bool(session.execute(delete(UserSession).where(*own_session)).rowcount)
        if ended:
            log_account_event(session, AccountEvent.SIGNED_OUT, subject_key=user_key, by=by)
    return ended


def sign_out_everywhere(user_key: int, by: Actor | None = None) -> None:
    """End all sessions of the account, including the current one."""
    with write_transaction() as session:
        end_all_sessions(session, user_key)
        log_account_event(session, AccountEvent.SIGNED_OUT_EVERYWHERE, subject_key=user_key, by=by)


def end_all_sessions(session: Transaction, user_key: int) -> None:
    """Delete all sessions of the account in the caller's transaction."""
    session.execute(delete(UserSession).where(UserSession.user_key == user_key))


def log_refused_sign_in(user_key: int | None, address: str, why: str) -> None:
    """Log a refused sign-in; `user_key` None = the email address has no account."""
    with write_transaction() as session:
        log_account_event(
            session, AccountEvent.SIGN_IN_REFUSED, subject_key=user_key, by=None, address=address, details={"why": why}
        )


# --- two-factor authentication ---------------------------------------------------------------------------------------


def turn_on_second_factor(
    user_key: int, secret: str, code: str, secret_key: str, by: Actor | None = None
) -> list[str] | None:
    """Turn on two-factor authentication and return the recovery codes; None if `code` does not match `secret`."""
    codes = new_recovery_codes()
    with write_transaction() as session:
        user = query.lock_user(user_key)
        step = matching_step(secret, code, None, now_ms())
        if step is None:
            return None
        user.totp_secret = encrypt_secret(secret, secret_key)
        user.totp_step = step
        store_recovery_codes(session, user_key, codes)
        log_account_event(session, AccountEvent.SECOND_FACTOR_ON, subject_key=user_key, by=by)
    return codes


def turn_off_second_factor(user_key: int, by: Actor | None = None) -> None:
    """Turn off two-factor authentication and delete the recovery codes. Idempotent."""
    with write_transaction() as session:
        user = query.lock_user(user_key)
        if user.totp_secret is not None:
            user.totp_secret = user.totp_step = None
            session.execute(delete(RecoveryCode).where(RecoveryCode.user_key == user_key))
            log_account_event(session, AccountEvent.SECOND_FACTOR_OFF, subject_key=user_key, by=by)


def renew_recovery_codes(user_key: int, by: Actor | None = None) -> list[str]:
    """Replace the recovery codes, and return the new ones."""
    codes = new_recovery_codes()
    with write_transaction() as session:
        query.lock_user(user_key)
        store_recovery_codes(session, user_key, codes)
        log_account_event(session, AccountEvent.RECOVERY_CODES_CREATED, subject_key=user_key, by=by)
    return codes


def store_recovery_codes(session: Transaction, user_key: int, codes: list[str]) -> None:
    """Replace the stored recovery codes in the caller's transaction."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_key == user_key))
    rows = [{"user_key": user_key, "code_hash": hash_recovery_code(code)} for code in codes]
    session.execute(insert(RecoveryCode), rows)


def use_code(user_key: int, code: str, secret_key: str, by: Actor | None = None) -> bool:
    """Return whether an app code or recovery code is valid, and mark it as used."""
    with write_transaction() as session:
        user = query.lock_user(user_key)
        if user.totp_secret is None:
            return False
        unused = (RecoveryCode.user_key == user_key, RecoveryCode.used_at.is_(None))
        mark_used = update(RecoveryCode).where(*unused, RecoveryCode.code_hash == hash_recovery_code(code))
        if session.execute(mark_used.values(used_at=now_ms())).rowcount:
            log_account_event(session, AccountEvent.RECOVERY_CODE_USED, subject_key=user_key, by=by)
            return True
        secret = decrypt_secret(user.totp_secret, secret_key)
        step = matching_step(secret, code, user.totp_step, now_ms()) if secret else None
        if step is not None:
            user.totp_step = step
        return step is not None


def link_identity(user_key: int, issuer: str, subject: str, by: Actor | None = None) -> None:
    """Link an OpenID Connect identity to the account. Idempotent."""
    with write_transaction() as session:
        query.lock_user(user_key)
        if query.find_linked_user(issuer, subject) is None:
            row = {"user_key": user_key, "issuer": issuer, "subject": subject, "created_at": now_ms()}
            session.execute(insert(LinkedIdentity), [row])
            details = {"issuer": issuer}
            log_account_event(session, AccountEvent.IDENTITY_LINKED, subject_key=user_key, by=by, details=details)


# --- tokens ----------------------------------------------------------------------------------------------------------


def add_token(
    user_key: int, name: str, scopes: frozenset[Scope], days: int | None = None, by: Actor | None = None
) -> tuple[Token, str]:
    """Create a token, and return it with its text, which is not stored; `days` None = it never expires."""
    secret, now = new_secret(), now_ms()
    with write_transaction() as session:
        token = Token(
            id=new_id(),
            user_key=user_key,
            name=name,
            scopes=" ".join(scope for scope in Scope if scope in scopes),
            secret_hash=hash_secret(secret),
            created_at=now,
            expires_at=now + days * DAY_MS if days else None,
        )
        session.add(token)
        details = {"name": name, "scopes": token.scopes}
        log_account_event(session, AccountEvent.TOKEN_CREATED, subject_key=user_key, by=by, details=details)
    return token, join_token(token.id, secret)


def revoke_token(user_key: int, token_id: str, by: Actor | None = None) -> bool:
    """Revoke a token of the user, and return whether there was an unrevoked one of that id."""
    with write_transaction() as session:
        token = query.find_token(user_key, token_id)
        if token:
            token.revoked_at = now_ms()
            details = {"name": token.name}
            log_account_event(session, AccountEvent.TOKEN_REVOKED, subject_key=user_key, by=by, details=details)
    return token is not None


def record_token_use(token_key: int) -> None:
    """Store that the token was used, unless the database is busy."""
    try_write(update(Token).where(Token.key == token_key).values(last_used_at=now_ms()))
