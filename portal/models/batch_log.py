"""What was done to a batch, and by whom: written in the transaction of the change itself, and never changed again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, LabeledEnum, Millis


class Channel(LabeledEnum):
    """How a change reached the portal."""

    PAGE = "page", "on a page"
    API = "api", "by the API"
    COMMAND = "command", "from the command line"


class BatchEvent(LabeledEnum):
    """A change of a batch that the audit log records."""

    CREATED = "created", "Batch created"
    FILLED = "filled", "Calls added"
    STATUS = "status", "Batch status changed"
    RENAMED = "renamed", "Batch renamed"
    DELETED = "deleted", "Batch deleted"
    RESTORED = "restored", "Batch restored"


class BatchLogEntry(Base):
    """One change of a batch. A trigger refuses to alter it; it goes only when the batch is purged."""

    __tablename__ = "changes"
    __table_args__ = (Index(None, "batch_key", "key"),)

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
