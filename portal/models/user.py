"""A person who signs in and owns batches."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, PublicId


class User(Base):
    """An account. `key` is internal and the high half of its batches' keys; `id` is what the API shows."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("id"), UniqueConstraint("email_folded"))

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(PublicId)
    email: Mapped[str] = mapped_column(String(254))
    email_folded: Mapped[str] = mapped_column(String(762))  # casefold at most triples
    name: Mapped[str] = mapped_column(String(100))
    zone: Mapped[str] = mapped_column(String(64))  # IANA name
    region: Mapped[str] = mapped_column(String(2), default="", server_default="")  # whose national numbers are meant
    password_hash: Mapped[str] = mapped_column(String(255))
    session_nonce: Mapped[str] = mapped_column(String(32), default="")  # read by 0.1 alone; a later migration drops it
    is_admin: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    totp_secret: Mapped[str | None] = mapped_column(String(255))  # encrypted; None = no second factor
    totp_step: Mapped[int | None] = mapped_column(BigInteger)  # of the last code taken: none is taken twice
    created_at: Mapped[int] = mapped_column(Millis)
    disabled_at: Mapped[int | None] = mapped_column(Millis)

    @property
    def is_active(self) -> bool:
        """Whether the account may be signed in to, and its tokens may ask."""
        return self.disabled_at is None
