"""Read do-not-call lists, only those of one owner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, ScalarSelect, Select, func, or_, select

from portal.contacts.number_search import find_number_forms
from portal.db import query as paging
from portal.db.transactions import CHUNK_SIZE, chunks
from portal.extensions import db
from portal.live import live_calls
from portal.models import Call, CallStatus, Suppression, SuppressionList
from portal.models.suppression import OWN_SOURCE
from portal.suppressions.parameters import SuppressionListParameters
from portal.text import fold
from portal.times import DAY_MS
from portal.web.pagination import Page


class ListedCounts(NamedTuple):
    """How many numbers are on the owner's own list, and how many only on other lists."""

    own: int
    others: int


def own_list(owner_key: int) -> ScalarSelect[int]:
    """Return the key of the owner's own list as a subquery."""
    own = select(SuppressionList.key).where(SuppressionList.owner_key == owner_key)
    return own.where(SuppressionList.source == OWN_SOURCE).scalar_subquery()


def in_force(owner_key: int, now: int) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of an owner's suppressions that apply at a time."""
    return (Suppression.owner_key == owner_key, or_(Suppression.until.is_(None), Suppression.until > now))


def find_listed(owner_key: int, phone_numbers: Iterable[str], now: int) -> dict[str, bool]:
    """Return those of the numbers that are on a list, each with whether it is on the owner's own list."""
    is_own = (Suppression.list_key == own_list(owner_key)).label("is_own")
    statement = select(Suppression.phone_number, is_own).where(*in_force(owner_key, now))
    listed: dict[str, bool] = {}
    if db.session.execute(statement.limit(1)).first() is None:
        return listed
    for chunk in chunks(phone_numbers):
        for number, own in db.session.execute(statement.where(Suppression.phone_number.in_(chunk))):
            listed[number] = bool(own) or listed.get(number, False)
    return listed


def find_suppressed(owner_key: int, phone_numbers: Iterable[str], now: int, *, every_list: bool) -> set[str]:
    """Return those of the numbers that must not be called: the owner's opt-outs, and those of other lists if asked."""
    listed = find_listed(owner_key, phone_numbers, now)
    return {number for number, is_own in listed.items() if is_own or every_list}


def count_listed_calls(owner_key: int, batch_id: str, now: int) -> ListedCounts:
    """Count the pending calls of a batch whose numbers are on a list.

    Short lists are looked up in the batch; with long ones, each pending call is looked up in the lists.
    """
    is_own = (Suppression.list_key == own_list(owner_key)).label("is_own")
    first = select(Suppression.phone_number, is_own).where(*in_force(owner_key, now)).limit(CHUNK_SIZE + 1)
    numbers = db.session.execute(first).all()
    if len(numbers) > CHUNK_SIZE:
        return count_in_long_lists(owner_key, batch_id, now)
    own = {number for number, is_own in numbers if is_own}
    others = {number for number, _ in numbers} - own
    return ListedCounts(*(count_pending(owner_key, batch_id, listed) for listed in (own, others)))


def count_pending(owner_key: int, batch_id: str, phone_numbers: Iterable[str]) -> int:
    """Count the pending calls of a batch to these numbers, which are at most CHUNK_SIZE."""
    numbers = list(phone_numbers)
    if not numbers:
        return 0
    pending = live_calls(owner_key, batch_id).where(Call.status == CallStatus.PENDING, Call.phone_number.in_(numbers))
    return db.session.execute(pending.with_only_columns(func.count())).scalar_one()


def count_in_long_lists(owner_key: int, batch_id: str, now: int) -> ListedCounts:
    """Count the same by reading the pending calls."""
    listed = select(Suppression.key).where(*in_force(owner_key, now))
    of_call = listed.where(Suppression.phone_number == Call.phone_number).correlate(Call)
    is_own = of_call.where(Suppression.list_key == own_list(owner_key)).exists()
    pending = live_calls(owner_key, batch_id).where(Call.status == CallStatus.PENDING)
    counted = pending.where(of_call.exists())
    total, own = db.session.execute(counted.with_only_columns(func.count(), func.count().filter(is_own))).one()
    return ListedCounts(own, total - own)


