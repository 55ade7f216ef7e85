"""Read the audit log: entries of accounts and of batches as one list, newest first.

Batches appear only by id, because admins must not see the names of other users' batches.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any

from sqlalchemy import Row, Select, literal, null, or_, select
from sqlalchemy.orm import aliased

from portal.audit.parameters import AuditCursor, AuditFilters, AuditParameters
from portal.db.transactions import CHUNK_SIZE
from portal.extensions import db
from portal.ids import parse_id
from portal.live import Deleted, live_batches
from portal.models import AccountEvent, AccountLogEntry, Batch, BatchEvent, BatchLogEntry, Token, User
from portal.text import find_forbidden_character, fold_email

RECENT_EVENTS = 20

ActorUser, SubjectUser = aliased(User, name="actor"), aliased(User, name="subject")


@dataclass(frozen=True)
class AuditPage:
    """Entries of the audit log, and the cursor of the older ones; None = there are none."""

    rows: Sequence[Row[Any]]
    older: AuditCursor | None


def select_events(table: type[AccountLogEntry] | type[BatchLogEntry], **columns: Any) -> Select[Any]:
    """Return a select of the entries of one table, newest first; `columns` are those that the tables do not share."""
    return (
        select(
            table.key,
            table.at,
            table.what,
            table.way,
            table.details,
            ActorUser.email.label("actor"),
            Token.name.label("token"),
            literal(table is AccountLogEntry).label("of_account"),
            *(column.label(name) for name, column in columns.items()),
        )
        .select_from(table)
        .outerjoin(Token, Token.key == table.token_key)
        .order_by(table.key.desc())
    )


def select_account_events() -> Select[Any]:
    """Return a select of the entries of accounts, newest first."""
    return (
        select_events(AccountLogEntry, address=AccountLogEntry.address, subject=SubjectUser.email, batch_id=null())
        .outerjoin(ActorUser, ActorUser.key == AccountLogEntry.actor_key)
        .outerjoin(SubjectUser, SubjectUser.key == AccountLogEntry.subject_key)
    )


def select_batch_events() -> Select[Any]:
    """Return a select of the entries of batches, newest first. The actor is the owner: users change only their own."""
    of_owner = live_batches(BatchLogEntry.user_key, Deleted.INCLUDE).with_only_columns(Batch.id)
    batch_id = of_owner.where(Batch.key == BatchLogEntry.batch_key).correlate(BatchLogEntry).scalar_subquery()
    return select_events(BatchLogEntry, address=literal(""), subject=null(), batch_id=batch_id).join(
        ActorUser, ActorUser.key == BatchLogEntry.user_key
    )


def select_entries(filters: AuditFilters, user_key: int | None) -> list[Select[Any]]:
    """Return the filtered select of each table, without a table that cannot hold the requested event."""
    selects = []
    if not isinstance(filters.what, BatchEvent):
        query = apply_filters(select_account_events(), AccountLogEntry, filters)
        if user_key is not None:
            query = query.where(or_(AccountLogEntry.subject_key == user_key, AccountLogEntry.actor_key == user_key))
        selects.append(query)
    if not isinstance(filters.what, AccountEvent):
        query = apply_filters(select_batch_events(), BatchLogEntry, filters)
        selects.append(query if user_key is None else query.where(BatchLogEntry.user_key == user_key))
    return selects


def apply_filters(
    query: Select[Any], table: type[AccountLogEntry] | type[BatchLogEntry], filters: AuditFilters
) -> Select[Any]:
    """Return the select limited by the filters that both tables share."""
    if filters.what:
        query = query.where(table.what == filters.what)
    if filters.since:
        query = query.where(table.at >= filters.since.first_ms)
    if filters.until:
        query = query.where(table.at <= filters.until.last_ms)
    if isinstance(filters, AuditParameters) and (before := filters.before):
        query = query.where(table.key < (before.account_key if table is AccountLogEntry else before.batch_key))
    return query


def merge_newest_first(results: Iterable[Iterable[Row[Any]]]) -> Iterator[Row[Any]]:
    """Return the entries of both tables as one sequence, newest first."""
    return merge(*results, key=lambda row: -row.at)


def fetch_audit_page(parameters: AuditParameters, user_key: int | None = None) -> AuditPage:
    """Return one page of the audit log; with `user_key`, only entries by that user or about their account."""
    count = parameters.limit + 1  # one more, to find out whether there are older entries
    results = [db.session.execute(query.limit(count)).all() for query in select_entries(parameters, user_key)]
    rows = list(islice(merge_newest_first(results), count))
    if len(rows) < count:
        return AuditPage(rows, None)
    rows.pop()
    return AuditPage(rows, AuditCursor(next_cursor_key(True, rows, results), next_cursor_key(False, rows, results)))


def next_cursor_key(of_account: bool, rows: Iterable[Row[Any]], results: Iterable[Iterable[Row[Any]]]) -> int:
    """Return the key below which the entries of one table are still to be shown.

    That is the key of the last one shown. If the page shows none of them, it lies just above the newest one that is
    still to come, so that entries written later stay out; 0 = no more entries.
    """
    shown = [row.key for row in rows if row.of_account == of_account]
    remaining = [row.key for result in results for row in result if row.of_account == of_account]
    return min(shown) if shown else max(remaining, default=-1) + 1


def stream_entries(filters: AuditFilters, user_key: int | None = None) -> Generator[Row[Any], None, None]:
    """Yield every matching entry, newest first, CHUNK_SIZE at a time.

    It uses its own connection, because the request's connection is released before the last entry is read. A caller
    that does not read to the end must close the generator.
    """
    with db.engine.connect() as connection, ExitStack() as results:
        streaming = connection.execution_options(yield_per=CHUNK_SIZE)
        yield from merge_newest_first(
            [results.enter_context(streaming.execute(query)) for query in select_entries(filters, user_key)]
        )


def recent_account_events(user_key: int) -> Sequence[Row[Any]]:
    """Return the latest entries about an account, newest first."""
    return db.session.execute(
        select_account_events().where(AccountLogEntry.subject_key == user_key).limit(RECENT_EVENTS)
    ).all()


def find_user_key(text: str) -> int | None:
    """Return the key of the account with that email address (in any case) or id, or None."""
    if find_forbidden_character(text):
        return None
    matching = select(User.key).where(or_(User.email_folded == fold_email(text), User.id == (parse_id(text) or "")))
    return db.session.execute(matching).scalar_one_or_none()
