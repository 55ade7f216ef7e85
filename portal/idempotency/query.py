"""Read stored answers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from portal.extensions import db
from portal.models import IdempotentAnswer


def find_answer(token_key: int, key_hash: str, now: int) -> Row[Any] | None:
    """Return request hash, status and body of the unexpired answer to a token's key, or None."""
    statement = select(IdempotentAnswer.request_hash, IdempotentAnswer.status, IdempotentAnswer.body).where(
        IdempotentAnswer.token_key == token_key,
        IdempotentAnswer.key_hash == key_hash,
        IdempotentAnswer.expires_at > now,
    )
    return db.session.execute(statement).one_or_none()
