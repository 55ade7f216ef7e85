"""A call: one contact of a batch, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, PublicId, SortableText, vocabulary_check
from portal.text import fold


class CallStatus(StrEnum):
    """What became of a call: waiting, under way, then one of the final words."""

    PENDING = "pending"
    DIALING = "dialing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    DROPPED = "dropped"
    NO_ANSWER = "no-answer"
    BUSY = "busy"
    FAILED = "failed"
    CANCELED = "canceled"


OPEN_STATUSES = frozenset({CallStatus.PENDING, CallStatus.DIALING, CallStatus.IN_PROGRESS})
PICKED_STATUSES = frozenset({CallStatus.IN_PROGRESS, CallStatus.COMPLETED, CallStatus.DROPPED})
NOT_CALLED = frozenset({CallStatus.PENDING, CallStatus.CANCELED})


class Call(Base):
    """One contact in a batch. It is live as long as its batch is: a deleted batch takes its calls with it."""

    __tablename__ = "calls"
    __table_args__ = (
        UniqueConstraint("id"),
        vocabulary_check("status", CallStatus, "status_known"),
        CheckConstraint("duration_seconds >= 0", name="duration_positive"),
        CheckConstraint("attempts >= 0", name="attempts_positive"),
        Index(None, "batch_key", "status"),
        Index(None, "batch_key", "phone_number"),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(PublicId)
    batch_key: Mapped[int] = mapped_column(Key, ForeignKey("batches.key", ondelete="CASCADE"))
    phone_number: Mapped[str] = mapped_column(String(16))  # E.164
    status: Mapped[str] = mapped_column(String(20))
    duration_seconds: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    last_event_at: Mapped[int | None] = mapped_column(Millis)  # when the dialer last reported on it
    created_at: Mapped[int] = mapped_column(Millis)
    fields: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # the row's other columns, as they came
    # Its number and its fields, folded, a line each: what a search looks at (calls/columns.py).
    search_text: Mapped[str] = mapped_column(Text, default="", server_default="")


class CallEvent(Base):
    """One report of the dialer on a call. An owner's event id stands here once, however often it was sent."""

    __tablename__ = "call_events"
    __table_args__ = (
        UniqueConstraint("owner_key", "event_id"),
        vocabulary_check("status", CallStatus, "status_known"),
        CheckConstraint("duration_seconds >= 0", name="duration_positive"),
        Index(None, "call_key", "occurred_at"),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    owner_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key"))
    event_id: Mapped[str] = mapped_column(SortableText(200))
    call_key: Mapped[int] = mapped_column(Key, ForeignKey("calls.key", ondelete="CASCADE"))
    status: Mapped[str] = mapped_column(String(20))
    duration_seconds: Mapped[int] = mapped_column(default=0)
    recording_url: Mapped[str] = mapped_column(Text, default="")
    transcript: Mapped[str] = mapped_column(Text, default="")
    occurred_at: Mapped[int] = mapped_column(Millis)
    received_at: Mapped[int] = mapped_column(Millis)
    token_key: Mapped[int | None] = mapped_column(Key, ForeignKey("tokens.key"))


def search_text(phone_number: str, fields: Mapping[str, Any]) -> str:
    """What a search of calls looks at: the number and the values of the row's own fields, folded, a line each."""
    return "\n".join([phone_number, *(fold(str(value)) for value in fields.values())])
