"""The numbers of a batch's calls, read from the counts that triggers keep (portal/calls/derived)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, func, select

from portal.calls.derived.expressions import HOUR, MINUTE
from portal.db.transactions import fetch
from portal.extensions import db
from portal.live import live_batches
from portal.models import Batch, CallAnswers, CallCount, CallStatus
from portal.models.call import HeldFor

DAY = 24 * HOUR
# The lengths of a chart's intervals: those that people read easily, then whole days.
CHART_LENGTHS = tuple(minutes * MINUTE for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720))
MAX_INTERVALS = 24

Counts = Mapping[CallStatus, int]

LIVE_BATCH = (
    live_batches(bindparam("owner"))
    .with_only_columns(Batch.key)
    .where(Batch.id == bindparam("batch"))
    .scalar_subquery()
)
OF_BATCH = CallCount.batch_key == LIVE_BATCH
BY_STATUS = select(CallCount.status, func.sum(CallCount.calls)).where(OF_BATCH).group_by(CallCount.status)
BY_REASON = select(CallCount.held_for, CallCount.calls).where(OF_BATCH).where(CallCount.status == CallStatus.PENDING)
ANSWERED = (
    CallAnswers.batch_key == LIVE_BATCH,
    CallAnswers.length == bindparam("length"),
    CallAnswers.calls > 0,
)
FIRST_ANSWER = select(CallAnswers.number).where(*ANSWERED).order_by(CallAnswers.number).limit(1)
LAST_ANSWER = select(CallAnswers.number).where(*ANSWERED).order_by(CallAnswers.number.desc()).limit(1)


@dataclass(frozen=True)
class AnswerCounts:
    """Calls picked up in equal intervals of `length` ms, by the number of the interval: `time // length`."""

    length: int
    first: int
    last: int
    counts: Mapping[int, int]


def count_statuses(owner_key: int, batch_id: str) -> Counts:
    """Return the number of the batch's calls with each status."""
    counts = {status: int(number) for status, number in fetch(BY_STATUS, owner=owner_key, batch=batch_id)}
    return {status: counts.get(status, 0) for status in CallStatus}


def count_held(owner_key: int, batch_id: str) -> Mapping[HeldFor, int]:
    """Return the number of the batch's pending calls that are held for each reason."""
    counts = dict(fetch(BY_REASON, owner=owner_key, batch=batch_id).all())
    return {reason: counts.get(reason, 0) for reason in HeldFor}


def find_last_numbers(batch_keys: Iterable[int]) -> dict[int, int]:
    """Return the highest number of a call in each of these batches; 0 for a batch without calls."""
    keys = list(batch_keys)
    totals = select(CallCount.batch_key, func.sum(CallCount.calls)).group_by(CallCount.batch_key)
    counted = db.session.execute(totals.where(CallCount.batch_key.in_(keys)))
    return dict.fromkeys(keys, 0) | {key: int(number) for key, number in counted}


def count_answers(owner_key: int, batch_id: str) -> AnswerCounts | None:
    """Return the calls picked up over time, in at most MAX_INTERVALS + 1 intervals; None if there are none.

    Without recorded attempts, the time of an answer is that of the last event.
    """
    of_batch = {"owner": owner_key, "batch": batch_id}
    first = fetch(FIRST_ANSWER, **of_batch, length=MINUTE).scalar()
    if first is None:
        return None
    last = fetch(LAST_ANSWER, **of_batch, length=MINUTE).scalar_one()
    span = (last - first + 1) * MINUTE
    length = next(
        (length for length in CHART_LENGTHS if span <= length * MAX_INTERVALS), DAY * -(-span // (DAY * MAX_INTERVALS))
    )
    unit = HOUR if length >= HOUR else MINUTE
    counted = fetch(select_answers(length // unit), **of_batch, length=unit)
    counts = {number: int(calls) for number, calls in counted}
    return AnswerCounts(length, min(counts), max(counts), counts)


@lru_cache
def select_answers(ratio: int) -> Select[Any]:
    """Return a select of the calls picked up in intervals of so many counted ones."""
    number = (CallAnswers.number // ratio).label("interval")
    return select(number, func.sum(CallAnswers.calls)).where(*ANSWERED).group_by("interval")
