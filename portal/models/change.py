"""What was done to a batch, and by whom: written in the transaction of the change itself, and never changed again."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, one_of


class Way(StrEnum):
    """How a change came: from a page, by the API (then the token is known), or from the command line."""

    PAGE = "page"
    API = "api"
    COMMAND = "command"


class What(StrEnum):
    """What was done."""

    CREATED = "created"
    FILLED = "filled"
    STATUS = "status"
    RENAMED = "renamed"
    DELETED = "deleted"
    RESTORED = "restored"


class Change(Base):
    """One change of a batch. A trigger refuses to alter it; it goes only when the batch is purged."""

    __tablename__ = "changes"
    __table_args__ = (
        one_of("way", Way, "way_known"),
        one_of("what", What, "what_known"),
        Index(None, "batch_key", "key"),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    batch_key: Mapped[int] = mapped_column(Key, ForeignKey("batches.key", ondelete="CASCADE"))
    at: Mapped[int] = mapped_column(Millis)
    user_key: Mapped[int] = mapped_column(Key, ForeignKey("users.key"))
    token_key: Mapped[int | None] = mapped_column(Key, ForeignKey("tokens.key"))
    way: Mapped[str] = mapped_column(String(20))
    what: Mapped[str] = mapped_column(String(20))
    details: Mapped[dict[str, Any]] = mapped_column(
        JSON, default=dict
    )  # from what to what; counts; never a number called
