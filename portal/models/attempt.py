"""An attempt: one try to reach a call's contact."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, PublicId, vocabulary_check
from portal.models.call import FINAL_STATUSES, CallStatus
from portal.models.labeled_enum import LabeledEnum


class AttemptState(LabeledEnum):
    """How far an attempt has advanced, in order. `call_status`: the status of its call, until the attempt has ended."""

    call_status: CallStatus

    TAKEN = "taken", "Taken", CallStatus.DIALING
    PLACED = "placed", "Placed", CallStatus.DIALING
    RINGING = "ringing", "Ringing", CallStatus.DIALING
    ANSWERED = "answered", "Answered", CallStatus.IN_PROGRESS
    ENDED = "ended", "Ended", CallStatus.FAILED  # if it has no outcome


# Attempts that occupy a line and a phone number.
ON_LINE = text("state <> 'ended' AND worker IS NOT NULL")
BY_WORKER = text("worker IS NOT NULL")
MACHINE = "machine"  # the value of `answered_by` for an answering machine


class Attempt(Base):
    """One try, numbered from 1 per call. `owner_key` and `phone_number` are copies, for the index of open attempts.

    A row with `taken_at` keeps its number: a worker took the call from the portal, or it records a call of the past
    (without a worker). The other rows are derived from the events that a dialer reported without naming an attempt.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        UniqueConstraint("id"),
        UniqueConstraint("call_key", "number"),
        vocabulary_check("state", AttemptState, "state_known"),
        vocabulary_check("outcome", FINAL_STATUSES, "outcome_known"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("duration_seconds >= 0", name="duration_positive"),
        CheckConstraint("(state = 'ended') = (outcome IS NOT NULL)", name="ended_with_outcome"),
        CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended_at_a_time"),
        CheckConstraint("worker IS NULL OR taken_at IS NOT NULL", name="taken_by_worker"),
        Index("ix_attempts_on_line_trunk", "trunk_key", sqlite_where=ON_LINE, postgresql_where=ON_LINE),
        Index(
            "ix_attempts_on_line_number",
            "owner_key",
            "phone_number",
            unique=True,
            sqlite_where=ON_LINE,
            postgresql_where=ON_LINE,
        ),
        Index(None, "owner_key", "phone_number"),
        Index("ix_attempts_taken", "owner_key", "taken_at", sqlite_where=BY_WORKER, postgresql_where=BY_WORKER),
        Index("ix_attempts_on_line_held", "held_until", sqlite_where=ON_LINE, postgresql_where=ON_LINE),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(PublicId)  # the engine's id of the channel, too
    owner_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key"))
    call_key: Mapped[int] = mapped_column(Key, ForeignKey("calls.key", ondelete="CASCADE"))
    phone_number: Mapped[str] = mapped_column(String(16))  # E.164
    number: Mapped[int]
    trunk_key: Mapped[int | None] = mapped_column(Key, ForeignKey("trunks.key", ondelete="SET NULL"))
    from_number: Mapped[str | None] = mapped_column(String(16))  # E.164
    worker: Mapped[str | None] = mapped_column(String(100))  # the dialer process or outside dialer that took the call
    state: Mapped[str] = mapped_column(String(20))
    taken_at: Mapped[int | None] = mapped_column(Millis)
    held_until: Mapped[int | None] = mapped_column(Millis)  # without news of its end until then, it is lost
    placed_at: Mapped[int | None] = mapped_column(Millis)
    answered_at: Mapped[int | None] = mapped_column(Millis)
    ended_at: Mapped[int | None] = mapped_column(Millis)
    outcome: Mapped[str | None] = mapped_column(String(20))  # a final CallStatus
    duration_seconds: Mapped[int] = mapped_column(default=0, server_default="0")
    cause: Mapped[int | None]  # ITU-T Q.850
    answered_by: Mapped[str | None] = mapped_column(String(20))  # human or machine
    lost: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())  # ended without a known outcome
    record: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # the engine's record


class AttemptCount(Base):
    """The number of a batch's ended attempts per number and outcome; only triggers write it (migration 0013b)."""

    __tablename__ = "attempt_counts"

    batch_key: Mapped[int] = mapped_column(Key, ForeignKey("batches.key", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    outcome: Mapped[str] = mapped_column(String(20), primary_key=True)
    by_machine: Mapped[bool] = mapped_column(Boolean, primary_key=True, autoincrement=False)
    attempts: Mapped[int]
