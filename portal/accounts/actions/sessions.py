"""Start and end sessions. Every way of signing in starts its session here."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session as Transaction

from portal.accounts import query
from portal.accounts.query import Credentials, Lifetimes
from portal.accounts.tokens import hash_secret, new_secret
from portal.audit.account_log import log_account_event
from portal.db.transactions import try_write, write_transaction
from portal.models import AccountEvent, UserSession
from portal.models.actor import Actor
from portal.times import now_ms

MAX_SESSIONS = 50  # of one account


def start_session(
    checked: Credentials,
    lifetimes: Lifetimes,
    by: Actor | None,
    how: str,
    *,
    by_provider: bool = False,
    id_token: str | None = None,
    confirm: Callable[[], None] | None = None,
) -> str:
    """Create a session and return its id, of which only the hash is stored.

    The user's expired sessions are deleted, and those beyond MAX_SESSIONS, the least recently used first.

    `checked` is the account as it was when its credentials were checked, `how` the way of authentication for the audit
    log. `confirm` runs in the same transaction, with the account locked, and raises to refuse the sign-in. Raises
    CredentialsChanged if the account has changed or been disabled since the check.
    """
    session_id, now = new_secret(), now_ms()
    with write_transaction() as session:
        user_key = query.lock_user(checked.user_key, checked).key
        if confirm:
            confirm()
        expired = (UserSession.created_at <= now - lifetimes.max_age_ms) | (
            UserSession.seen_at <= now - lifetimes.idle_ms
        )
        session.execute(delete(UserSession).where(UserSession.user_key == user_key, expired))
        oldest = query.find_sessions_beyond(user_key, MAX_SESSIONS - 1)
        session.execute(delete(UserSession).where(UserSession.key.in_(oldest)))
        row = {"id_hash": hash_secret(session_id), "user_key": user_key, "created_at": now, "seen_at": now}
        session.execute(insert(UserSession), [row | {"by_provider": by_provider, "id_token": id_token}])
        log_account_event(session, AccountEvent.SIGNED_IN, subject_key=user_key, by=by, details={"how": how})
    return session_id


def record_session_use(session_key: int) -> None:
    """Store that the session is in use, unless the database is busy."""
    try_write(update(UserSession).where(UserSession.key == session_key).values(seen_at=now_ms()))


def confirm_session(checked: Credentials, by: Actor) -> str:
    """Store that the user of `by`'s session has just proved their identity again, and return its new id.

    A copy of the earlier id is useless from then on (OWASP ASVS 5.0, 7.2.4). Raises CredentialsChanged if the account
    has changed since the check or the session has ended.
    """
    session_id = new_secret()
    with write_transaction() as session:
        query.lock_user(checked.user_key, checked, by)
        values = {"id_hash": hash_secret(session_id), "confirmed_at": now_ms()}
        session.execute(update(UserSession).where(UserSession.id_hash == by.session_hash).values(**values))
        log_account_event(session, AccountEvent.IDENTITY_CONFIRMED, subject_key=checked.user_key, by=by)
    return session_id


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


def log_refused_credentials(user_key: int, by: Actor, why: str) -> None:
    """Log a wrong password or code of a signed-in user, for a change that requires it."""
    with write_transaction() as session:
        event = AccountEvent.CREDENTIALS_REFUSED
        log_account_event(session, event, subject_key=user_key, by=by, details={"why": why})
