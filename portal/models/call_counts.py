"""Data derived from the calls of each batch; only database triggers count in it (portal/calls/derived)."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, SortableText
from portal.models.call import CallStatus

MAX_SPAN = 4096  # calls; a longer span is divided
LONG = text(f"calls > {MAX_SPAN}")


def status_column(status: str) -> str:
    """Return the name of the column that counts the calls with a status."""
    return status.replace("-", "_")


class CallCount(Base):
    """The number of a batch's calls with one status that are held for one reason; an empty text = for none."""

    __tablename__ = "call_counts"
    __table_args__ = {"sqlite_with_rowid": False}

    batch_key: Mapped[int] = mapped_column(
        Key, ForeignKey("batches.key", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    status: Mapped[str] = mapped_column(String(20), primary_key=True)
    held_for: Mapped[str] = mapped_column(String(20), primary_key=True)
    calls: Mapped[int]


class CallAnswers(Base):
    """The calls of a batch picked up in one interval of time: `time / length == number`, in milliseconds."""

    __tablename__ = "call_answers"
    __table_args__ = {"sqlite_with_rowid": False}

    batch_key: Mapped[int] = mapped_column(
        Key, ForeignKey("batches.key", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    length: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Millis, primary_key=True, autoincrement=False)
    calls: Mapped[int]


class CallTextVersion(Base):
    """A random value that changes with every change of the texts of a batch's calls; none if they never changed."""

    __tablename__ = "call_text_versions"

    batch_key: Mapped[int] = mapped_column(
        Key, ForeignKey("batches.key", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    version: Mapped[int] = mapped_column(Key)


class StatusCounts:
    """The number of calls per status: one column for each CallStatus."""


for status in CallStatus:
    setattr(StatusCounts, status_column(status), mapped_column(Integer, nullable=False, default=0, server_default="0"))


class CallSpan(StatusCounts, Base):
    """The counts of consecutive calls of a large batch in one order, from the position `first` to the next span's.

    Positions are texts (portal/calls/derived/orders.py); the first span of an order begins at the empty text.
    """

    __tablename__ = "call_spans"
    __table_args__ = (
        UniqueConstraint("batch_key", "sort", "first"),
        Index("ix_call_spans_long", "batch_key", sqlite_where=LONG, postgresql_where=LONG),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    batch_key: Mapped[int] = mapped_column(Key, ForeignKey("batches.key", ondelete="CASCADE"))
    sort: Mapped[str] = mapped_column(String(20))
    first: Mapped[str] = mapped_column(SortableText(40))
    calls: Mapped[int] = mapped_column(default=0, server_default="0")
