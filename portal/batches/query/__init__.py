"""THE query helper: the one place from which batches are read.

Every select begins in `live_batches`, which limits it to one owner and to what is not deleted before anyone can add
a filter. The page of rows, the total, the counts per status and the single batch all come from there.

None of it grows with the list: totals are read from what the database keeps beside the rows (portal/batches/derived),
and a page is reached from the nearest end, or from the span of time in which it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Row, bindparam, func, select

from portal.batches.parameters import BatchListParameters
from portal.batches.query.base import LIST_COLUMNS
from portal.batches.query.conditions import NameLookup, condition_values, conditions_for
from portal.batches.query.counts import count_batches, status_counts
from portal.batches.query.slices import fetch_slice, select_whole_walk
from portal.db.transactions import CHUNK_SIZE, chunks
from portal.extensions import db
from portal.live import Deleted, live_batches
from portal.models import Batch, QueueStatus, User
from portal.models.list_state import ListState
from portal.web.pagination import Page, SortOrder

__all__ = [
    "active_among",
    "count_batches",
    "fetch_page",
    "fetch_trash",
    "find_batch",
    "find_row",
    "find_rows",
    "imported_batches",
    "made_of",
    "status_counts",
    "stream",
    "trash_of",
]

ONE_BATCH = live_batches(bindparam("owner")).where(Batch.id == bindparam("batch_id"))


def find_batch(owner_key: int, batch_id: str) -> Batch | None:
    """The owner's live batch of that id; None alike for one that never was, is deleted, or is another's."""
    return db.session.execute(ONE_BATCH, {"owner": owner_key, "batch_id": batch_id}).scalar_one_or_none()


def find_row(owner_key: int, batch_id: str, deleted: Deleted = Deleted.EXCLUDE) -> Row[Any] | None:
    """The owner's batch of that id as it is now, for a change; None where there is no such batch.

    A row of values, not an object: what was read before the change's turn came is never taken for what is true now.
    """
    columns = (Batch.key, Batch.id, Batch.name, Batch.status, Batch.settings, Batch.deleted_at)
    query = live_batches(owner_key, deleted).with_only_columns(*columns).where(Batch.id == batch_id)
    return db.session.execute(query).one_or_none()


def find_rows(owner_key: int, batch_ids: Iterable[str]) -> list[Row[Any]]:
    """What a list shows of these batches of the owner, newest first; those that are not there are left out."""
    query = live_batches(owner_key).with_only_columns(Batch.key, *LIST_COLUMNS)
    found = [row for ids in chunks(batch_ids) for row in db.session.execute(query.where(Batch.id.in_(ids)))]
    return sorted(found, key=lambda row: (row.created_at, row.id), reverse=True)


def find_active(owner_key: int, keys: Iterable[int]) -> list[Row[Any]]:
    """Those of the owner's live batches with these keys that are active: key, id and status."""
    query = live_batches(owner_key).with_only_columns(Batch.key, Batch.id, Batch.status)
    active = query.where(Batch.status == QueueStatus.ACTIVE)
    return [row for chunk in chunks(keys) for row in db.session.execute(active.where(Batch.key.in_(chunk)))]


def find_names(owner_key: int, keys: Iterable[int]) -> list[Row[Any]]:
    """The owner's live batches with these keys: key, id and name."""
    query = live_batches(owner_key).with_only_columns(Batch.key, Batch.id, Batch.name)
    return [row for chunk in chunks(keys) for row in db.session.execute(query.where(Batch.key.in_(chunk)))]


def fetch_trash(owner_key: int, number: int, limit: int) -> Page[Row[Any]]:
    """One page of the owner's deleted batches, the last deleted first, with when and by whom."""
    trash = live_batches(owner_key, Deleted.ONLY)
    total = db.session.execute(trash.with_only_columns(func.count())).scalar_one()
    begin = (number - 1) * limit
    if begin >= total:
        return Page((), total, number, limit)
    who = select(User.name).where(User.key == Batch.deleted_by_key).scalar_subquery().label("deleted_by")
    rows = trash.with_only_columns(*LIST_COLUMNS, Batch.deleted_at, who)
    rows = rows.order_by(Batch.deleted_at.desc(), Batch.id.desc()).limit(limit).offset(begin)
    return Page(db.session.execute(rows).all(), total, number, limit)


def find_deleted_before(owner_key: int, before: int) -> list[Row[Any]]:
    """The owner's batches that were deleted before that moment (milliseconds): id, name, how many calls."""
    trash = live_batches(owner_key, Deleted.ONLY).with_only_columns(Batch.id, Batch.name, Batch.total_calls)
    return list(db.session.execute(trash.where(Batch.deleted_at < before).order_by(Batch.deleted_at, Batch.id)))


def fetch_page(
    state: ListState, asked: BatchListParameters, counts: Mapping[QueueStatus, int] | None = None
) -> Page[Row[Any]]:
    """The page that was asked for. Past the end it has no rows and the true total.

    Where the counts per status are known, the total is taken from them: the two can never disagree.
    """
    total = (
        count_batches(state, asked) if counts is None else sum(counts[status] for status in asked.status or QueueStatus)
    )
    begin = (asked.page - 1) * asked.limit
    size = min(asked.limit, total - begin)
    rows = fetch_slice(state, asked, total, begin, size) if size > 0 else ()
    return Page(rows, total, asked.page, asked.limit)


def stream_batches(state: ListState, asked: BatchListParameters) -> Iterator[Row[Any]]:
    """Every batch that matches, on whatever page, in the order asked for; few are held in memory at a time.

    On a connection of its own: the request's is given back before the last of them is read.
    """
    match = conditions_for(asked, NameLookup.SCANNED if asked.search else NameLookup.ANY)
    run = select_whole_walk(match, asked.sort_by, asked.sort_order is SortOrder.ASC)
    values = condition_values(state.owner_key, asked)
    with (
        db.engine.connect() as connection,
        connection.execution_options(yield_per=CHUNK_SIZE).execute(run, values) as found,
    ):
        yield from found


def find_imported(owner_key: int, source_names: Iterable[str]) -> dict[str, Row[Any]]:
    """The owner's batches that came from a call history, by their names in it; those deleted since as well."""
    columns = (Batch.key, Batch.id, Batch.name, Batch.source_name, Batch.created_at, Batch.updated_at, Batch.deleted_at)
    query = live_batches(owner_key, Deleted.INCLUDE).with_only_columns(*columns)
    found: dict[str, Row[Any]] = {}
    for names in chunks(source_names):
        rows = db.session.execute(query.where(Batch.source_name.in_(names)))
        found |= {row.source_name: row for row in rows}
    return found
