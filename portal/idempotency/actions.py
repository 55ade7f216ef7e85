"""Answer a request with an Idempotency-Key once, in the transaction of the change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from flask import Response
from sqlalchemy import ColumnElement, delete, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from portal.db.transactions import write_transaction
from portal.extensions import db
from portal.idempotency import query
from portal.models import IdempotentAnswer
from portal.times import DAY_MS, now_ms

INSERTS = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
REPLAYED = "Idempotency-Replayed"


class KeyUsed(Exception):
    """The key belongs to another request of the token."""


@dataclass(frozen=True)
class KeyedRequest:
    """A request with an Idempotency-Key: the token, and hashes of the key and of the request."""

    token_key: int
    key_hash: str
    request_hash: str

    @classmethod
    def of(cls, token_key: int, key: str, content: str) -> KeyedRequest:
        """Return a request by its key and its content: the endpoint and the parsed body as text."""
        return cls(token_key, sha256(key.encode()).hexdigest(), sha256(content.encode()).hexdigest())


def find_answer(request: KeyedRequest) -> Response | None:
    """Return the answer to an earlier request with the key, if any. Raises KeyUsed if that request was another one."""
    row = query.find_answer(request.token_key, request.key_hash, now_ms())
    if row is None:
        return None
    if row.request_hash != request.request_hash:
        raise KeyUsed
    return Response(row.body, row.status, {REPLAYED: "true"}, mimetype="application/json")


def answer_once(request: KeyedRequest, build: Callable[[], Response]) -> Response:
    """Return the answer of `build`, which makes the change, or that of an earlier request with the key.

    Key, change and answer are stored in one transaction: a crash stores all of them or none. A second request waits
    until the first is done. An exception stores nothing, so the request can be repeated. Raises KeyUsed.
    """
    with write_transaction() as session:
        if not claim_key(session, request):
            # The row that prevented the claim is committed; it may have expired since then.
            return find_answer(request) or answer_once(request, build)
        response = build()
        values = {"status": response.status_code, "body": response.get_data(as_text=True)}
        session.execute(update(IdempotentAnswer).where(*identity(request)).values(**values))
    return response


def delete_expired_answers() -> None:
    """Delete the answers that are not given again."""
    with write_transaction() as session:
        session.execute(delete(IdempotentAnswer).where(IdempotentAnswer.expires_at <= now_ms()))


def identity(request: KeyedRequest) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that identify the row of a request."""
    return (IdempotentAnswer.token_key == request.token_key, IdempotentAnswer.key_hash == request.key_hash)


def claim_key(session: Session, request: KeyedRequest) -> bool:
    """Insert a row without an answer, in place of an expired one, and return whether the key was free.

    PostgreSQL waits here until another transaction with the key ends; on SQLite there is one writer at a time.
    """
    now = now_ms()
    insert = INSERTS[db.engine.dialect.name](IdempotentAnswer).values(
        token_key=request.token_key,
        key_hash=request.key_hash,
        request_hash=request.request_hash,
        expires_at=now + DAY_MS,
        status=0,
        body="",
    )
    claim = insert.on_conflict_do_update(
        index_elements=[IdempotentAnswer.token_key, IdempotentAnswer.key_hash],
        set_={"request_hash": insert.excluded.request_hash, "expires_at": insert.excluded.expires_at},
        where=IdempotentAnswer.expires_at <= now,
    ).returning(IdempotentAnswer.token_key)
    return session.execute(claim).first() is not None
