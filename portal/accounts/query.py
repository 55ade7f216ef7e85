"""The one place from which users and tokens are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask_login import UserMixin
from sqlalchemy import Select, bindparam, func, select

from portal.accounts.tokens import hash_secret, same_secret
from portal.batches.state import COLUMNS as STATE_COLUMNS
from portal.batches.state import ListState, list_state
from portal.changes.actor import Actor
from portal.database import fetch
from portal.extensions import db
from portal.models import BatchList, Scope, Token, User, Way
from portal.text import fold, forbidden_character


@dataclass(frozen=True)
class Caller:
    """Whoever a good token speaks for, with the state of their list, all from one small query."""

    user_id: str
    token_key: int
    scopes: frozenset[Scope]
    last_used_at: int | None
    region: str
    list_state: ListState

    @property
    def actor(self) -> Actor:
        """Whoever changes something by this token."""
        return Actor(self.list_state.owner_key, Way.API, self.token_key)


@dataclass(frozen=True)
class SessionUser(UserMixin):
    """Whoever is signed in, with the state of their list, all from one small query."""

    session_id: str
    key: int
    id: str
    email: str
    name: str
    zone: str
    region: str
    password_hash: str
    is_admin: bool
    list_state: ListState

    @property
    def actor(self) -> Actor:
        """Whoever changes something on a page."""
        return Actor(self.key, Way.PAGE)

    def get_id(self) -> str:
        """What the session cookie holds, as User has it."""
        return self.session_id


NOBODY = hash_secret("")

CALLER = (
    select(
        Token.key,
        Token.scopes,
        Token.secret_hash,
        Token.expires_at,
        Token.revoked_at,
        Token.last_used_at,
        User.key.label("user_key"),
        User.id.label("user_id"),
        User.disabled_at,
        User.region,
        *STATE_COLUMNS,
    )
    .join(User, User.key == Token.user_key)
    .join(BatchList, BatchList.owner_key == User.key)
    .where(Token.id == bindparam("token_id"))
)

SESSION_USER = (
    select(
        User.key,
        User.id,
        User.email,
        User.name,
        User.zone,
        User.region,
        User.password_hash,
        User.is_admin,
        *STATE_COLUMNS,
    )
    .join(BatchList, BatchList.owner_key == User.key)
    .where(
        User.id == bindparam("user_id"),
        User.session_nonce == bindparam("nonce"),
        User.disabled_at.is_(None),
    )
)


def find_caller(token_id: str, secret: str, now: int) -> Caller | None:
    """The caller of a token that is known, not revoked, not expired, and whose user is not disabled; else None."""
    row = fetch(CALLER, token_id=token_id).one_or_none()
    # Compared even when there is no such token, so that the answer takes as long.
    if not same_secret(secret, row.secret_hash if row else NOBODY) or row is None:
        return None
    if row.revoked_at or row.disabled_at or (row.expires_at and row.expires_at <= now):
        return None
    scopes = frozenset(Scope(word) for word in row.scopes.split())
    return Caller(row.user_id, row.key, scopes, row.last_used_at, row.region, list_state(row.user_key, row))


def find_user_by_email(email: str) -> User | None:
    """The user of that address, case ignored; None for what can be no address."""
    if forbidden_character(email):
        return None
    return db.session.execute(select(User).where(User.email_folded == fold(email.strip()))).scalar_one_or_none()


def find_session_user(session_id: str) -> SessionUser | None:
    """The user of a session cookie, unless disabled or signed out everywhere since."""
    user_id, _, nonce = session_id.partition(".")
    row = fetch(SESSION_USER, user_id=user_id, nonce=nonce).one_or_none()
    if row is None:
        return None
    account = (row.key, row.id, row.email, row.name, row.zone, row.region, row.password_hash, row.is_admin)
    return SessionUser(session_id, *account, list_state(row.key, row))


def lock_user(user_key: int) -> User:
    """A user as it is now, to be changed in the caller's transaction; whoever else changes it waits."""
    locked = select(User).where(User.key == user_key).with_for_update().execution_options(populate_existing=True)
    return db.session.execute(locked).scalar_one()


def all_users() -> Sequence[User]:
    """Every user, by address."""
    return db.session.execute(select(User).order_by(User.email_folded)).scalars().all()


def any_user() -> bool:
    """Whether anybody has an account yet."""
    return db.session.execute(select(func.count(User.key))).scalar_one() > 0


def live_tokens(user_key: int) -> Select[tuple[Token]]:
    """A select of the user's tokens that are not revoked."""
    return select(Token).where(Token.user_key == user_key, Token.revoked_at.is_(None))


def tokens_of(user_key: int) -> Sequence[Token]:
    """The user's tokens that are not revoked, newest first."""
    newest_first = live_tokens(user_key).order_by(Token.created_at.desc(), Token.key.desc())
    return db.session.execute(newest_first).scalars().all()


def find_token(user_key: int, token_id: str) -> Token | None:
    """The user's token of that id; None when it is another's or revoked."""
    return db.session.execute(live_tokens(user_key).where(Token.id == token_id)).scalar_one_or_none()
