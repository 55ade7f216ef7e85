"""The list's two menus: what to sort by, and when a batch was created. No SQL, no request, no HTML."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from functools import lru_cache

from portal.batches.parameters import BatchListParameters
from portal.batches.query.list_query import SortBy
from portal.times import parse_moment_range
from portal.web.pagination import SortOrder
from portal.web.parameters import MomentRange

SORTS = (
    ("newest first", SortBy.CREATED_AT, SortOrder.DESC),
    ("oldest first", SortBy.CREATED_AT, SortOrder.ASC),
    ("last updated first", SortBy.UPDATED_AT, SortOrder.DESC),
    ("longest unchanged first", SortBy.UPDATED_AT, SortOrder.ASC),
    ("name, A to Z", SortBy.BATCH_NAME, SortOrder.ASC),
    ("name, Z to A", SortBy.BATCH_NAME, SortOrder.DESC),
    ("most calls first", SortBy.TOTAL_CALLS, SortOrder.DESC),
    ("fewest calls first", SortBy.TOTAL_CALLS, SortOrder.ASC),
)


@dataclass(frozen=True)
class MenuItem:
    """One entry of a menu: its words, the address it leads to (from the ?), and whether it is the one in force."""

    word: str
    query: str
    chosen: bool


@dataclass(frozen=True)
class Menu:
    """A menu: its entries, and the words that it shows while it is closed."""

    choices: list[MenuItem]
    word: str


@lru_cache(maxsize=1024)
def sort_menu(asked: BatchListParameters) -> Menu:
    """Every order that the list has."""
    choices = [
        MenuItem(
            word,
            asked.query(page=1, sort_by=sort_by, sort_order=order),
            (asked.sort_by, asked.sort_order) == (sort_by, order),
        )
        for word, sort_by, order in SORTS
    ]
    return Menu(choices, next(choice.word for choice in choices if choice.chosen))


@lru_cache(maxsize=1024)
def created_date_menu(asked: BatchListParameters, today: date, zone: tzinfo) -> Menu:
    """The usual spans of days, counted back from the reader's own `today`; all of them reach up to now."""
    spans: list[tuple[str, date | None]] = [
        ("any time", None),
        ("today", today),
        ("last 7 days", today - timedelta(days=6)),
        ("last 30 days", today - timedelta(days=29)),
        ("this year", today.replace(month=1, day=1)),
    ]
    choices = [
        MenuItem(
            word,
            asked.query(page=1, created_from=whole_day(since, zone), created_to=None),
            asked.created_to is None and day_text(asked.created_from) == (since.isoformat() if since else ""),
        )
        for word, since in spans
    ]
    chosen = [choice.word for choice in choices if choice.chosen]
    return Menu(choices, chosen[0] if chosen else created_words(asked))


def whole_day(day: date | None, zone: tzinfo) -> MomentRange | None:
    """A day as the address holds it."""
    return MomentRange(day.isoformat(), *parse_moment_range(day.isoformat(), zone)) if day else None


def day_text(moment: MomentRange | None) -> str:
    """A bound as it was asked for; empty where there is none."""
    return moment.text if moment else ""


def created_words(asked: BatchListParameters) -> str:
    """The bounds that were asked for, in words."""
    since, until = (in_words(moment.text) if moment else "" for moment in (asked.created_from, asked.created_to))
    if since and until:
        return since if since == until else f"{since} – {until}"
    return f"since {since}" if since else f"until {until}"


def in_words(text: str) -> str:
    """A day as people write it; a moment finer than a day stays as it was asked for."""
    if len(text) != len("2026-11-17"):
        return text
    day = date.fromisoformat(text)
    return f"{day.day} {day:%b} {day.year}"
