"""An uploaded contact file: stored until a batch is created from it, and recognized when it is uploaded again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, PublicId


class Upload(Base):
    """One file of an owner. Its content is deleted once a batch has been created from it, or after a day."""

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
    choices: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # ReadingOptions (uploads/parsing.py)
    report: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # the FileReport under these choices
    # The batch created from the file; NULL again once that batch is purged.
    batch_key: Mapped[int | None] = mapped_column(Key, ForeignKey("batches.key", ondelete="SET NULL"))
