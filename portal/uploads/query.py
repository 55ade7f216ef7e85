"""The one place from which uploads are read: those of their owner."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import defer

from portal.extensions import db
from portal.models import Upload


def find_upload(owner_key: int, upload_id: str) -> Upload | None:
    """The owner's upload of that id that was not taken yet; None where there is no such."""
    query = select(Upload).where(Upload.owner_key == owner_key, Upload.id == upload_id, Upload.content.is_not(None))
    return db.session.execute(query).scalar_one_or_none()


def find_earlier_uploads(owner_key: int, sha256: str, but: str = "") -> list[Upload]:
    """The owner's uploads of that very content that a batch was made of, the last first; `but` is left out."""
    same = select(Upload).where(Upload.owner_key == owner_key, Upload.sha256 == sha256, Upload.id != but)
    made = same.where(Upload.batch_key.is_not(None)).options(defer(Upload.content)).order_by(Upload.created_at.desc())
    return list(db.session.execute(made).scalars())
