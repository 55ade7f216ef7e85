"""The dialer processes: one row each, with the counts that /metrics shows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Millis

WORKER_LENGTH = 100  # as attempts.worker


class Dialer(Base):
    """One `flask dial` process. It writes its row every few seconds, and deletes it at its end."""

    __tablename__ = "dialers"

    worker: Mapped[str] = mapped_column(String(WORKER_LENGTH), primary_key=True)
    host: Mapped[str] = mapped_column(String(255))
    started_at: Mapped[int] = mapped_column(Millis)
    seen_at: Mapped[int] = mapped_column(Millis)
    events: Mapped[int] = mapped_column(default=0)  # heard from engines since the start
    counts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # of its metrics, by name and label
