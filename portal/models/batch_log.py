"""The log of changes to batches, written in the transaction of each change."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis
from portal.models.labeled_enum import LabeledEnum


class Channel(LabeledEnum):
    """The way a change was requested, or what did it by itself; for the API, the log names the token as well."""

    PAGE = "page", "web app"
    API = "api", "API"
    COMMAND = "command", "command line"
    SCHEDULE = "schedule", "schedule"
    DIALER = "dialer", "dialer"


class BatchEvent(LabeledEnum):
    """A kind of change to a batch, labeled as the audit log shows it."""

    CREATED = "created", "Batch created"
    CALLS_ADDED = "filled", "Calls added to batch"
    STATUS = "status", "Batch status changed"
    RENAMED = "renamed", "Batch renamed"
    SETTINGS = "settings", "Batch settings changed"
    DELETED = "deleted", "Batch deleted"
    RESTORED = "restored", "Batch restored"


class BatchLogEntry(Base):
    """One change of a batch. Triggers refuse updates and deletions; only purging the batch deletes its entries."""

    __tablename__ = "changes"
    __table_args__ = (Index(None, "batch_key", "key"),)

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    batch_key: Mapped[int] = mapped_column(Key, ForeignKey("batches.key", ondelete="CASCADE"))
    at: Mapped[int] = mapped_column(Millis)
    user_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key"))
    token_key: Mapped[int | None] = mapped_column(Key, ForeignKey("tokens.key"))
    way: Mapped[str] = mapped_column(String(20))
    what: Mapped[str] = mapped_column(String(20))
    # Old and new values and counts, but never a phone number.
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
