"""Answers to requests with an Idempotency-Key."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis


class IdempotentAnswer(Base):
    """The answer to a token's first request with a key, stored for a day.

    `key_hash` and `request_hash` are SHA-256 in hex, because both may contain phone numbers. The row is inserted, with
    an empty body, before the change and in its transaction, so that a second request with the key waits for the first.
    """

    __tablename__ = "idempotent_answers"
    __table_args__ = (Index(None, "expires_at"),)

    token_key: Mapped[int] = mapped_column(Key, ForeignKey("tokens.key", ondelete="CASCADE"), primary_key=True)
    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    request_hash: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[int] = mapped_column(Millis)
    status: Mapped[int] = mapped_column(Integer)
    body: Mapped[str] = mapped_column(Text)  # JSON
