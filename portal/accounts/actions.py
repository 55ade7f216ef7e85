"""The one place that changes users and tokens; each action is one transaction."""

from __future__ import annotations

import secrets

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from portal.accounts import query
from portal.accounts.passwords import hash_password
from portal.accounts.tokens import hash_secret, join_token, new_secret
from portal.database import write_if_free, writing
from portal.models import BatchList, Scope, Token, User
from portal.parameters import BadParameter
from portal.text import fold, new_id
from portal.times import DAY_MS, now_ms

TAKEN = {"email": "email is taken: there is an account with this address"}


def add_user(email: str, name: str, zone: str, password: str, region: str = "") -> User:
    """A new account with an empty list. Raises BadParameter when the address is taken."""
    password_hash = hash_password(password)  # slow on purpose, so before the transaction
    with writing() as session:
        if query.find_user_by_email(email):
            raise BadParameter(TAKEN)
        user = User(
            id=new_id(),
            email=email,
            email_folded=fold(email),
            name=name,
            zone=zone,
            region=region,
            password_hash=password_hash,
            session_nonce=new_nonce(),
            created_at=now_ms(),
        )
        session.add(user)
        try:
            session.flush()
        except IntegrityError as error:  # somebody else has just been quicker
            raise BadParameter(TAKEN) from error
        session.add(BatchList(owner_key=user.key))
    return user


def new_nonce() -> str:
    """What every session of a user carries, until it is changed."""
    return secrets.token_hex(16)


def change_account(user_key: int, name: str, zone: str, region: str) -> None:
    """The name, time zone and region of an account."""
    with writing():
        user = query.lock_user(user_key)
        user.name = name
        user.zone = zone
        user.region = region


def change_password(user_key: int, password: str) -> User:
    """A new password; every session of the account ends. Returns the user, who may be signed in anew."""
    password_hash = hash_password(password)
    with writing():
        user = query.lock_user(user_key)
        user.password_hash = password_hash
        user.session_nonce = new_nonce()
    return user


def sign_out_everywhere(user_key: int) -> None:
    """End every session of the account, this one too."""
    with writing():
        query.lock_user(user_key).session_nonce = new_nonce()


def disable_user(user_key: int) -> None:
    """Nobody signs in to the account any more, and its tokens stop at once. Repeated, it changes nothing."""
    with writing():
        user = query.lock_user(user_key)
        user.disabled_at = user.disabled_at or now_ms()
        user.session_nonce = new_nonce()


def add_token(user_key: int, name: str, scopes: frozenset[Scope], days: int | None = None) -> tuple[Token, str]:
    """A new token and its text, which is shown this once and cannot be read again; `days` None = it never expires."""
    secret, now = new_secret(), now_ms()
    with writing() as session:
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
    return token, join_token(token.id, secret)


def revoke_token(user_key: int, token_id: str) -> bool:
    """The token stops at once. Returns False when the user has no such token, or it is revoked already."""
    with writing():
        token = query.find_token(user_key, token_id)
        if token:
            token.revoked_at = now_ms()
    return token is not None


def touch_token(token_key: int) -> None:
    """Write down that the token was used; a busy database is not waited for."""
    write_if_free(update(Token).where(Token.key == token_key).values(last_used_at=now_ms()))
