"""Read the log of one batch."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, func, select

from portal.extensions import db
from portal.live import live_batches
from portal.models import Batch, BatchLogEntry, Token, User
from portal.web.pagination import Page, page_count


def fetch_batch_events(owner_key: int, batch_id: str, number: int, limit: int) -> Page[Row[Any]]:
    """Return one page of the log of the owner's live batch, newest first, with the names of users and tokens."""
    batch_key = live_batches(owner_key).with_only_columns(Batch.key).where(Batch.id == batch_id).scalar_subquery()
    in_batch = BatchLogEntry.batch_key == batch_key
    total = db.session.execute(select(func.count(BatchLogEntry.key)).where(in_batch)).scalar_one()
    if number > page_count(total, limit):
        return Page((), total, number, limit)
    columns = (
        BatchLogEntry.at,
        BatchLogEntry.way,
        BatchLogEntry.what,
        BatchLogEntry.details,
        User.name.label("user"),
        Token.name.label("token"),
    )
    query = (
        select(*columns)
        .join(User, User.key == BatchLogEntry.user_key)
        .outerjoin(Token, Token.key == BatchLogEntry.token_key)
        .where(in_batch)
        .order_by(BatchLogEntry.key.desc())
    )
    rows = db.session.execute(query.limit(limit).offset((number - 1) * limit)).all()
    return Page(rows, total, number, limit)
