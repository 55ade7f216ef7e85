"""The queries of batches.

Every select starts in `live_batches`, which limits it to one owner and, unless asked, excludes deleted batches.

The cost of a query does not grow with the list: totals come from derived data (portal/batches/derived), and a page is
read from the nearer end of the list or from its bucket of time. Deleted batches are counted by reading them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Row, Select, bindparam, func, select

from portal.batches.query.conditions import NameLookup
from portal.batches.query.counts import count_batches, status_counts
from portal.batches.query.list_query import ListQuery
from portal.batches.query.slices import fetch_slice, select_all
from portal.batches.rows import LIST_COLUMNS
from portal.db.transactions import CHUNK_SIZE, chunks
from portal.extensions import db
from portal.live import Deleted, live_batches
from portal.models import Batch, QueueStatus, User
from portal.web.pagination import CountedPage, Page

ONE_BATCH = live_batches(bindparam("owner")).where(Batch.id == bindparam("batch_id"))


def fetch_page(query: ListQuery) -> Page[Row[Any]]:
    """Return the query's page."""
    total = count_batches(query)
    return Page(fetch_rows(query, total), total, query.page, query.limit)


def fetch_counted_page(query: ListQuery) -> CountedPage[Row[Any]]:
    """Return the query's page with the counts per status, whose sum is its total."""
    counts = status_counts(query)
    total = sum(counts[status] for status in query.shown_statuses)
    return CountedPage(fetch_rows(query, total), total, query.page, query.limit, counts)


def fetch_rows(query: ListQuery, total: int) -> Sequence[Row[Any]]:
    """Return the rows of the query's page; none past the end."""
    size = min(query.limit, total - query.offset)
    return fetch_slice(query, total, size) if size > 0 else ()


def stream_batches(query: ListQuery) -> Iterator[Row[Any]]:
    """Yield every matching batch, in order, in chunks.

    Uses its own connection: the request's is closed before the last row is read.
    """
    conditions = query.conditions(NameLookup.SCAN if query.search else NameLookup.NONE)
    statement = select_all(conditions, query.sort_by, query.ascending)
    with (
        db.engine.connect() as connection,
        connection.execution_options(yield_per=CHUNK_SIZE).execute(statement, query.values) as rows,
    ):
        yield from rows


def find_batch(owner_key: int, batch_id: str) -> Batch | None:
    """Return the owner's live batch with the id, if any."""
    return db.session.execute(ONE_BATCH, {"owner": owner_key, "batch_id": batch_id}).scalar_one_or_none()


def find_row(owner_key: int, batch_id: str, deleted: Deleted = Deleted.EXCLUDE) -> Row[Any] | None:
    """Return the current values of the owner's batch with the id, if any.

    For changes: unlike an object of the session, a row never holds values from before the write lock was acquired.
    """
    columns = (Batch.key, Batch.id, Batch.name, Batch.status, Batch.settings, Batch.starts_at, Batch.deleted_at)
    query = live_batches(owner_key, deleted).with_only_columns(*columns).where(Batch.id == batch_id)
    return db.session.execute(query).one_or_none()


def find_rows(owner_key: int, batch_ids: Iterable[str]) -> list[Row[Any]]:
    """Return the list rows of the owner's live batches with these ids, newest first."""
    query = live_batches(owner_key).with_only_columns(Batch.key, *LIST_COLUMNS)
    rows = fetch_chunks(query, Batch.id, batch_ids)
    return sorted(rows, key=lambda row: (row.created_at, row.id), reverse=True)


def find_active(owner_key: int, keys: Iterable[int]) -> list[Row[Any]]:
    """Return the key, id and status of the owner's active batches with these keys."""
    query = live_batches(owner_key).with_only_columns(Batch.key, Batch.id, Batch.status)
    return fetch_chunks(query.where(Batch.status == QueueStatus.ACTIVE), Batch.key, keys)


def find_owners_with_due_starts(now: int) -> Sequence[int]:
    """Return the keys of the active accounts that have a batch to start."""
    due = select_due_starts(User.key, now).with_only_columns(Batch.key)
    return db.session.execute(select(User.key).where(User.disabled_at.is_(None), due.exists())).scalars().all()


def find_due_starts(owner_key: int, now: int) -> list[Row[Any]]:
    """Return the key and id of the owner's pending batches with calls whose scheduled start has come."""
    return list(db.session.execute(select_due_starts(owner_key, now).with_only_columns(Batch.key, Batch.id)))


def select_due_starts(owner_key: Any, now: int) -> Select[Any]:
    """Return a select of the owner's batches to start."""
    due = (Batch.status == QueueStatus.PENDING, Batch.starts_at <= now, Batch.total_calls > 0)
    return live_batches(owner_key).where(*due)


def find_settings(owner_key: int, keys: Iterable[int], deleted: Deleted = Deleted.EXCLUDE) -> dict[int, dict[str, Any]]:
    """Return the stored settings of the owner's batches with these keys."""
    query = live_batches(owner_key, deleted).with_only_columns(Batch.key, Batch.settings)
    return {row.key: row.settings for row in fetch_chunks(query, Batch.key, keys)}


def find_names(owner_key: int, keys: Iterable[int]) -> list[Row[Any]]:
    """Return the key, id and name of the owner's live batches with these keys."""
    return fetch_chunks(live_batches(owner_key).with_only_columns(Batch.key, Batch.id, Batch.name), Batch.key, keys)


def find_imported(owner_key: int, source_names: Iterable[str]) -> dict[str, Row[Any]]:
    """Return the owner's batches imported from a call history, by their names in it; deleted batches included."""
    columns = (Batch.key, Batch.id, Batch.name, Batch.source_name, Batch.created_at, Batch.updated_at, Batch.deleted_at)
    query = live_batches(owner_key, Deleted.INCLUDE).with_only_columns(*columns)
    return {row.source_name: row for row in fetch_chunks(query, Batch.source_name, source_names)}


def fetch_chunks(query: Select[Any], column: Any, values: Iterable[Any]) -> list[Row[Any]]:
    """Return the rows whose column has one of the values, however many values there are."""
    return [row for chunk in chunks(values) for row in db.session.execute(query.where(column.in_(chunk)))]


def fetch_trash(owner_key: int, number: int, limit: int) -> Page[Row[Any]]:
    """Return a page of the owner's deleted batches, last deleted first, with the time and user of the deletion."""
    trash = live_batches(owner_key, Deleted.ONLY)
    total = db.session.execute(trash.with_only_columns(func.count())).scalar_one()
    offset = (number - 1) * limit
    if offset >= total:
        return Page((), total, number, limit)
    user = select(User.name).where(User.key == Batch.deleted_by_key).scalar_subquery().label("deleted_by")
    rows = trash.with_only_columns(*LIST_COLUMNS, user)
    rows = rows.order_by(Batch.deleted_at.desc(), Batch.id.desc()).limit(limit).offset(offset)
    return Page(db.session.execute(rows).all(), total, number, limit)


def find_deleted_before(owner_key: int, before: int) -> list[Row[Any]]:
    """Return the id, name and call count of the owner's batches deleted before a time in milliseconds."""
    trash = live_batches(owner_key, Deleted.ONLY).with_only_columns(Batch.id, Batch.name, Batch.total_calls)
    return list(db.session.execute(trash.where(Batch.deleted_at < before).order_by(Batch.deleted_at, Batch.id)))
