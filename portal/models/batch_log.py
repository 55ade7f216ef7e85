"""What was done to a batch, and by whom: written in the transaction of the change itself, and never changed again."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, vocabulary_check


class Channel(StrEnum):
    """How a change came: from a page, by the API (then the token is known), or from the command line."""

    PAGE = "page"
    API = "api"
    COMMAND = "command"


class BatchEvent(StrEnum):
    """What was done."""

    CREATED = "created"
    FILLED = "filled"
    STATUS = "status"
    RENAMED = "renamed"
    DELETED = "deleted"
    RESTORED = "restored"


class BatchLogEntry(Base):
    """One change of a batch. A trigger refuses to alter it; it goes only when the batch is purged."""

    __tablename__ = "changes"
    __table_args__ = (
        vocabulary_check("way", Channel, "way_known"),
        vocabulary_check("what", BatchEvent, "what_known"),
        Index(None, "batch_key", "key"),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    batch_key: Mapped[int] = mapped_column(Key, ForeignKey("batches.key", ondelete="CASCADE"))
    at: Mapped[int] = mapped_column(Millis)
    user_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key"))
    token_key: Mapped[int | None] = mapped_column(Key, ForeignKey("tokens.key"))
    way: Mapped[str] = mapped_column(String(20))
    what: Mapped[str] = mapped_column(String(20))
    details: Mapped[dict[str, Any]] = mapped_column(
        JSON, default=dict
    )  # from what to what; counts; never a number called
