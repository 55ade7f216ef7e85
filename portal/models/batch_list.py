"""What the database keeps beside each owner's batches; triggers write it (portal/batches/derived), nobody else."""

from __future__ import annotations

import secrets

from sqlalchemy import ForeignKey, Integer, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis


class LiveCounts:
    """How many live batches there are of each status; the columns bear the statuses' own words."""

    active: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    paused: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    pending: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    stopped: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    completed: Mapped[int] = mapped_column(Integer, default=0, server_default="0")


class BatchList(LiveCounts, Base):
    """One owner's list as a whole.

    `version` is a random stamp that every change of any of the owner's batches sets anew. No stamp comes back, not
    even after a backup was restored, so nothing that was kept under one can be taken for the truth of another.
    """

    __tablename__ = "batch_lists"

    owner_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key"), primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(Key, default=lambda: secrets.randbits(52))
    next_number: Mapped[int] = mapped_column(Key, default=1)  # the low half of the next batch's key


class BatchBucket(LiveCounts, Base):
    """One owner's live batches whose created_at lies in one span: `created_at >> bits == number`."""

    __tablename__ = "batch_counts"
    __table_args__ = {"sqlite_with_rowid": False}

    owner_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key"), primary_key=True, autoincrement=False)
    bits: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Millis, primary_key=True, autoincrement=False)
