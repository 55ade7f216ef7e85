"""Read users, sessions and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from flask_login import UserMixin
from sqlalchemy import Row, Select, bindparam, func, select

from portal.accounts.tokens import hash_secret, secret_matches
from portal.db.transactions import fetch
from portal.extensions import db
from portal.models import BatchList, Channel, EmergencyStop, RecoveryCode, Scope, Token, User, UserSession
from portal.models.actor import Actor
from portal.models.emergency_stop import EVERYONE
from portal.models.list_state import LIST_STATE_COLUMNS, ListState, read_list_state
from portal.text import MAX_EMAIL_LENGTH, find_forbidden_character, fold_email
from portal.times import DAY_MS


@dataclass(frozen=True)
class Caller:
    """The owner of a valid token and the state of their list, read by one query."""

    user_id: str
    token_key: int
    scopes: frozenset[Scope]
    last_used_at: int | None
    region: str
    list_state: ListState

    @property
    def actor(self) -> Actor:
        """Return the owner as the author of a change made with this token."""
        return Actor(self.list_state.owner_key, Channel.API, self.token_key)


class CredentialsChanged(Exception):
    """The account was changed, disabled or deleted after its credentials were checked, or the session has ended."""


@dataclass(frozen=True)
class Credentials:
    """The state of an account that a check of its credentials is based on."""

    user_key: int
    password_hash: str
    totp_secret: str | None

    @classmethod
    def of(cls, user: User) -> Credentials:
        """Return the credentials of a user."""
        return cls(user.key, user.password_hash, user.totp_secret)


@dataclass(frozen=True)
class SessionUser(UserMixin):
    """The signed-in user, their session and the state of their list, read by one query.

    `stopped_at` is the time of the latest emergency stop in force for them.
    """

    session_id: str
    session_key: int
    seen_at: int
    confirmed_at: int
    by_provider: bool
    key: int
    id: str
    email: str
    name: str
    zone: str
    region: str
    password_hash: str
    temporary_until: int | None
    is_admin: bool
    totp_secret: str | None
    stopped_at: int | None
    list_state: ListState

    @property
    def has_second_factor(self) -> bool:
        """Return whether two-factor authentication is on."""
        return self.totp_secret is not None

    @property
    def credentials(self) -> Credentials:
        """Return the credentials as they were at the start of the request."""
        return Credentials(self.key, self.password_hash, self.totp_secret)

    @property
    def actor(self) -> Actor:
        """Return the user as the author of a change made on a page."""
        return Actor(self.key, Channel.PAGE, session_hash=hash_secret(self.session_id))

    def get_id(self) -> str:
        """Return the session id for Flask-Login's cookie; the database stores only its hash."""
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
        *LIST_STATE_COLUMNS,
    )
    .join(User, User.key == Token.user_key)
    .join(BatchList, BatchList.owner_key == User.key)
    .where(Token.id == bindparam("token_id"))
)

OTHER_FIELDS = ("session_id", "list_state")
SESSION_USER_COLUMNS = tuple(field.name for field in fields(SessionUser) if field.name not in OTHER_FIELDS)

LATEST_STOP = (
    select(func.max(EmergencyStop.stopped_at))
    .where(EmergencyStop.owner_key.in_((User.key, EVERYONE)))
    .correlate(User)
    .scalar_subquery()
)

