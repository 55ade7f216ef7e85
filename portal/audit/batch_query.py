"""The one place from which changes are read: those of one live batch of an owner."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, func, select

from portal.extensions import db
from portal.live import live_batches
from portal.models import Batch, BatchLogEntry, Token, User
from portal.web.pagination import Page, page_count


def fetch_batch_events(owner_key: int, batch_id: str, number: int, limit: int) -> Page[Row[Any]]:
    """One page of what was done to the batch, newest first, with the person's name and the token's."""
    batch_key = live_batches(owner_key).with_only_columns(Batch.key).where(Batch.id == batch_id).scalar_subquery()
    of_batch = BatchLogEntry.batch_key == batch_key
    total = db.session.execute(select(func.count(BatchLogEntry.key)).where(of_batch)).scalar_one()
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
    rows = (
        select(*columns)
        .join(User, User.key == BatchLogEntry.user_key)
        .outerjoin(Token, Token.key == BatchLogEntry.token_key)
        .where(of_batch)
        .order_by(BatchLogEntry.key.desc())
    )
    found = db.session.execute(rows.limit(limit).offset((number - 1) * limit)).all()
    return Page(found, total, number, limit)
