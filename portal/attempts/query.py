"""Read attempts, only those of an owner's live batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Row, Select, false, func, select

from portal.db import query as paging
from portal.db.transactions import CHUNK_SIZE, chunks
from portal.extensions import db
from portal.live import Deleted, live_batches, live_calls
from portal.models import Attempt, AttemptCount, Batch, Call, CallEvent
from portal.models.attempt import MACHINE
from portal.web.pagination import Page

# The number of ended attempts by their number, outcome, and whether a machine answered.
OutcomeCounts = dict[tuple[int, str, bool], int]

LIST_COLUMNS = (
    Attempt.id,
    Call.id.label("call_id"),
    Attempt.phone_number,
    Attempt.number,
    Attempt.from_number,
    Attempt.state,
    Attempt.outcome,
    Attempt.cause,
    Attempt.lost,
    Attempt.taken_at,
    Attempt.placed_at,
    Attempt.answered_at,
    Attempt.ended_at,
)
REPORT_COLUMNS = (
    CallEvent.key,
    CallEvent.call_key,
    CallEvent.status,
    CallEvent.occurred_at,
    CallEvent.received_at,
    CallEvent.duration_seconds,
    CallEvent.attempt_number,
    CallEvent.names_attempt,
)
RECORDING_COLUMNS = (CallEvent.call_key, CallEvent.attempt_number, CallEvent.recording_url, CallEvent.transcript)


def find_by_id(owner_key: int, ids: Iterable[str], columns: Iterable[Any]) -> dict[str, Row[Any]]:
    """Return these columns of the calls of attempts, with `number`, by the ids of the attempts."""
    of_owner = (
        live_calls(owner_key).join(Attempt).with_only_columns(*columns, Attempt.id.label("attempt_id"), Attempt.number)
    )
    return {
        row.attempt_id: row
        for chunk in chunks(ids)
        for row in db.session.execute(of_owner.where(Attempt.id.in_(chunk)))
    }


def find_taken(owner_key: int, ids: Iterable[str]) -> dict[str, Row[Any]]:
    """Return those of the owner's attempts that workers took, by id, of deleted batches too."""
    statement = select(Attempt.__table__).where(Attempt.owner_key == owner_key, Attempt.worker.is_not(None))
    return {row.id: row for chunk in chunks(ids) for row in db.session.execute(statement.where(Attempt.id.in_(chunk)))}


def find_reported(call_keys: Iterable[int]) -> set[int]:
    """Return those of the calls of which a dialer reported events."""
    reported = select(CallEvent.call_key).distinct()
    return {
        key
        for chunk in chunks(call_keys)
        for (key,) in db.session.execute(reported.where(CallEvent.call_key.in_(chunk)))
    }


def fetch_attempts(call_keys: Iterable[int]) -> dict[int, list[Row[Any]]]:
    """Return the attempts of these calls by the calls' keys, in order."""
    statement = select(Attempt.__table__).order_by(Attempt.call_key, Attempt.number)
    return group_by_call(statement, Attempt.call_key, call_keys)


def fetch_reports(call_keys: Iterable[int]) -> dict[int, list[Row[Any]]]:
    """Return what the events of these calls report, by the calls' keys."""
    return group_by_call(select(*REPORT_COLUMNS), CallEvent.call_key, call_keys)


def fetch_recordings(call_keys: Iterable[int]) -> dict[tuple[int, int], Row[Any]]:
    """Return the last recording and transcript of each attempt, by the call's key and the attempt's number."""
    statement = select(*RECORDING_COLUMNS).where((CallEvent.recording_url != "") | (CallEvent.transcript != ""))
    ordered = statement.order_by(CallEvent.occurred_at, CallEvent.key)
    by_call = group_by_call(ordered, CallEvent.call_key, call_keys)
    return {(row.call_key, row.attempt_number): row for rows in by_call.values() for row in rows}


def group_by_call(statement: Select[Any], column: Any, call_keys: Iterable[int]) -> dict[int, list[Row[Any]]]:
    """Return the rows of these calls by the calls' keys."""
    rows: dict[int, list[Row[Any]]] = {}
    for chunk in chunks(call_keys):
        for row in db.session.execute(statement.where(column.in_(chunk))):
            rows.setdefault(row.call_key, []).append(row)
    return rows


