"""Present an account and its tokens. No SQL, no request, no HTML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portal.accounts.query import SessionUser
from portal.models import LinkedIdentity, Token
from portal.times import zone_city


@dataclass(frozen=True)
class TokenView:
    """A token in its owner's list, without the secret; times in milliseconds."""

    id: str
    name: str
    scopes: str
    created_at: int
    last_used_at: int | None
    expires_at: int | None
    expired: bool


def token_view(token: Token, now: int) -> TokenView:
    """Return a token as the settings page lists it."""
    return TokenView(
        id=token.id,
        name=token.name,
        scopes=token.scopes.replace(" ", ", "),
        created_at=token.created_at,
        last_used_at=token.last_used_at,
        expires_at=token.expires_at,
        expired=token.expires_at is not None and token.expires_at <= now,
    )


@dataclass(frozen=True)
class LinkView:
    """A link to an OpenID Connect identity; `created_at` in milliseconds."""

    key: int
    issuer: str
    subject: str
    created_at: int


def link_view(identity: LinkedIdentity) -> LinkView:
    """Return a link as the account page and the admin page list it."""
    return LinkView(identity.key, identity.issuer, identity.subject, identity.created_at)


@dataclass(frozen=True)
class SessionView:
    """A session in its user's list; `is_this` marks the one of the request."""

    key: int
    created_at: int
    seen_at: int
    is_this: bool


def session_view(row: Any, current_key: int) -> SessionView:
    """Return a session as the account page lists it."""
    return SessionView(row.key, row.created_at, row.seen_at, row.key == current_key)


@dataclass(frozen=True)
class CurrentUserView:
    """The signed-in user in the header of every page; `zone` is a label, `zone_name` the IANA name."""

    name: str
    email: str
    initials: str
    zone: str
    zone_name: str
    region: str
    is_admin: bool


def current_user_view(user: SessionUser) -> CurrentUserView:
    """Return the user as the header of every page shows them."""
    zone = zone_label(user.zone)
    return CurrentUserView(user.name, user.email, initials(user.name), zone, user.zone, user.region, user.is_admin)


def initials(name: str) -> str:
    """Return up to two upper-case letters of a name."""
    parts = name.replace("@", " ").split()
    return "".join(part[0] for part in (parts[:1] + parts[-1:] if len(parts) > 1 else parts[:1])).upper()


def zone_label(zone: str) -> str:
    """Return the label of a time zone: "Lisbon time" for Europe/Lisbon."""
    return "UTC" if zone == "UTC" else f"{zone_city(zone)} time"
