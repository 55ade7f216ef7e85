"""A call: one contact of a batch, its status, and the events that the dialer reported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, PublicId, SortableText, vocabulary_check
from portal.models.labeled_enum import LabeledEnum
from portal.text import fold


class CallStatus(LabeledEnum):
    """The status of a call, in the order in which a call advances: open statuses, then final ones.

    `icon` is a shape in templates/components/status.html. `is_called`: the dialer has tried the number. `is_picked`:
    somebody picked up.
    """

    icon: str
    is_open: bool
    is_called: bool
    is_picked: bool

    # value, label, icon, is_open, is_called, is_picked
    PENDING = "pending", "Pending", "ring", True, False, False
    DIALING = "dialing", "Dialing", "target", True, True, False
    IN_PROGRESS = "in-progress", "In progress", "disc", True, True, True
    COMPLETED = "completed", "Completed", "check", False, True, True
    DROPPED = "dropped", "Dropped", "cross", False, True, True
    NO_ANSWER = "no-answer", "No answer", "dash", False, True, False
    BUSY = "busy", "Busy", "triangle", False, True, False
    FAILED = "failed", "Failed", "square", False, True, False
    CANCELED = "canceled", "Canceled", "slash", False, False, False


class ProgressPart(LabeledEnum):
    """A part of the progress bar, in drawing order; every status belongs to one.

    The parts end where the figures "completed", "picked up", "called" and "calls" of a batch do.
    """

    COMPLETED = "completed", "Completed"
    PICKED = "picked", "Picked up, not completed"
    CALLED = "called", "Called, not picked up"
    REST = "rest", "Not called"

    @classmethod
    def of(cls, status: CallStatus) -> ProgressPart:
        """Return the part of a status."""
        if status is CallStatus.COMPLETED:
            return cls.COMPLETED
        if status.is_picked:
            return cls.PICKED
        return cls.CALLED if status.is_called else cls.REST

    @property
    def statuses(self) -> tuple[CallStatus, ...]:
        """Return the statuses of this part."""
        return tuple(status for status in CallStatus if self.of(status) is self)


OPEN_STATUSES = frozenset(status for status in CallStatus if status.is_open)
PICKED_STATUSES = frozenset(status for status in CallStatus if status.is_picked)
ON_LINE_STATUSES = frozenset(status for status in CallStatus if status.is_open and status.is_called)
UNCALLED_STATUSES = frozenset(status for status in CallStatus if not status.is_called)
FINAL_STATUSES = tuple(status for status in CallStatus if not status.is_open)
# The order in which people read outcomes: the final statuses, then the open ones from the most advanced.
OUTCOME_ORDER = (*FINAL_STATUSES, *(status for status in reversed(CallStatus) if status.is_open))


class HeldFor(LabeledEnum):
    """Why a pending call is not dialed now."""

    DELAY = "delay", "Waiting for the next attempt"
    WINDOW = "window", "Outside calling hours"
    DAY = "day", "Attempts per day used up"
    DNC = "dnc", "On the do-not-call list"
    LIMIT = "limit", "Lines in use"


PENDING = text("status = 'pending'")
NOT_DIVIDED = text("attempt_number IS NULL")


class Call(Base):
    """One contact in a batch. A call is live exactly while its batch is: deleting a batch deletes its calls."""

    __tablename__ = "calls"
    __table_args__ = (
        UniqueConstraint("id"),
        vocabulary_check("status", CallStatus, "status_known"),
        CheckConstraint("duration_seconds >= 0", name="duration_positive"),
        CheckConstraint("attempts >= 0", name="attempts_positive"),
        # In the orders of lists; the status is there for lists that are filtered by it.
        Index("ix_calls_number", "batch_key", "number", unique=True),
        Index("ix_calls_status", "batch_key", "status", "number"),
        Index("ix_calls_phone_number", "batch_key", "phone_number", "number", "status"),
        Index("ix_calls_duration", "batch_key", "duration_seconds", "number", "status"),
        Index("ix_calls_last_event", "batch_key", "last_event_at", "number", "status"),
        Index("ix_calls_due", "batch_key", "due_at", "key", sqlite_where=PENDING, postgresql_where=PENDING),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(PublicId)
    batch_key: Mapped[int] = mapped_column(Key, ForeignKey("batches.key", ondelete="CASCADE"))
    # 1, 2, 3 … in the order in which the batch's calls were added, without gaps; a trigger sets it if it is missing.
    number: Mapped[int | None]
    phone_number: Mapped[str] = mapped_column(String(16))  # E.164
    status: Mapped[str] = mapped_column(String(20))
    duration_seconds: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    last_event_at: Mapped[int | None] = mapped_column(Millis)
    answered_at: Mapped[int | None] = mapped_column(Millis)  # first answer in any attempt; see is_picked in events.py
    due_at: Mapped[int] = mapped_column(Millis, default=0, server_default="0")  # no next try before; 0 = none is set
    zone_set: Mapped[str] = mapped_column(
        Text, default="", server_default=""
    )  # see dialing/callee_zones.py; "" = not known yet
    held_for: Mapped[str | None] = mapped_column(String(20))  # a HeldFor
    created_at: Mapped[int] = mapped_column(Millis)
    fields: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # the contact's other columns, unchanged
    search_text: Mapped[str] = mapped_column(Text, default="", server_default="")  # see search_text() below

    @property
    def tries(self) -> int:
        """Return the number of attempts; at least 1 if the status shows one, as in a history without that number."""
        return max(self.attempts, int(CallStatus(self.status).is_called))

    @property
    def next_at(self) -> int | None:
        """Return the earliest time of the next attempt in milliseconds; None = at any time, or no attempt follows."""
        return (self.due_at or None) if self.status == CallStatus.PENDING else None


class CallEvent(Base):
    """One event that the dialer reported for a call. An event id is stored once per owner, however often it is sent."""

    __tablename__ = "call_events"
    __table_args__ = (
        UniqueConstraint("owner_key", "event_id"),
        vocabulary_check("status", CallStatus, "status_known"),
        CheckConstraint("duration_seconds >= 0", name="duration_positive"),
        Index(None, "call_key", "occurred_at"),
        Index("ix_call_events_not_divided", "call_key", sqlite_where=NOT_DIVIDED, postgresql_where=NOT_DIVIDED),
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
    # The attempt of the call; 0 = of none; None = stored by an earlier release.
    attempt_number: Mapped[int | None]
    names_attempt: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())  # sent with attemptId


def search_text(phone_number: str, fields: Mapping[str, Any]) -> str:
    """Return the text that a search of calls matches: the number and the folded field values, one per line."""
    return "\n".join([phone_number, *(fold(str(value)) for value in fields.values())])
