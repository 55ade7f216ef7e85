"""Create and revoke API tokens."""

from __future__ import annotations

from flask import current_app
from sqlalchemy import update

from portal.accounts import query
from portal.accounts.query import CredentialsChanged
from portal.accounts.tokens import hash_secret, join_token, new_secret
from portal.audit.account_log import log_account_event
from portal.db.transactions import try_write, write_transaction
from portal.ids import new_id
from portal.models import AccountEvent, Scope, Token
from portal.models.actor import Actor
from portal.times import DAY_MS, now_ms
from portal.web.parameters import InvalidParameter

MAX_TOKENS = 100  # of one account, revoked ones not counted


def add_token(
    user_key: int, name: str, scopes: frozenset[Scope], days: int | None = None, by: Actor | None = None
) -> tuple[Token, str]:
    """Create a token, and return it with its text, which is not stored.

    `days` None = the longest life that TOKEN_MAX_DAYS allows. Raises InvalidParameter for a longer one and for more
    than MAX_TOKENS, and CredentialsChanged if the account is disabled or the session of `by` has ended.
    """
    secret, now = new_secret(), now_ms()
    maximum = current_app.config["TOKEN_MAX_DAYS"]
    if maximum and days and days > maximum:
        raise InvalidParameter({"days": f"days must be between 1 and {maximum}"})
    days = days or maximum
    with write_transaction() as session:
        if not query.lock_user(user_key, by=by).is_active:
            raise CredentialsChanged
        if query.count_tokens(user_key) >= MAX_TOKENS:
            raise InvalidParameter({"name": f"name: the account has {MAX_TOKENS} tokens; revoke one first"})
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


def revoke_all_tokens(user_key: int, by: Actor | None = None) -> int:
    """Revoke all tokens of the user, and return the number of those that were unrevoked."""
    with write_transaction() as session:
        query.lock_user(user_key)
        unrevoked = (Token.user_key == user_key, Token.revoked_at.is_(None))
        count: int = session.execute(update(Token).where(*unrevoked).values(revoked_at=now_ms())).rowcount
        if count:
            details = {"tokens": count}
            log_account_event(session, AccountEvent.TOKENS_REVOKED, subject_key=user_key, by=by, details=details)
    return count


def record_token_use(token_key: int) -> None:
    """Store that the token was used, unless the database is busy."""
    try_write(update(Token).where(Token.key == token_key).values(last_used_at=now_ms()))
