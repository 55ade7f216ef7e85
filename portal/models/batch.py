"""A batch: contacts that a dialer works through."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, PublicId, SortableText, vocabulary_check

NAME_LENGTH = 200


class QueueStatus(StrEnum):
    """Where a batch stands in the dialer's queue, in the order people read it."""

    ACTIVE = "active"
    PAUSED = "paused"
    PENDING = "pending"
    STOPPED = "stopped"
    COMPLETED = "completed"


LIVE = text("deleted_at IS NULL")


def live_index(name: str, *columns: str) -> Index:
    """An index over the batches that are not deleted: the trash costs the list nothing."""
    return Index(f"ix_batches_live_{name}", "owner_key", *columns, sqlite_where=LIVE, postgresql_where=LIVE)


class Batch(Base):
    """One batch and the counts of its calls. `key` = the owner's key * 2**32 + a number that counts up per owner."""

    __tablename__ = "batches"
    __table_args__ = (
        UniqueConstraint("id"),
        vocabulary_check("status", QueueStatus, "status_known"),
        CheckConstraint(
            "0 <= calls_completed AND calls_completed <= calls_picked"
            " AND calls_picked <= calls_called AND calls_called <= total_calls",
            name="counts_agree",
        ),
        CheckConstraint("(deleted_at IS NULL) = (deleted_by_key IS NULL)", name="deletion_signed"),
        CheckConstraint("key / 4294967296 = owner_key", name="key_of_owner"),
        CheckConstraint("length(name) > 0", name="named"),
        live_index("created", "created_at", "id"),
        live_index("updated", "updated_at", "id"),
        live_index("name", "name_folded", "id", "status", "created_at", "deleted_at"),  # enough for a search
        live_index("calls", "total_calls", "id"),
        live_index("status", "status", "created_at", "id"),
        Index("ix_batches_source", "owner_key", "source_name", unique=True),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(PublicId)
    owner_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key"))
    name: Mapped[str] = mapped_column(SortableText(NAME_LENGTH))
    name_folded: Mapped[str] = mapped_column(SortableText(NAME_LENGTH * 3))  # by text.fold; casefold at most triples
    status: Mapped[str] = mapped_column(SortableText(20))
    total_calls: Mapped[int] = mapped_column(default=0)
    calls_called: Mapped[int] = mapped_column(default=0)  # calls that the dialer has tried, answered or not
    calls_picked: Mapped[int] = mapped_column(default=0)
    calls_completed: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[int] = mapped_column(Millis)
    updated_at: Mapped[int] = mapped_column(Millis)
    deleted_at: Mapped[int | None] = mapped_column(Millis)
    deleted_by_key: Mapped[int | None] = mapped_column(Key, ForeignKey("users.key"))
    # The batchName of the call history it came from: the same file again finds it, also after a rename or a deletion.
    source_name: Mapped[str | None] = mapped_column(SortableText(NAME_LENGTH))
    # How the dialer is to go about it, as batches/settings.py reads and writes it; never searched.
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
