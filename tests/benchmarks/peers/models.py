"""The plain table as an SQLAlchemy model."""

from __future__ import annotations

import os
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

DATABASE_URL = os.environ["DATABASE_URL"]


class Base(DeclarativeBase):
    """The declarative base."""


class Batch(Base):
    __tablename__ = "batches"

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str]
    user_id: Mapped[int]
    name: Mapped[str]
    status: Mapped[str]
    total_calls: Mapped[int]
    calls_picked: Mapped[int]
    calls_completed: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted: Mapped[bool]


def matching(user_id: int, search: str | None, status: str | None = None) -> Select[tuple[Batch]]:
    """Return the user's batches, newest first. LIKE ignores case on SQLite, as ILIKE does on PostgreSQL."""
    query = select(Batch).filter_by(user_id=user_id, deleted=False)
    if search:
        holds = Batch.name.like if DATABASE_URL.startswith("sqlite") else Batch.name.ilike
        query = query.where(holds(f"%{search}%"))
    if status:
        query = query.filter_by(status=status)
    return query.order_by(Batch.created_at.desc(), Batch.id.desc())