SESSION_USER = (
    select(
        UserSession.key.label("session_key"),
        UserSession.seen_at,
        func.coalesce(UserSession.confirmed_at, UserSession.created_at).label("confirmed_at"),
        UserSession.by_provider,
        User.key,
        User.id,
        User.email,
        User.name,
        User.zone,
        User.region,
        User.password_hash,
        User.temporary_until,
        User.is_admin,
        User.totp_secret,
        LATEST_STOP.label("stopped_at"),
        *LIST_STATE_COLUMNS,
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
    """Return the owner of a token, or None if it is unknown, revoked or expired, or the owner is disabled.

    Unknown scopes, which a newer release may have stored, are ignored.
    """
    row = fetch(CALLER, token_id=token_id).one_or_none()
    # Compared even for an unknown token, so that the response takes the same time.
    if not secret_matches(secret, row.secret_hash if row else NO_SESSION) or row is None:
        return None
    if row.revoked_at or row.disabled_at or (row.expires_at and row.expires_at <= now):
        return None
    scopes = frozenset(scope for scope in Scope if scope in row.scopes.split())
    return Caller(row.user_id, row.key, scopes, row.last_used_at, row.region, read_list_state(row.user_key, row))


def find_user_by_email(email: str) -> User | None:
    """Return the user of an email address, in any case, or None."""
    if find_forbidden_character(email[:MAX_EMAIL_LENGTH]):
        return None
    return db.session.execute(select(User).where(User.email_folded == fold_email(email))).scalar_one_or_none()


@dataclass(frozen=True)
class Lifetimes:
    """The maximum age and the maximum idle time of sessions, in milliseconds."""

    max_age_ms: int
    idle_ms: int

    @classmethod
    def of(cls, config: Mapping[str, int]) -> Lifetimes:
        """Return the configured lifetimes; SESSION_IDLE_MINUTES 0 = no idle timeout."""
        max_age = config["SESSION_DAYS"] * DAY_MS
        return cls(max_age, min(max_age, config["SESSION_IDLE_MINUTES"] * MINUTE_MS or max_age))


def find_session_user(session_id: str, lifetimes: Lifetimes, now: int) -> SessionUser | None:
    """Return the user of a session id, or None if the session has ended or expired, or the user is disabled."""
    limits = {"oldest": now - lifetimes.max_age_ms, "idle_since": now - lifetimes.idle_ms}
    row = fetch(SESSION_USER, id_hash=hash_secret(session_id), **limits).one_or_none()
    if row is None:
        return None
    return SessionUser(
        session_id=session_id,
        list_state=read_list_state(row.key, row),
        **{column: getattr(row, column) for column in SESSION_USER_COLUMNS},
    )


def list_sessions(user_key: int, lifetimes: Lifetimes, now: int) -> Sequence[Row[tuple[int, int, int]]]:
    """Return key, creation and last use of the user's unexpired sessions, the last used first."""
    unexpired = (UserSession.created_at > now - lifetimes.max_age_ms, UserSession.seen_at > now - lifetimes.idle_ms)
    statement = select(UserSession.key, UserSession.created_at, UserSession.seen_at).where(
        UserSession.user_key == user_key, *unexpired
    )
    return db.session.execute(statement.order_by(UserSession.seen_at.desc(), UserSession.key.desc())).all()


def find_sessions_beyond(user_key: int, count: int) -> Sequence[int]:
    """Return the keys of all sessions of the user except the `count` most recently used."""
    keys = select(UserSession.key).where(UserSession.user_key == user_key).order_by(UserSession.seen_at.desc())
    return db.session.execute(keys.offset(count)).scalars().all()


def find_user(user_key: int) -> User | None:
    """Return the user of a key, or None."""
    return db.session.execute(select(User).where(User.key == user_key)).scalar_one_or_none()


def list_users_with_second_factor() -> Sequence[int]:
    """Return the keys of the users with two-factor authentication."""
    return db.session.execute(select(User.key).where(User.totp_secret.is_not(None))).scalars().all()


def count_recovery_codes(user_key: int) -> int:
    """Return the number of the user's unused recovery codes."""
    unused = select(func.count(RecoveryCode.key)).where(
        RecoveryCode.user_key == user_key, RecoveryCode.used_at.is_(None)
    )
    return db.session.execute(unused).scalar_one()


def lock_user(user_key: int, checked: Credentials | None = None, by: Actor | None = None) -> User:
    """Return the user, freshly read and locked for the caller's transaction.

    With `checked`, raises CredentialsChanged unless the account is active and its credentials are still the same: what
    was checked before the transaction is true only then. The same holds for the session of `by`.
    """
    locked = select(User).where(User.key == user_key).with_for_update().execution_options(populate_existing=True)
    user = db.session.execute(locked).scalar_one_or_none()
    if user is None or (checked and not (user.is_active and Credentials.of(user) == checked)):
        raise CredentialsChanged
    require_session(by)
    return user


def require_session(by: Actor | None) -> None:
    """Raise CredentialsChanged if the session of the author has ended since the request began.

    A request can take long: its sender may hold the body back until the owner has ended the session.
    """
    if by and by.session_hash:
        session = select(UserSession.key).where(UserSession.id_hash == by.session_hash).with_for_update()
        if db.session.execute(session).first() is None:
            raise CredentialsChanged


def list_users() -> Sequence[User]:
    """Return all users, ordered by email address."""
    return db.session.execute(select(User).order_by(User.email_folded)).scalars().all()


def has_any_user(except_email: str = "") -> bool:
    """Return whether there is any account, or any other than the one of that email address."""
    others = select(func.count(User.key)).where(User.email_folded != fold_email(except_email))
    return db.session.execute(others).scalar_one() > 0


def select_active_tokens(user_key: int) -> Select[tuple[Token]]:
    """Return a select of the user's unrevoked tokens."""
    return select(Token).where(Token.user_key == user_key, Token.revoked_at.is_(None))


def list_tokens(user_key: int) -> Sequence[Token]:
    """Return the user's unrevoked tokens, newest first."""
    newest_first = select_active_tokens(user_key).order_by(Token.created_at.desc(), Token.key.desc())
    return db.session.execute(newest_first).scalars().all()


def count_tokens(user_key: int) -> int:
    """Return the number of the user's unrevoked tokens."""
    return db.session.execute(select(func.count()).select_from(select_active_tokens(user_key).subquery())).scalar_one()


def list_all_tokens() -> Sequence[Row[tuple[str, Token]]]:
    """Return all unrevoked tokens with the email addresses of their accounts, by address, newest first."""
    newest_first = (User.email_folded, Token.created_at.desc(), Token.key.desc())
    tokens = select(User.email, Token).join(User, User.key == Token.user_key).where(Token.revoked_at.is_(None))
    return db.session.execute(tokens.order_by(*newest_first)).all()


def find_token_owner(token_id: str) -> int | None:
    """Return the key of the account of a token, revoked or not, or None."""
    return db.session.execute(select(Token.user_key).where(Token.id == token_id)).scalar_one_or_none()


def find_token(user_key: int, token_id: str) -> Token | None:
    """Return the user's unrevoked token of that id, or None."""
    return db.session.execute(select_active_tokens(user_key).where(Token.id == token_id)).scalar_one_or_none()
