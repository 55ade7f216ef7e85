"""Sessions, and the ways to sign in without the password: recovery codes and OpenID Connect identities."""

from __future__ import annotations

from sqlalchemy import Boolean, ForeignKey, Index, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, SortableText


class UserSession(Base):
    """A sign-in in one browser. The cookie holds the id, the row its hash. Deleting the row ends the session."""

    __tablename__ = "sessions"
    __table_args__ = (UniqueConstraint("id_hash"), Index(None, "user_key"))

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id_hash: Mapped[str] = mapped_column(SortableText(64))  # SHA-256, hex
    user_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key", ondelete="CASCADE"))
    created_at: Mapped[int] = mapped_column(Millis)
    seen_at: Mapped[int] = mapped_column(Millis)  # written at most once a minute
    confirmed_at: Mapped[int | None] = mapped_column(Millis)  # last proof of identity; None = when it was created
    by_provider: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())  # OpenID Connect
    id_token: Mapped[str | None] = mapped_column(Text)  # of the provider, to sign out there; None = unknown


class RecoveryCode(Base):
    """A code that replaces the code of the authenticator app once."""

    __tablename__ = "recovery_codes"
    __table_args__ = (UniqueConstraint("user_key", "code_hash"),)

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    user_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key", ondelete="CASCADE"))
    code_hash: Mapped[str] = mapped_column(SortableText(64))  # SHA-256, hex
    used_at: Mapped[int | None] = mapped_column(Millis)


class LinkedIdentity(Base):
    """An account's identity at an OpenID Connect provider."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"), Index(None, "user_key"))

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    user_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key", ondelete="CASCADE"))
    issuer: Mapped[str] = mapped_column(SortableText(255))
    subject: Mapped[str] = mapped_column(SortableText(255))
    created_at: Mapped[int] = mapped_column(Millis)
