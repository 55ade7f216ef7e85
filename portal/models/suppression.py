"""Do-not-call lists and the phone numbers on them."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, SortableText

SOURCE_LENGTH = 100
OWN_SOURCE = "own"  # the owner's opt-outs: they apply to every batch


class SuppressionList(Base):
    """A do-not-call list of one owner, named by its source, such as a registry."""

    __tablename__ = "suppression_lists"
    __table_args__ = (
        UniqueConstraint("owner_key", "source"),
        CheckConstraint("valid_days > 0", name="days_positive"),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    owner_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key"))
    source: Mapped[str] = mapped_column(SortableText(SOURCE_LENGTH))
    loaded_at: Mapped[int] = mapped_column(Millis)  # numbers were last added
    valid_days: Mapped[int | None]  # the list must be loaded again after these days; None = never


class Suppression(Base):
    """A phone number on a list. Newer rows have higher keys."""

    __tablename__ = "suppressions"
    __table_args__ = (
        UniqueConstraint("owner_key", "phone_number", "list_key"),
        Index(None, "owner_key", "key"),
        Index(None, "list_key"),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    owner_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key"))
    list_key: Mapped[int] = mapped_column(Key, ForeignKey("suppression_lists.key", ondelete="CASCADE"))
    phone_number: Mapped[str] = mapped_column(String(16))  # E.164
    added_at: Mapped[int] = mapped_column(Millis)
    until: Mapped[int | None] = mapped_column(Millis)  # it may be called again from then on; None = never
