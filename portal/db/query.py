"""Read one page of any ordered select. Lists of millions of rows have selects of their own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, func

from portal.extensions import db
from portal.web.pagination import Page


def fetch_page(rows: Select[Any], number: int, limit: int) -> Page[Row[Any]]:
    """Return one page of the rows of an ordered select, without rows past the end."""
    count = rows.order_by(None).with_only_columns(func.count(), maintain_column_froms=True)
    total = db.session.execute(count).scalar_one()
    offset = (number - 1) * limit
    if offset >= total:
        return Page((), total, number, limit)
    return Page(db.session.execute(rows.limit(limit).offset(offset)).all(), total, number, limit)
