"""Read the trunks with work and the dialers, for all owners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, func, or_, select

from portal.extensions import db
from portal.live import live_batches
from portal.models import Attempt, Batch, CallerNumber, Dialer, EmergencyStop, QueueStatus, Trunk, User
from portal.models.emergency_stop import EVERYONE
from portal.trunks.query import ON_LINE

SEEN_MS = 30_000  # a dialer that wrote nothing for this time has ended

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
        *ENGINE_COLUMNS,
        has_calls.label("has_calls"),
        is_stopped.label("is_stopped"),
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
    columns = (Trunk.id, Trunk.kind, Trunk.lines, Trunk.held, Trunk.heard_at, on_line.label("in_use"))
    return db.session.execute(select(*columns, or_(has_calls, may_place).label("has_work")).join(User)).all()

