"""Read the links between accounts and OpenID Connect identities."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from portal.accounts.query import find_user_by_email
from portal.extensions import db
from portal.models import LinkedIdentity, User, UserSession
from portal.text import same_ascii


def find_linked_user(issuer: str, subject: str) -> User | None:
    """Return the user linked to an identity, or None."""
    linked = select(User).join(LinkedIdentity, LinkedIdentity.user_key == User.key)
    statement = linked.where(LinkedIdentity.issuer == issuer, LinkedIdentity.subject == subject)
    return db.session.execute(statement).scalar_one_or_none()


def find_user_by_claimed_email(email: str) -> User | None:
    """Return the user of an address that a provider vouches for: the same text but for the case of ASCII letters."""
    user = find_user_by_email(email)
    return user if user and same_ascii(user.email, email) else None


def list_identities(user_key: int) -> Sequence[LinkedIdentity]:
    """Return the identities linked to an account, oldest first."""
    linked = select(LinkedIdentity).where(LinkedIdentity.user_key == user_key).order_by(LinkedIdentity.key)
    return db.session.execute(linked).scalars().all()


def find_id_token(session_key: int) -> str | None:
    """Return the ID token that a session began with, or None."""
    return db.session.execute(select(UserSession.id_token).where(UserSession.key == session_key)).scalar_one_or_none()
