"""A token by which an integration speaks for a user."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, PublicId, vocabulary_check


class Scope(StrEnum):
    """What a token may do."""

    READ = "read"
    WRITE = "write"


SCOPE_SETS = ("read", "write", "read write")


class Token(Base):
    """An API token. Only the hash of its secret is kept; the secret is shown once, when it is made."""

    __tablename__ = "tokens"
    __table_args__ = (
        UniqueConstraint("id"),
        Index(None, "user_key", "created_at"),
        vocabulary_check("scopes", SCOPE_SETS, "scopes_known"),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(PublicId)
    user_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key"))
    name: Mapped[str] = mapped_column(String(100))
    scopes: Mapped[str] = mapped_column(String(20))  # space-separated, as OAuth writes them (RFC 6749, 3.3)
    secret_hash: Mapped[str] = mapped_column(String(64))  # SHA-256, hex
    created_at: Mapped[int] = mapped_column(Millis)
    expires_at: Mapped[int | None] = mapped_column(Millis)
    last_used_at: Mapped[int | None] = mapped_column(Millis)
    revoked_at: Mapped[int | None] = mapped_column(Millis)

    def allows(self, scope: Scope) -> bool:
        """Whether the token carries `scope`; `write` does not include `read`."""
        return scope in self.scopes.split()
