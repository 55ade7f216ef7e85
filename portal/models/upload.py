"""A contact file that was sent: kept until a batch is made of it, and known again when it is sent once more."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, PublicId


class Upload(Base):
    """One file of an owner. Its content goes as soon as it was taken, or has waited for a day."""

    __tablename__ = "uploads"
    __table_args__ = (
        UniqueConstraint("id"),
        Index(None, "owner_key", "sha256"),
        Index(None, "batch_key"),
        CheckConstraint("size > 0", name="not_empty"),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(PublicId)
    owner_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key"))
    file_name: Mapped[str] = mapped_column(String(255))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]  # bytes
    created_at: Mapped[int] = mapped_column(Millis)
    content: Mapped[bytes | None] = mapped_column(LargeBinary)
    choices: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # how it is read: uploads/reading.py
    report: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # what is in it, read so
    # The batch that was made of it; emptied when that is purged.
    batch_key: Mapped[int | None] = mapped_column(Key, ForeignKey("batches.key", ondelete="SET NULL"))
