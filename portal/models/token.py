"""API tokens and their scopes."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, PublicId
from portal.models.labeled_enum import LabeledEnum


class Scope(LabeledEnum):
    """A permission of a token. No scope includes another. All of them must fit into Token.scopes."""

    READ = "read", "view batches and calls"
    WRITE = "write", "create and change batches, and report calls"
    DIAL = "dial", "lease calls, as a dialer"


class Token(Base):
    """An API token. Only the hash of its secret is stored."""

    __tablename__ = "tokens"
    __table_args__ = (UniqueConstraint("id"), Index(None, "user_key", "created_at"))

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(PublicId)
    user_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key"))
    name: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[str] = mapped_column(String(20))  # separated by spaces, as in OAuth (RFC 6749, section 3.3)
    secret_hash: Mapped[str] = mapped_column(String(64))  # SHA-256, hex
    created_at: Mapped[int] = mapped_column(Millis)
    expires_at: Mapped[int | None] = mapped_column(Millis)
    last_used_at: Mapped[int | None] = mapped_column(Millis)
    revoked_at: Mapped[int | None] = mapped_column(Millis)
