"""The one place from which the trail is read: what was done to accounts and to batches, as one list, newest first.

Of a batch it knows the id alone, never the name: whoever reads it sees other people's.
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
from portal.text import find_forbidden_character, fold

RECENT_EVENTS = 20

Doer, Subject = aliased(User, name="doer"), aliased(User, name="subject")


@dataclass(frozen=True)
class AuditPage:
    """A part of the trail, and where the older entries begin; None where there are none."""

    rows: Sequence[Row[Any]]
    older: AuditCursor | None


def select_account_events() -> Select[Any]:
    """A select of what was done to accounts, newest first."""
    return (
        select(
            AccountLogEntry.key,
            literal(True).label("of_account"),
            AccountLogEntry.at,
            AccountLogEntry.what,
            AccountLogEntry.way,
            AccountLogEntry.address,
            AccountLogEntry.details,
            Doer.email.label("doer"),
            Subject.email.label("subject"),
            Token.name.label("token"),
            null().label("batch_id"),
        )
        .outerjoin(Doer, Doer.key == AccountLogEntry.actor_key)
        .outerjoin(Subject, Subject.key == AccountLogEntry.subject_key)
        .outerjoin(Token, Token.key == AccountLogEntry.token_key)
        .order_by(AccountLogEntry.key.desc())
    )


def select_batch_events() -> Select[Any]:
    """A select of what was done to batches, newest first; a person changes their own alone, so they are the owner."""
    of_owner = live_batches(BatchLogEntry.user_key, Deleted.INCLUDE).with_only_columns(Batch.id)
    batch_id = of_owner.where(Batch.key == BatchLogEntry.batch_key).correlate(BatchLogEntry).scalar_subquery()
    return (
        select(
            BatchLogEntry.key,
            literal(False).label("of_account"),
            BatchLogEntry.at,
            BatchLogEntry.what,
            BatchLogEntry.way,
            literal("").label("address"),
            BatchLogEntry.details,
            Doer.email.label("doer"),
            null().label("subject"),
            Token.name.label("token"),
            batch_id.label("batch_id"),
        )
        .join(Doer, Doer.key == BatchLogEntry.user_key)
        .outerjoin(Token, Token.key == BatchLogEntry.token_key)
        .order_by(BatchLogEntry.key.desc())
    )


def select_entries(asked: AuditFilters, user_key: int | None) -> list[Select[Any]]:
    """The two selects with their filters; the one that cannot hold what is asked for is left out."""
    selects = []
    if asked.what is None or asked.what in set(AccountEvent):
        query = apply_common_filters(select_account_events(), AccountLogEntry, asked)
        if user_key is not None:
            query = query.where(or_(AccountLogEntry.subject_key == user_key, AccountLogEntry.actor_key == user_key))
        selects.append(query)
    if asked.what is None or asked.what in set(BatchEvent):
        query = apply_common_filters(select_batch_events(), BatchLogEntry, asked)
        selects.append(query if user_key is None else query.where(BatchLogEntry.user_key == user_key))
    return selects


def apply_common_filters(
    query: Select[Any], table: type[AccountLogEntry] | type[BatchLogEntry], asked: AuditFilters
) -> Select[Any]:
    """The select with what both kinds of entries have in common."""
    if asked.what:
        query = query.where(table.what == asked.what)
    if asked.since:
        query = query.where(table.at >= asked.since.first_ms)
    if asked.until:
        query = query.where(table.at <= asked.until.last_ms)
    if isinstance(asked, AuditParameters) and asked.before:
        query = query.where(table.key < (asked.before.event if table is AccountLogEntry else asked.before.change))
    return query


def merge_newest_first(found: Iterable[Iterable[Row[Any]]]) -> Iterator[Row[Any]]:
    """Entries of both kinds as one list, newest first."""
    return merge(*found, key=lambda row: -row.at)


def fetch_audit_page(asked: AuditParameters, user_key: int | None = None) -> AuditPage:
    """The part that was asked for; of one user's doings, and what was done to their account, where a key is given."""
    most = asked.limit + 1  # one more, to know whether there are older ones
    found = [db.session.execute(query.limit(most)).all() for query in select_entries(asked, user_key)]
    rows = list(islice(merge_newest_first(found), most))
    if len(rows) < most:
        return AuditPage(rows, None)
    rows.pop()
    return AuditPage(rows, AuditCursor(next_cursor_key(True, rows, found), next_cursor_key(False, rows, found)))


def next_cursor_key(of_account: bool, rows: Iterable[Row[Any]], found: Iterable[Iterable[Row[Any]]]) -> int:
    """The key below which the entries of one kind were not seen: the last one's that was; where the part holds none of
    them, past the first that is to come, so that one written meanwhile stays out; 0 where none are to come."""
    seen = [row.key for row in rows if row.of_account == of_account]
    to_come = [row.key for kind in found for row in kind if row.of_account == of_account]
    return min(seen) if seen else max(to_come, default=-1) + 1


def stream_entries(asked: AuditFilters, user_key: int | None = None) -> Generator[Row[Any], None, None]:
    """Every entry that matches, newest first; few are held in memory at a time.

    On a connection of its own: the request's is given back before the last of them is read. Who does not read to the
    end closes it.
    """
    with db.engine.connect() as connection, ExitStack() as opened:
        reading = connection.execution_options(yield_per=CHUNK_SIZE)
        yield from merge_newest_first(
            [opened.enter_context(reading.execute(query)) for query in select_entries(asked, user_key)]
        )


def recent_account_events(user_key: int) -> Sequence[Row[Any]]:
    """The last things that were done to an account, newest first."""
    return db.session.execute(
        select_account_events().where(AccountLogEntry.subject_key == user_key).limit(RECENT_EVENTS)
    ).all()


def find_user_key(text: str) -> int | None:
    """The account of that e-mail address, case ignored, or of that id; None where there is none."""
    if find_forbidden_character(text):
        return None
    found = select(User.key).where(or_(User.email_folded == fold(text), User.id == (parse_id(text) or "")))
    return db.session.execute(found).scalar_one_or_none()
