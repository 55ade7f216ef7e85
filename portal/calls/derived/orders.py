"""The orders in which the calls of a large batch are divided into spans, and the positions of calls in them.

A position is a text of fixed length, so that one comparison of texts orders calls by a value and then by number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import ColumnElement

from portal.models import Call

NUMBER_DIGITS = 10
PHONE_LENGTH = 16
# Times before 1970 are negative; the digits of a position are not.
EVENT_OFFSET = 10**14


class Engine(Protocol):
    """How a database pads values."""

    def pad_number(self, value: str, digits: int) -> str:
        """Return the SQL expression of a number with leading zeros."""

    def pad_text(self, value: str, length: int) -> str:
        """Return the SQL expression of a text with blanks at its end."""


@dataclass(frozen=True)
class CallOrder:
    """An order by a column, if there is one, and then by number. `width` is that of the value in a position.

    An order with `has_event` holds only calls with, or only those without, an event.
    """

    name: str
    column: str | None = None
    width: int = 0
    offset: int = 0
    is_text: bool = False
    has_event: bool | None = None

    def position(self, row: str, engine: Engine) -> str:
        """Return the SQL expression of the position of a row with this alias."""
        number = engine.pad_number(f"{row}.number", NUMBER_DIGITS)
        if self.column is None:
            return number
        value = f"{row}.{self.column}"
        if self.is_text:
            return f"{engine.pad_text(value, self.width)} || {number}"
        return f"{engine.pad_number(f'{self.offset} + {value}' if self.offset else value, self.width)} || {number}"

    def condition(self, row: str) -> str:
        """Return the SQL condition of the calls in this order."""
        if self.has_event is None:
            return "true"
        return f"{row}.last_event_at IS {'NOT ' if self.has_event else ''}NULL"

    def parse(self, position: str) -> tuple[Any, ...]:
        """Return the values of the order's columns at a position."""
        number = int(position[self.width :])
        if self.column is None:
            return (number,)
        value = position[: self.width]
        return (value.rstrip() if self.is_text else int(value) - self.offset, number)

    @property
    def column_names(self) -> str:
        """Return the names of the columns that the order compares."""
        return "number" if self.column is None else f"{self.column}, number"

    @property
    def columns(self) -> tuple[Any, ...]:
        """Return the columns that the order compares."""
        return (Call.number,) if self.column is None else (getattr(Call, self.column), Call.number)

    @property
    def member_conditions(self) -> tuple[ColumnElement[bool], ...]:
        """Return the conditions of the calls in this order."""
        if self.has_event is None:
            return ()
        return (Call.last_event_at.is_not(None) if self.has_event else Call.last_event_at.is_(None),)


BY_NUMBER = CallOrder("number")
BY_PHONE_NUMBER = CallOrder("phone number", "phone_number", PHONE_LENGTH, is_text=True)
BY_DURATION = CallOrder("duration", "duration_seconds", 10)
BY_LAST_EVENT = CallOrder("last event", "last_event_at", 15, EVENT_OFFSET, has_event=True)
WITHOUT_EVENT = CallOrder("without event", has_event=False)
ORDERS = {order.name: order for order in (BY_NUMBER, BY_PHONE_NUMBER, BY_DURATION, BY_LAST_EVENT, WITHOUT_EVENT)}


def places(row: str, engine: Engine) -> list[tuple[str, str]]:
    """Return the SQL expressions of each order that a row belongs to and of its position there."""
    always = [order for order in ORDERS.values() if order.has_event is None]
    name = f"CASE WHEN {BY_LAST_EVENT.condition(row)} THEN '{BY_LAST_EVENT.name}' ELSE '{WITHOUT_EVENT.name}' END"
    position = (
        f"CASE WHEN {BY_LAST_EVENT.condition(row)} THEN {BY_LAST_EVENT.position(row, engine)}"
        f" ELSE {WITHOUT_EVENT.position(row, engine)} END"
    )
    return [*((f"'{order.name}'", order.position(row, engine)) for order in always), (name, position)]
