"""Data derived from each owner's batches; only database triggers write it (portal/batches/derived)."""

from __future__ import annotations

import secrets

from sqlalchemy import ForeignKey, Integer, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis
from portal.models.batch import QueueStatus


class LiveCounts:
    """The number of live batches per status: one column for each QueueStatus, with the same name."""


for status in QueueStatus:
    setattr(LiveCounts, status, mapped_column(Integer, nullable=False, default=0, server_default="0"))


class BatchList(LiveCounts, Base):
    """One owner's list as a whole.

    `version` is a random value that every change of the owner's batches replaces. Versions never repeat, not even
    after a restore from a backup, so data cached under a version stays correct.
    """

    __tablename__ = "batch_lists"

    owner_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key"), primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(Key, default=lambda: secrets.randbits(52))
    next_number: Mapped[int] = mapped_column(Key, default=1)  # the low half of the next batch's key


class BatchBucket(LiveCounts, Base):
    """The counts of one owner's live batches created in one bucket of time: `created_at >> bits == number`."""

    __tablename__ = "batch_counts"
    __table_args__ = {"sqlite_with_rowid": False}

    owner_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key"), primary_key=True, autoincrement=False)
    bits: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Millis, primary_key=True, autoincrement=False)
