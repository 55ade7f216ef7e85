"""What a sign-in leaves behind: a session, and the ways of proving who one is beside the password."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, SortableText


class UserSession(Base):
    """One sign-in in one browser. The cookie holds its id; here is only the id's hash. It ends when the row goes."""

    __tablename__ = "sessions"
    __table_args__ = (UniqueConstraint("id_hash"), Index(None, "user_key"))

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id_hash: Mapped[str] = mapped_column(SortableText(64))  # SHA-256, hex
    user_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key", ondelete="CASCADE"))
    created_at: Mapped[int] = mapped_column(Millis)
    seen_at: Mapped[int] = mapped_column(Millis)  # written at most once a minute


class RecoveryCode(Base):
    """A code that stands in once for a lost second factor."""

    __tablename__ = "recovery_codes"
    __table_args__ = (UniqueConstraint("user_key", "code_hash"),)

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    user_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key", ondelete="CASCADE"))
    code_hash: Mapped[str] = mapped_column(SortableText(64))  # SHA-256, hex
    used_at: Mapped[int | None] = mapped_column(Millis)


class LinkedIdentity(Base):
    """Whom an OpenID Connect provider means by `subject`: one of our accounts."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("issuer", "subject"), Index(None, "user_key"))

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    user_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key", ondelete="CASCADE"))
    issuer: Mapped[str] = mapped_column(SortableText(255))
    subject: Mapped[str] = mapped_column(SortableText(255))
    created_at: Mapped[int] = mapped_column(Millis)
