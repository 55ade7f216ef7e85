"""The one place from which users and tokens are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_login import UserMixin
from sqlalchemy import Row, Select, bindparam, func, select

from portal.accounts.tokens import hash_secret, secret_matches
from portal.db.transactions import fetch
from portal.extensions import db
from portal.models import BatchList, Channel, LinkedIdentity, RecoveryCode, Scope, Token, User, UserSession
from portal.models.actor import Actor
from portal.models.list_state import LIST_STATE_COLUMNS as STATE_COLUMNS
from portal.models.list_state import ListState, read_list_state
from portal.text import find_forbidden_character, fold
from portal.times import DAY_MS


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
        return Actor(self.list_state.owner_key, Channel.API, self.token_key)


@dataclass(frozen=True)
class SessionUser(UserMixin):
    """Whoever is signed in, by which session, with the state of their list, all from one small query."""

    session_id: str
    session_key: int
    seen_at: int
    key: int
    id: str
    email: str
    name: str
    zone: str
    region: str
    password_hash: str
    is_admin: bool
    has_second_factor: bool
    list_state: ListState

    @property
    def actor(self) -> Actor:
        """Whoever changes something on a page."""
        return Actor(self.key, Channel.PAGE)

    def get_id(self) -> str:
        """What the session cookie holds; only its hash is kept here."""
        return self.session_id


NO_SESSION = hash_secret("")
MINUTE_MS = 60_000

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
        UserSession.key.label("session_key"),
        UserSession.seen_at,
        User.key,
        User.id,
        User.email,
        User.name,
        User.zone,
        User.region,
        User.password_hash,
        User.is_admin,
        User.totp_secret.is_not(None).label("has_second_factor"),
        *STATE_COLUMNS,
    )
    .join(User, User.key == UserSession.user_key)
    .join(BatchList, BatchList.owner_key == User.key)
    .where(
        UserSession.id_hash == bindparam("id_hash"),
        UserSession.created_at > bindparam("oldest"),
        UserSession.seen_at > bindparam("idle_since"),
        User.disabled_at.is_(None),
    )
)


def find_caller(token_id: str, secret: str, now: int) -> Caller | None:
    """The caller of a token that is known, not revoked, not expired, and whose user is not disabled; else None."""
    row = fetch(CALLER, token_id=token_id).one_or_none()
    # Compared even when there is no such token, so that the answer takes as long.
    if not secret_matches(secret, row.secret_hash if row else NO_SESSION) or row is None:
        return None
    if row.revoked_at or row.disabled_at or (row.expires_at and row.expires_at <= now):
        return None
    scopes = frozenset(Scope(word) for word in row.scopes.split())
    return Caller(row.user_id, row.key, scopes, row.last_used_at, row.region, read_list_state(row.user_key, row))


def find_user_by_email(email: str) -> User | None:
    """The user of that address, case ignored; None for what can be no address."""
    if find_forbidden_character(email):
        return None
    return db.session.execute(select(User).where(User.email_folded == fold(email.strip()))).scalar_one_or_none()


@dataclass(frozen=True)
class Lifetimes:
    """How long a session lasts in all, and how long without being used; in ms."""

    whole_ms: int
    idle_ms: int

    @classmethod
    def of(cls, config: Mapping[str, int]) -> Lifetimes:
        """As the settings have it; SESSION_IDLE_MINUTES 0 = it may rest for as long as it lasts."""
        whole = config["SESSION_DAYS"] * DAY_MS
        return cls(whole, min(whole, config["SESSION_IDLE_MINUTES"] * MINUTE_MS or whole))


def find_session_user(session_id: str, lifetimes: Lifetimes, now: int) -> SessionUser | None:
    """The user of a session cookie, unless the session has ended, or has rested for too long, or they are disabled."""
    since = {"oldest": now - lifetimes.whole_ms, "idle_since": now - lifetimes.idle_ms}
    row = fetch(SESSION_USER, id_hash=hash_secret(session_id), **since).one_or_none()
    if row is None:
        return None
    account = (row.key, row.id, row.email, row.name, row.zone, row.region, row.password_hash)
    roles = (row.is_admin, bool(row.has_second_factor))
    return SessionUser(session_id, row.session_key, row.seen_at, *account, *roles, read_list_state(row.key, row))


def list_sessions(user_key: int, lifetimes: Lifetimes, now: int) -> Sequence[Row[tuple[int, int, int]]]:
    """Key, beginning and last use of each session of the user that has not ended, the last used first."""
    lasting = (UserSession.created_at > now - lifetimes.whole_ms, UserSession.seen_at > now - lifetimes.idle_ms)
    statement = select(UserSession.key, UserSession.created_at, UserSession.seen_at).where(
        UserSession.user_key == user_key, *lasting
    )
    return db.session.execute(statement.order_by(UserSession.seen_at.desc(), UserSession.key.desc())).all()


def find_user(user_key: int) -> User | None:
    """The user of that key."""
    return db.session.execute(select(User).where(User.key == user_key)).scalar_one_or_none()


def find_linked_user(issuer: str, subject: str) -> User | None:
    """Whom an OpenID Connect provider means by `subject`; None when no account is linked to that."""
    linked = select(User).join(LinkedIdentity, LinkedIdentity.user_key == User.key)
    statement = linked.where(LinkedIdentity.issuer == issuer, LinkedIdentity.subject == subject)
    return db.session.execute(statement).scalar_one_or_none()


def count_recovery_codes(user_key: int) -> int:
    """How many recovery codes of the user have not been used."""
    unused = select(func.count(RecoveryCode.key)).where(
        RecoveryCode.user_key == user_key, RecoveryCode.used_at.is_(None)
    )
    return db.session.execute(unused).scalar_one()


def lock_user(user_key: int) -> User:
    """A user as it is now, to be changed in the caller's transaction; whoever else changes it waits."""
    locked = select(User).where(User.key == user_key).with_for_update().execution_options(populate_existing=True)
    return db.session.execute(locked).scalar_one()


def list_users() -> Sequence[User]:
    """Every user, by address."""
    return db.session.execute(select(User).order_by(User.email_folded)).scalars().all()


def has_any_user() -> bool:
    """Whether anybody has an account yet."""
    return db.session.execute(select(func.count(User.key))).scalar_one() > 0


def select_active_tokens(user_key: int) -> Select[tuple[Token]]:
    """A select of the user's tokens that are not revoked."""
    return select(Token).where(Token.user_key == user_key, Token.revoked_at.is_(None))


def list_tokens(user_key: int) -> Sequence[Token]:
    """The user's tokens that are not revoked, newest first."""
    newest_first = select_active_tokens(user_key).order_by(Token.created_at.desc(), Token.key.desc())
    return db.session.execute(newest_first).scalars().all()


def find_token(user_key: int, token_id: str) -> Token | None:
    """The user's token of that id; None when it is another's or revoked."""
    return db.session.execute(select_active_tokens(user_key).where(Token.id == token_id)).scalar_one_or_none()
