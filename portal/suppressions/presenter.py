"""Present do-not-call lists on pages and in the API. No SQL, request or HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from portal.contacts.phone_numbers import format_national
from portal.models.suppression import OWN_SOURCE
from portal.suppressions.query import ListedCounts
from portal.times import DAY_MS, format_iso, format_optional_iso
from portal.web.pagination import Page, pagination_json

OWN_LABEL = "Own opt-outs"


def suppressions_json(page: Page[Any], lists: Sequence[Any]) -> dict[str, Any]:
    """Return the `data` of a list of suppressions; `lists` are rows of `query.list_lists`."""
    rows = [
        {
            "phoneNumber": row.phone_number,
            "source": row.source,
            "addedAt": format_iso(row.added_at),
            "until": format_optional_iso(row.until),
        }
        for row in page.rows
    ]
    return {
        "suppressions": rows,
        "lists": [list_json(row) for row in lists],
        "pagination": pagination_json(page),
    }


def list_json(row: Any) -> dict[str, Any]:
    """Return a list with its age."""
    return {
        "source": row.source,
        "numbers": row.numbers,
        "loadedAt": format_iso(row.loaded_at),
        "validDays": row.valid_days,
        "validUntil": format_optional_iso(valid_until(row)),
    }


def valid_until(row: Any) -> int | None:
    """Return when a list must be loaded again, in milliseconds; None = never."""
    return None if row.valid_days is None else row.loaded_at + row.valid_days * DAY_MS


@dataclass(frozen=True)
class SuppressionView:
    """A number on a list as the page shows it; times in milliseconds."""

    number: str  # E.164
    text: str  # as readers write it
    source: str
    label: str
    added_at: int
    until: int | None
    is_over: bool


def suppression_view(row: Any, region: str, now: int) -> SuppressionView:
    """Return a suppression for readers in a region."""
    return SuppressionView(
        number=row.phone_number,
        text=format_national(row.phone_number, region),
        source=row.source,
        label=source_label(row.source),
        added_at=row.added_at,
        until=row.until,
        is_over=row.until is not None and row.until <= now,
    )


def source_label(source: str) -> str:
    """Return the name of a list."""
    return OWN_LABEL if source == OWN_SOURCE else source


@dataclass(frozen=True)
class ListView:
    """A list as the page shows it; times in milliseconds, `valid_until` None = always."""

    source: str
    label: str
    numbers: int
    loaded_at: int
    valid_days: int | None
    valid_until: int | None
    is_outdated: bool


def list_view(row: Any, now: int) -> ListView:
    """Return a list from a row of `query.list_lists`."""
    end = valid_until(row)
    return ListView(
        source=row.source,
        label=source_label(row.source),
        numbers=row.numbers,
        loaded_at=row.loaded_at,
        valid_days=row.valid_days,
        valid_until=end,
        is_outdated=end is not None and end <= now,
    )


def describe_outdated(sources: Sequence[str]) -> str:
    """Say which lists are out of date; "" = none."""
    names = ", ".join(f"“{source_label(source)}”" for source in sources)
    verb = "list is" if len(sources) == 1 else "lists are"
    return f"Do-not-call {verb} out of date: {names}. Load the current edition." if sources else ""


def describe_listed(counts: ListedCounts, *, every_list: bool) -> str:
    """Say how many contacts will not be called: "12 contacts are on your do-not-call list …"; "" = all are."""
    count = counts.own + (counts.others if every_list else 0)
    where = "your do-not-call list" if not (every_list and counts.others) else "a do-not-call list"
    sentences = []
    if count:
        sentences.append(f"{count_contacts(count)} on {where} and will not be called.")
    if counts.others and not every_list:
        sentences.append(f"{count_contacts(counts.others)} only on other lists, which this batch does not use.")
    return " ".join(sentences)


def count_contacts(count: int) -> str:
    """Return a number of contacts with its verb: 1 contact is, 12 contacts are."""
    return "1 contact is" if count == 1 else f"{count:,} contacts are"


def describe_added(added: int, known: int, removed: int) -> str:
    """Say what an addition changed, for a page."""
    parts = [f"{added:,} number{'' if added == 1 else 's'} added"]
    parts += [f"{known:,} already listed"] if known else []
    parts += [f"{removed:,} removed"] if removed else []
    return f"{', '.join(parts)}."
