"""Trunks, the lines over which the portal dials, and the caller numbers that belong to them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Boolean, CheckConstraint, Float, ForeignKey, Index, String, Text, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, PublicId
from portal.models.labeled_enum import LabeledEnum

LABEL_LENGTH = 100
ADDRESS_LENGTH = 500
PLACE_WITHIN_MS = 2_500  # an attempt is placed within this time after it was taken, or not at all
SILENT_MS = 10_000  # nothing is placed through an engine that was not heard for this time
MIN_RING_SECONDS = 15  # 47 CFR 64.1200(a)(6)


class TrunkKind(LabeledEnum):
    """The telephony engine behind a trunk. `is_remote`: the engine has an address and a secret."""

    is_remote: bool

    SIMULATOR = "simulator", "Simulator (no real calls)", False
    ASTERISK = "asterisk", "Asterisk", True
    HTTP = "http", "HTTP call API", True


class Trunk(Base):
    """Lines of one owner. The dialer writes `next_at`, `heard_at` and `trouble`."""

    __tablename__ = "trunks"
    __table_args__ = (
        UniqueConstraint("id"),
        CheckConstraint("lines > 0", name="lines_positive"),
        CheckConstraint("per_second > 0", name="rate_positive"),
        CheckConstraint(f"ring_seconds >= {MIN_RING_SECONDS}", name="rings_long_enough"),
        Index(None, "owner_key"),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(PublicId)
    owner_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key"))
    name: Mapped[str] = mapped_column(String(LABEL_LENGTH))
    kind: Mapped[str] = mapped_column(String(20))  # a TrunkKind
    address: Mapped[str] = mapped_column(String(ADDRESS_LENGTH), default="")  # "" = a simulator
    secret: Mapped[str | None] = mapped_column(Text)  # encrypted; None = a simulator
    settings: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # of a simulator: SimulatorSettings
    lines: Mapped[int]  # calls at one time
    per_second: Mapped[float] = mapped_column(Float)  # calls placed per second
    ring_seconds: Mapped[int]
    held: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())  # nothing is placed
    created_at: Mapped[int] = mapped_column(Millis)
    next_at: Mapped[int | None] = mapped_column(Millis)  # no call is placed earlier; None = at any time
    heard_at: Mapped[int | None] = mapped_column(Millis)  # the engine was last heard; None = never
    trouble: Mapped[str] = mapped_column(Text, default="", server_default="")  # why it cannot be used; "" = nothing


class CallerNumber(Base):
    """A number from which an owner calls. Batches store the number, not the key (docs/decisions/0016)."""

    __tablename__ = "caller_numbers"
    __table_args__ = (
        UniqueConstraint("id"),
        UniqueConstraint("owner_key", "phone_number"),
        Index(None, "trunk_key"),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    id: Mapped[str] = mapped_column(PublicId)
    owner_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key"))
    phone_number: Mapped[str] = mapped_column(String(16))  # E.164
    label: Mapped[str] = mapped_column(String(LABEL_LENGTH), default="")
    trunk_key: Mapped[int | None] = mapped_column(Key, ForeignKey("trunks.key"))  # None = an outside dialer calls
    created_at: Mapped[int] = mapped_column(Millis)
