"""How often something happened lately, counted for every worker and web node together."""

from __future__ import annotations

from sqlalchemy import Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Millis, SortableText


class SharedCounter(Base):
    """A count within a window of time. `bucket` names what is counted by a hash: it may be an address or a token."""

    __tablename__ = "counters"
    __table_args__ = (Index(None, "ends_at"),)

    bucket: Mapped[str] = mapped_column(SortableText(80), primary_key=True)
    ends_at: Mapped[int] = mapped_column(Millis)
    count: Mapped[int] = mapped_column(Integer)
