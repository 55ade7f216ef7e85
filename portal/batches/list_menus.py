"""The menus of the list: sort order and creation date. No SQL, request or HTML."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from functools import lru_cache

from portal.batches.parameters import BatchListParameters
from portal.batches.query.list_query import SortBy
from portal.times import parse_moment_range
from portal.web.field_types import MomentRange
from portal.web.pagination import SortOrder

SORTS = (
    ("newest first", SortBy.CREATED_AT, SortOrder.DESC),
    ("oldest first", SortBy.CREATED_AT, SortOrder.ASC),
    ("recently updated first", SortBy.UPDATED_AT, SortOrder.DESC),
    ("least recently updated first", SortBy.UPDATED_AT, SortOrder.ASC),
    ("name, A to Z", SortBy.BATCH_NAME, SortOrder.ASC),
    ("name, Z to A", SortBy.BATCH_NAME, SortOrder.DESC),
    ("most calls first", SortBy.TOTAL_CALLS, SortOrder.DESC),
    ("fewest calls first", SortBy.TOTAL_CALLS, SortOrder.ASC),
)


@dataclass(frozen=True)
class MenuItem:
    """An item of a menu: label, query string, and whether it is selected."""

    label: str
    query: str
    is_selected: bool


@dataclass(frozen=True)
class Menu:
    """A menu: its items, and the label of the closed menu."""

    items: list[MenuItem]
    label: str


@lru_cache(maxsize=1024)
def sort_menu(parameters: BatchListParameters) -> Menu:
    """Return the menu of sort orders."""
    items = [
        MenuItem(
            label,
            parameters.query(page=1, sort_by=sort_by, sort_order=order),
            (parameters.sort_by, parameters.sort_order) == (sort_by, order),
        )
        for label, sort_by, order in SORTS
    ]
    return Menu(items, next(item.label for item in items if item.is_selected))


@lru_cache(maxsize=1024)
def created_date_menu(parameters: BatchListParameters, today: date, zone: tzinfo) -> Menu:
    """Return the menu of common date ranges, all ending with `today` in the user's time zone."""
    ranges: list[tuple[str, date | None]] = [
        ("any time", None),
        ("today", today),
        ("last 7 days", today - timedelta(days=6)),
        ("last 30 days", today - timedelta(days=29)),
        ("this year", today.replace(month=1, day=1)),
    ]
    selected = None if parameters.created_to else str(parameters.created_from or "")
    items = [
        MenuItem(
            label,
            parameters.query(page=1, created_from=whole_day(first, zone), created_to=None),
            selected == (first.isoformat() if first else ""),
        )
        for label, first in ranges
    ]
    label = next((item.label for item in items if item.is_selected), None)
    return Menu(items, label or describe_range(parameters))


def whole_day(day: date | None, zone: tzinfo) -> MomentRange | None:
    """Return a day as a parameter value."""
    return MomentRange(day.isoformat(), *parse_moment_range(day.isoformat(), zone)) if day else None


def describe_range(parameters: BatchListParameters) -> str:
    """Return the range of created_at as text."""
    first, last = (format_bound(bound) if bound else "" for bound in (parameters.created_from, parameters.created_to))
    if first and last:
        return first if first == last else f"{first} – {last}"
    return f"since {first}" if first else f"until {last}"


def format_bound(bound: MomentRange) -> str:
    """Return a date as 17 Nov 2026; date-times are returned as they were sent."""
    if bound.text != bound.day:
        return bound.text
    day = date.fromisoformat(bound.day)
    return f"{day.day} {day:%b} {day.year}"
