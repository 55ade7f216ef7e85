"""Read trunks and caller numbers, only those of one owner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, literal_column, select

from portal.db.query import fetch_page
from portal.db.transactions import chunks
from portal.extensions import db
from portal.live import live_batches
from portal.models import Attempt, AttemptState, Batch, CallerNumber, QueueStatus, Trunk
from portal.web.pagination import Page

# Attempts that occupy a line of their trunk. The word is part of the statement: partial indexes require it.
ON_LINE = (Attempt.state != literal_column(f"'{AttemptState.ENDED}'"), Attempt.worker.is_not(None))


def on_line_of(owner_key: int) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of an owner's attempts that occupy a line.

    Every attempt has a number. The condition makes SQLite choose the partial index, which has open attempts alone.
    """
    return (Attempt.owner_key == owner_key, Attempt.phone_number > "", *ON_LINE)


def select_trunks(owner_key: int) -> Select[Any]:
    """Return a select of an owner's trunks in the order of creation, with their caller numbers and calls counted."""
    numbers = select(func.count()).where(CallerNumber.trunk_key == Trunk.key).correlate(Trunk).scalar_subquery()
    on_line = select(func.count()).where(Attempt.trunk_key == Trunk.key, *ON_LINE).correlate(Trunk).scalar_subquery()
    counts = (numbers.label("numbers"), on_line.label("in_use"))
    return select(Trunk, *counts).where(Trunk.owner_key == owner_key).order_by(Trunk.key)


def fetch_trunks(owner_key: int, number: int, limit: int) -> Page[Row[Any]]:
    """Return a page of an owner's trunks."""
    return fetch_page(select_trunks(owner_key), number, limit)


def list_trunks(owner_key: int) -> Sequence[Trunk]:
    """Return an owner's trunks, for a menu."""
    return db.session.execute(select(Trunk).where(Trunk.owner_key == owner_key).order_by(Trunk.key)).scalars().all()


def find_trunk(owner_key: int, trunk_id: str) -> Trunk | None:
    """Return the owner's trunk of that id."""
    statement = select(Trunk).where(Trunk.owner_key == owner_key, Trunk.id == trunk_id)
    return db.session.execute(statement.execution_options(populate_existing=True)).scalar_one_or_none()


def count_lines_in_use(trunk_key: int) -> int:
    """Return the number of calls that are being made over a trunk."""
    return db.session.execute(select(func.count()).where(Attempt.trunk_key == trunk_key, *ON_LINE)).scalar_one()


def count_trunks(owner_key: int) -> int:
    """Return the number of an owner's trunks."""
    return db.session.execute(select(func.count()).where(Trunk.owner_key == owner_key)).scalar_one()


def list_secrets() -> Sequence[Row[Any]]:
    """Return the key and the encrypted secret of every trunk that has one, of all owners."""
    return db.session.execute(select(Trunk.key, Trunk.secret).where(Trunk.secret.is_not(None))).all()


def select_caller_numbers(owner_key: int) -> Select[Any]:
    """Return a select of an owner's caller numbers in the order of creation, with their trunks."""
    trunk = (Trunk.id.label("trunk_id"), Trunk.name.label("trunk_name"), Trunk.kind.label("trunk_kind"))
    number = (CallerNumber.id, CallerNumber.phone_number, CallerNumber.label)
    joined = select(*number, *trunk).outerjoin(Trunk, Trunk.key == CallerNumber.trunk_key)
    return joined.where(CallerNumber.owner_key == owner_key).order_by(CallerNumber.key)


def fetch_caller_numbers(owner_key: int, number: int, limit: int) -> Page[Row[Any]]:
    """Return a page of an owner's caller numbers."""
    return fetch_page(select_caller_numbers(owner_key), number, limit)


def list_caller_numbers(owner_key: int, phone_numbers: Iterable[str] | None = None) -> list[Row[Any]]:
    """Return an owner's caller numbers, all of them or those among `phone_numbers`."""
    statement = select_caller_numbers(owner_key)
    if phone_numbers is None:
        return list(db.session.execute(statement))
    return [
        row
        for chunk in chunks(phone_numbers)
        for row in db.session.execute(statement.where(CallerNumber.phone_number.in_(chunk)))
    ]


def list_numbers_of(trunk_key: int) -> Sequence[str]:
    """Return the phone numbers that belong to a trunk, in the order of creation."""
    statement = select(CallerNumber.phone_number).where(CallerNumber.trunk_key == trunk_key)
    return db.session.execute(statement.order_by(CallerNumber.key)).scalars().all()


def find_caller_number(owner_key: int, number_id: str) -> CallerNumber | None:
    """Return the owner's caller number of that id."""
    statement = select(CallerNumber).where(CallerNumber.owner_key == owner_key, CallerNumber.id == number_id)
    return db.session.execute(statement.execution_options(populate_existing=True)).scalar_one_or_none()


def has_caller_number(owner_key: int, phone_number: str) -> bool:
    """Return whether the owner has a caller number with this phone number."""
    statement = select(CallerNumber.key).where(CallerNumber.owner_key == owner_key)
    return db.session.execute(statement.where(CallerNumber.phone_number == phone_number)).first() is not None


def count_caller_numbers(owner_key: int, trunk_key: int | None = None) -> int:
    """Return the number of an owner's caller numbers, of all or of those of a trunk."""
    statement = select(func.count()).where(CallerNumber.owner_key == owner_key)
    if trunk_key is not None:
        statement = statement.where(CallerNumber.trunk_key == trunk_key)
    return db.session.execute(statement).scalar_one()


def find_phone_numbers(owner_key: int, number_ids: Iterable[str]) -> dict[str, str]:
    """Return the phone numbers of the owner's caller numbers with these ids, by id."""
    statement = select(CallerNumber.id, CallerNumber.phone_number).where(CallerNumber.owner_key == owner_key)
    ids = list(number_ids)
    return dict(row for chunk in chunks(ids) for row in db.session.execute(statement.where(CallerNumber.id.in_(chunk))))


def find_active_batch(owner_key: int, phone_number: str) -> str | None:
    """Return the name of an active batch that calls from the number; None if there is none."""
    active = live_batches(owner_key).with_only_columns(Batch.name, Batch.settings)
    rows = db.session.execute(active.where(Batch.status == QueueStatus.ACTIVE))
    return next((row.name for row in rows if phone_number in row.settings.get("callingNumbers", ())), None)
