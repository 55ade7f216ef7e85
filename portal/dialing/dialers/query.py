"""Read the trunks with work and the dialers, for all owners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, func, or_, select

from portal.dialing.query import IS_PENDING
from portal.extensions import db
from portal.live import live_batches, live_calls
from portal.models import (
    Attempt,
    Batch,
    Call,
    CallerNumber,
    Dialer,
    EmergencyStop,
    QueueStatus,
    Trunk,
    User,
)
from portal.models.emergency_stop import EVERYONE
from portal.trunks.query import ON_LINE

SEEN_MS = 30_000  # a dialer that wrote nothing for this time has ended
MAX_DUE = 10_000  # due calls that are counted

has_calls = select(Attempt.key).where(Attempt.trunk_key == Trunk.key, *ON_LINE).correlate(Trunk).exists()
has_numbers = select(CallerNumber.key).where(CallerNumber.trunk_key == Trunk.key).correlate(Trunk).exists()
has_active_batch = (
    live_batches(Trunk.owner_key)
    .with_only_columns(Batch.key)
    .where(Batch.status == QueueStatus.ACTIVE)
    .correlate(Trunk)
    .exists()
)
is_stopped = (
    select(EmergencyStop.owner_key)
    .where(or_(EmergencyStop.owner_key == Trunk.owner_key, EmergencyStop.owner_key == EVERYONE))
    .correlate(Trunk)
    .exists()
)
may_place = and_(Trunk.held.is_(False), User.disabled_at.is_(None), ~is_stopped, has_active_batch, has_numbers)
ENGINE_COLUMNS = (Trunk.kind, Trunk.address, Trunk.secret, Trunk.settings)
WORK = (
    select(
        Trunk.key,
        Trunk.id,
        Trunk.owner_key,
        Trunk.ring_seconds,
        *ENGINE_COLUMNS,
        has_calls.label("has_calls"),
        may_place.label("may_place"),
    )
    .join(User, User.key == Trunk.owner_key)
    .where(or_(has_calls, may_place))
)


def find_trunks_with_work() -> Sequence[Row[Any]]:
    """Return the trunks with calls on their lines, or over which calls may be placed."""
    return db.session.execute(WORK).all()


def list_open_attempts(trunk_key: int) -> Sequence[str]:
    """Return the ids of the attempts on a trunk's lines."""
    return db.session.execute(select(Attempt.id).where(Attempt.trunk_key == trunk_key, *ON_LINE)).scalars().all()


def list_dialers(now: int) -> Sequence[Row[Any]]:
    """Return the rows of the dialers that run, in the order of their start."""
    running = select(Dialer.__table__).where(Dialer.seen_at > now - SEEN_MS)
    return db.session.execute(running.order_by(Dialer.started_at, Dialer.worker)).all()


def measure_trunks() -> Sequence[Row[Any]]:
    """Return every trunk with its lines, those in use, and when its engine was heard."""
    on_line = select(func.count()).where(Attempt.trunk_key == Trunk.key, *ON_LINE).correlate(Trunk).scalar_subquery()
    columns = (Trunk.id, Trunk.lines, Trunk.heard_at, Trunk.created_at, on_line.label("in_use"))
    has_work = or_(has_calls, may_place).label("has_work")
    return db.session.execute(select(*columns, has_work).join(User, User.key == Trunk.owner_key)).all()


def count_due(now: int) -> int:
    """Count the calls of all owners' active batches that may be due now, at most MAX_DUE."""
    is_active = Batch.status == QueueStatus.ACTIVE
    owners = select(User.key).where(live_batches(User.key).with_only_columns(Batch.key).where(is_active).exists())
    count = 0
    for owner_key in db.session.execute(owners).scalars().all():
        active = live_batches(owner_key).with_only_columns(Batch.key).where(is_active)
        due = live_calls(owner_key).with_only_columns(Call.key).where(IS_PENDING, Call.due_at <= now)
        of_active = due.where(Call.batch_key.in_(active)).limit(MAX_DUE - count)
        count += db.session.execute(select(func.count()).select_from(of_active.subquery())).scalar_one()
        if count >= MAX_DUE:
            break
    return count