def select_suppressions(owner_key: int, parameters: SuppressionListParameters, region: str) -> Select[Any]:
    """Return a select of the suppressions that match, last added first."""
    columns = (Suppression.phone_number, SuppressionList.source, Suppression.added_at, Suppression.until)
    statement = select(*columns).join(SuppressionList, SuppressionList.key == Suppression.list_key)
    statement = statement.where(Suppression.owner_key == owner_key).order_by(Suppression.key.desc())
    if parameters.source:
        statement = statement.where(SuppressionList.source == parameters.source)
    if search := fold(parameters.search):
        forms = find_number_forms(search, region) or (search,)
        statement = statement.where(or_(*(Suppression.phone_number.contains(form, autoescape=True) for form in forms)))
    return statement


def fetch_page(owner_key: int, parameters: SuppressionListParameters, region: str) -> Page[Row[Any]]:
    """Return one page of the suppressions that match."""
    return paging.fetch_page(select_suppressions(owner_key, parameters, region), parameters.page, parameters.limit)


def list_lists(owner_key: int) -> Sequence[Row[Any]]:
    """Return the owner's lists with the number of their numbers, the own one first."""
    numbers = select(func.count()).where(Suppression.list_key == SuppressionList.key).correlate(SuppressionList)
    columns = (SuppressionList.source, SuppressionList.loaded_at, SuppressionList.valid_days)
    statement = select(*columns, numbers.scalar_subquery().label("numbers"))
    statement = statement.where(SuppressionList.owner_key == owner_key)
    return db.session.execute(statement.order_by(SuppressionList.source != OWN_SOURCE, SuppressionList.source)).all()


def find_outdated_lists(owner_key: int, now: int) -> list[str]:
    """Return the sources of the owner's lists that should have been loaded again."""
    columns = (SuppressionList.source, SuppressionList.loaded_at, SuppressionList.valid_days)
    limited = select(*columns).where(SuppressionList.owner_key == owner_key, SuppressionList.valid_days.is_not(None))
    rows = db.session.execute(limited.order_by(SuppressionList.source))
    return [row.source for row in rows if row.loaded_at + row.valid_days * DAY_MS <= now]


def find_list(owner_key: int, source: str) -> SuppressionList | None:
    """Return the owner's list of that source."""
    statement = select(SuppressionList).where(SuppressionList.owner_key == owner_key)
    return db.session.execute(statement.where(SuppressionList.source == source)).scalar_one_or_none()


def count_lists(owner_key: int) -> int:
    """Return the number of the owner's lists."""
    return db.session.execute(select(func.count()).where(SuppressionList.owner_key == owner_key)).scalar_one()


def find_numbers(list_key: int, phone_numbers: Iterable[str] | None = None) -> set[str]:
    """Return the numbers of a list, all of them or those among `phone_numbers`."""
    statement = select(Suppression.phone_number).where(Suppression.list_key == list_key)
    if phone_numbers is None:
        return {number for (number,) in db.session.execute(statement)}
    return {
        number
        for chunk in chunks(phone_numbers)
        for (number,) in db.session.execute(statement.where(Suppression.phone_number.in_(chunk)))
    }


def find_lists_of(owner_key: int, phone_number: str, source: str = "") -> list[Row[Any]]:
    """Return the keys of a number's suppressions and the sources of their lists, of one list or of all."""
    statement = select(Suppression.key, SuppressionList.source)
    statement = statement.join(SuppressionList, SuppressionList.key == Suppression.list_key)
    statement = statement.where(Suppression.owner_key == owner_key, Suppression.phone_number == phone_number)
    if source:
        statement = statement.where(SuppressionList.source == source)
    return list(db.session.execute(statement))
