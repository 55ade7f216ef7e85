"""How an account and its tokens are shown. No SQL, no request, no HTML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portal.accounts.query import SessionUser
from portal.models import Token


@dataclass(frozen=True)
class TokenView:
    """A token in its owner's list; the secret is not part of it, and cannot be."""

    id: str
    name: str
    scopes: str
    created_at: int
    last_used_at: int | None
    expires_at: int | None
    expired: bool


def token_view(token: Token, now: int) -> TokenView:
    """A token as the settings page lists it."""
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
class SessionView:
    """One of the places where an account is signed in."""

    key: int
    created_at: int
    seen_at: int
    is_this: bool


def session_view(row: Any, this_key: int) -> SessionView:
    """A session as the account page lists it."""
    return SessionView(row.key, row.created_at, row.seen_at, row.key == this_key)


@dataclass(frozen=True)
class CurrentUserView:
    """Whoever is signed in, as the corner of every page shows them; `zone` in words, `zone_name` as IANA has it."""

    name: str
    email: str
    initials: str
    zone: str
    zone_name: str
    region: str
    is_admin: bool


def current_user_view(user: SessionUser) -> CurrentUserView:
    """The corner of every page."""
    zone = zone_label(user.zone)
    return CurrentUserView(user.name, user.email, initials(user.name), zone, user.zone, user.region, user.is_admin)


def initials(name: str) -> str:
    """Up to two letters for the corner of the page."""
    parts = name.replace("@", " ").split()
    return "".join(part[0] for part in (parts[:1] + parts[-1:] if len(parts) > 1 else parts[:1])).upper()


def zone_label(zone: str) -> str:
    """A zone in the corner of the page: Lisbon time, for Europe/Lisbon."""
    return "UTC" if zone == "UTC" else f"{zone.rpartition('/')[2].replace('_', ' ')} time"
