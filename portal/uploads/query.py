"""Read uploads, only those of one owner."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import defer

from portal.extensions import db
from portal.models import Upload


def find_upload(owner_key: int, upload_id: str) -> Upload | None:
    """Return the owner's upload of that id whose content is still stored, or None."""
    statement = select(Upload).where(Upload.owner_key == owner_key, Upload.id == upload_id, Upload.content.is_not(None))
    return db.session.execute(statement).scalar_one_or_none()


def find_earlier_uploads(owner_key: int, sha256: str, except_id: str = "") -> list[Upload]:
    """Return the owner's uploads of the same content from which batches were created, newest first."""
    statement = (
        select(Upload)
        .where(Upload.owner_key == owner_key, Upload.sha256 == sha256, Upload.id != except_id)
        .where(Upload.batch_key.is_not(None))
        .options(defer(Upload.content))
        .order_by(Upload.created_at.desc())
    )
    return list(db.session.execute(statement).scalars())


def find_uploads_beyond(owner_key: int, quota: int) -> Sequence[int]:
    """Return the keys of the owner's oldest stored files, so that the others have at most `quota` bytes together."""
    newest_first = func.sum(Upload.size).over(order_by=Upload.key.desc())
    stored = select(Upload.key, newest_first.label("total"))
    stored = stored.where(Upload.owner_key == owner_key, Upload.content.is_not(None)).subquery()
    return db.session.execute(select(stored.c.key).where(stored.c.total > quota)).scalars().all()
