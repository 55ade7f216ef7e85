"""User accounts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, PublicId


class User(Base):
    """An account. `key` is internal and the high half of its batches' keys; the API shows `id`."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("id"), UniqueConstraint("email_folded"))

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(PublicId)
    email: Mapped[str] = mapped_column(String(254))
    email_folded: Mapped[str] = mapped_column(String(762))  # casefold at most triples the length
    name: Mapped[str] = mapped_column(String(100))
    zone: Mapped[str] = mapped_column(String(64))  # IANA name
    region: Mapped[str] = mapped_column(String(2), default="", server_default="")  # of national phone numbers
    password_hash: Mapped[str] = mapped_column(String(255))
    temporary_until: Mapped[int | None] = mapped_column(Millis)  # the password must be changed, and ends then
    session_nonce: Mapped[str] = mapped_column(String(32), default="")  # unused, but NOT NULL until dropped
    is_admin: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    totp_secret: Mapped[str | None] = mapped_column(String(255))  # encrypted; None = two-factor authentication is off
    totp_step: Mapped[int | None] = mapped_column(BigInteger)  # time step of the last accepted code
    unlinked_at: Mapped[int | None] = mapped_column(Millis)  # when a link to an OpenID Connect identity was removed
    created_at: Mapped[int] = mapped_column(Millis)
    disabled_at: Mapped[int | None] = mapped_column(Millis)

    @property
    def is_active(self) -> bool:
        """Return whether the account can sign in and use its tokens."""
        return self.disabled_at is None
