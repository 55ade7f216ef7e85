"""Read how the dialing of a batch goes. The cost of each select is bounded: pages refresh every two seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, case, func, null, select

from portal.dialing.query import IS_PENDING, MAX_COUNTED
from portal.extensions import db
from portal.live import live_calls
from portal.models import Attempt, Call, CallerNumber, Trunk
from portal.models.call import HeldFor
from portal.trunks.query import ON_LINE

RATE_WINDOW_MS = 3 * 60_000
MAX_RECENT = 1000  # attempts of the owner
MIN_SPAN_MS = 10_000


@dataclass(frozen=True)
class WaitingGroup:
    """Calls that wait for one thing. `zones` are those of the contacts, if they wait for the time of day.

    `first_at` is the time of the first one in milliseconds.
    """

    reason: HeldFor
    zones: str
    calls: int
    first_at: int


def fetch_waiting(owner_key: int, batch_id: str, now: int) -> list[WaitingGroup]:
    """Return the pending calls of a batch that are not due, the first MAX_COUNTED of them, by what they wait for."""
    is_window = Call.held_for == HeldFor.WINDOW
    columns = (
        Call.held_for,
        Call.due_at,
        case((is_window, Call.zone_set), else_="").label("zones"),
        case((is_window, Call.due_at), else_=null()).label("opens_at"),
    )
    waiting = live_calls(owner_key, batch_id).with_only_columns(*columns).where(IS_PENDING, Call.due_at > now)
    first = waiting.order_by(Call.due_at, Call.key).limit(MAX_COUNTED).subquery().c
    grouped = select(first.held_for, first.zones, func.count().label("calls"), func.min(first.due_at).label("first_at"))
    rows = db.session.execute(grouped.group_by(first.held_for, first.zones, first.opens_at))
    return [WaitingGroup(HeldFor(row.held_for or HeldFor.DELAY), row.zones, row.calls, row.first_at) for row in rows]


def count_zones(owner_key: int, batch_id: str) -> list[tuple[str, int]]:
    """Count the first MAX_COUNTED pending calls of a batch by the zones of their contacts."""
    pending = live_calls(owner_key, batch_id).with_only_columns(Call.zone_set).where(IS_PENDING)
    first = pending.limit(MAX_COUNTED).subquery().c
    counted = select(first.zone_set, func.count()).group_by(first.zone_set)
    return [(zone_set, count) for zone_set, count in db.session.execute(counted)]


def measure_rate(owner_key: int, batch_id: str, now: int) -> float:
    """Return how many calls of a batch workers took per minute lately."""
    recent = select(Attempt.call_key, Attempt.taken_at).where(
        Attempt.owner_key == owner_key, Attempt.worker.is_not(None), Attempt.taken_at > now - RATE_WINDOW_MS
    )
    last = recent.order_by(Attempt.taken_at.desc()).limit(MAX_RECENT).subquery()
    of_batch = live_calls(owner_key, batch_id).where(Call.key == last.c.call_key)
    count, first_at = db.session.execute(of_batch.with_only_columns(func.count(), func.min(last.c.taken_at))).one()
    return count * 60_000 / max(now - first_at, MIN_SPAN_MS) if count else 0.0


def find_trunks(owner_key: int, phone_numbers: Sequence[str]) -> Sequence[Row[Any]]:
    """Return the trunks of these caller numbers, with the number of their lines in use."""
    of_number = select(CallerNumber.trunk_key).where(CallerNumber.owner_key == owner_key)
    keys = of_number.where(CallerNumber.phone_number.in_(phone_numbers))
    on_line = select(func.count()).where(Attempt.trunk_key == Trunk.key, *ON_LINE).correlate(Trunk)
    statement = select(Trunk, on_line.scalar_subquery().label("in_use")).where(Trunk.key.in_(keys))
    return db.session.execute(statement.order_by(Trunk.key)).all()