def find_not_divided(owner_key: int, columns: Iterable[Any], limit: int) -> list[Row[Any]]:
    """Return these columns of the owner's calls that have events without a decision about their attempt.

    Calls of deleted batches are included.
    """
    statement = live_calls(owner_key, deleted=Deleted.INCLUDE).join(CallEvent).with_only_columns(*columns)
    not_divided = statement.where(CallEvent.attempt_number.is_(None))
    return list(db.session.execute(not_divided.distinct().limit(limit)))


def find_tried(owner_key: int, batch_id: str, columns: Iterable[Any], after: int, limit: int) -> list[Row[Any]]:
    """Return these columns of the batch's calls with recorded attempts, by key, from after that key on."""
    has_attempt = select(Attempt.key).where(Attempt.call_key == Call.key).exists()
    statement = live_calls(owner_key, batch_id).with_only_columns(*columns).where(Call.key > after, has_attempt)
    return list(db.session.execute(statement.order_by(Call.key).limit(limit)))


def fetch_counts(owner_key: int, batch_id: str) -> Sequence[Row[Any]]:
    """Return the stored counts of a batch's ended attempts, by number."""
    columns = (AttemptCount.number, AttemptCount.outcome, AttemptCount.by_machine, AttemptCount.attempts)
    counts = live_batches(owner_key).join(AttemptCount).with_only_columns(*columns).where(Batch.id == batch_id)
    return db.session.execute(counts.where(AttemptCount.attempts > 0).order_by(AttemptCount.number)).all()


def find_miscounted(owner_key: int) -> dict[int, OutcomeCounts]:
    """Return the batches whose stored counts differ from their attempts, by key, each with the correct counts."""
    by_machine = func.coalesce(Attempt.answered_by == MACHINE, false())
    columns = (Call.batch_key, Attempt.number, Attempt.outcome, by_machine)
    ended = live_calls(owner_key, deleted=Deleted.INCLUDE).join(Attempt).where(Attempt.outcome.is_not(None))
    rows = db.session.execute(ended.with_only_columns(*columns, func.count()).group_by(*columns))
    counted = {(key, (number, outcome, bool(machine))): count for key, number, outcome, machine, count in rows}
    of_owner = live_batches(owner_key, Deleted.INCLUDE).join(AttemptCount).with_only_columns(AttemptCount.__table__)
    stored = {
        (row.batch_key, (row.number, row.outcome, row.by_machine)): row.attempts
        for row in db.session.execute(of_owner.where(AttemptCount.attempts != 0))
    }
    wrong = {key for key, _ in dict(counted.items() ^ stored.items())}
    return {
        wrong_key: {group: count for (key, group), count in counted.items() if key == wrong_key} for wrong_key in wrong
    }


def select_attempts(owner_key: int, batch_id: str, call_id: str | None) -> Select[Any]:
    """Return a select of the attempts of a batch, or of one of its calls."""
    statement = live_calls(owner_key, batch_id).join(Attempt).with_only_columns(*LIST_COLUMNS)
    return statement if call_id is None else statement.where(Call.id == call_id)


def fetch_page(owner_key: int, batch_id: str, call_id: str | None, number: int, limit: int) -> Page[Row[Any]]:
    """Return one page of a batch's attempts, by call and number."""
    ordered = select_attempts(owner_key, batch_id, call_id).order_by(Attempt.call_key, Attempt.number)
    return paging.fetch_page(ordered, number, limit)


def stream_attempts(owner_key: int, batch_id: str, call_id: str | None) -> Iterator[Row[Any]]:
    """Iterate over all attempts of a batch, with few of them in memory, on a connection of its own."""
    statement = select_attempts(owner_key, batch_id, call_id).order_by(Attempt.call_key, Attempt.number)
    with (
        db.engine.connect() as connection,
        connection.execution_options(yield_per=CHUNK_SIZE).execute(statement) as rows,
    ):
        yield from rows
