"""The batches table, the statuses of a batch, and the actions that change them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, PublicId, SortableText, vocabulary_check
from portal.models.labeled_enum import LabeledEnum
from portal.text import fold

NAME_LENGTH = 200
FOLDED_LENGTH = 3 * NAME_LENGTH


class BatchAction(LabeledEnum):
    """A change of status that users and programs can request; `result` describes the batch afterwards."""

    result: str

    START = "start", "Start", "started"
    PAUSE = "pause", "Pause", "paused"
    RESUME = "resume", "Resume", "resumed"
    STOP = "stop", "Stop", "stopped"


START, PAUSE, RESUME, STOP = BatchAction


class QueueStatus(LabeledEnum):
    """The status of a batch in the dialer's queue."""

    # In display order. `icon` is a shape in templates/components/status.html; `targets` are the statuses that actions
    # lead to (contract, section 5): the same status is no change, and a missing action is refused.
    icon: str
    targets: Mapping[BatchAction, str]

    ACTIVE = "active", "Active", "disc", {START: "active", PAUSE: "paused", RESUME: "active", STOP: "stopped"}
    PAUSED = "paused", "Paused", "pause", {START: "active", PAUSE: "paused", RESUME: "active", STOP: "stopped"}
    PENDING = "pending", "Pending", "ring", {START: "active", STOP: "stopped"}
    STOPPED = "stopped", "Stopped", "square", {START: "active", STOP: "stopped"}
    COMPLETED = "completed", "Completed", "check", {START: "active"}

    def find_target(self, action: BatchAction) -> QueueStatus | None:
        """Return the status that the action leads to; None if the action is not allowed."""
        target = self.targets.get(action)
        return QueueStatus(target) if target else None


LIVE = text("deleted_at IS NULL")
DELETED = text("deleted_at IS NOT NULL")
SCHEDULED = text("deleted_at IS NULL AND starts_at IS NOT NULL")


def live_index(name: str, *columns: str) -> Index:
    """Return an index over live batches, so that deleted batches do not slow down the list."""
    return Index(f"ix_batches_live_{name}", "owner_key", *columns, sqlite_where=LIVE, postgresql_where=LIVE)


class Batch(Base):
    """A batch and the counts of its calls. `key` = the owner's key * 2**32 + a number that increases per owner."""

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
        live_index("name", "name_folded", "id", "status", "created_at", "deleted_at"),  # covers a search
        live_index("calls", "total_calls", "id"),
        live_index("status", "status", "created_at", "id"),
        Index("ix_batches_deleted", "owner_key", "created_at", "id", sqlite_where=DELETED, postgresql_where=DELETED),
        Index("ix_batches_starts", "owner_key", "starts_at", sqlite_where=SCHEDULED, postgresql_where=SCHEDULED),
        Index("ix_batches_source", "owner_key", "source_name", unique=True),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(PublicId)
    owner_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key"))
    name: Mapped[str] = mapped_column(SortableText(NAME_LENGTH))
    name_folded: Mapped[str] = mapped_column(SortableText(FOLDED_LENGTH))  # see fold_name() below
    status: Mapped[str] = mapped_column(SortableText(20))
    total_calls: Mapped[int] = mapped_column(default=0)
    calls_called: Mapped[int] = mapped_column(default=0)  # calls that the dialer has attempted, answered or not
    calls_picked: Mapped[int] = mapped_column(default=0)
    calls_completed: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[int] = mapped_column(Millis)
    updated_at: Mapped[int] = mapped_column(Millis)
    deleted_at: Mapped[int | None] = mapped_column(Millis)
    deleted_by_key: Mapped[int | None] = mapped_column(Key, ForeignKey("users.key"))
    starts_at: Mapped[int | None] = mapped_column(Millis)  # when it becomes active by itself, if it is pending then
    # The batchName in the imported call history, so that a second import finds the batch even if renamed or deleted.
    source_name: Mapped[str | None] = mapped_column(SortableText(NAME_LENGTH))
    # The settings for the dialer, in the format of batches/settings.py; not searchable.
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")


def fold_name(text: str) -> str:
    """Return a name, or a search for part of one, as names are searched and sorted.

    A few characters fold to more than three, the longest to 18: a name of these is cut, and so is the search for it.
    """
    return fold(text)[:FOLDED_LENGTH]
