"""Presentation of batches on pages and in API responses. No SQL, request or HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from portal.batches.parameters import BatchListParameters
from portal.batches.query.list_query import SortBy
from portal.batches.rows import BatchView, batch_json, batch_view
from portal.batches.settings import dialing_rules, effective_settings
from portal.dialing.descriptions import describe_opening, describe_window
from portal.live import Deleted
from portal.models import QueueStatus
from portal.web.listing import Chip
from portal.web.pagination import CountedPage, Page, SortedView, pagination_json


def list_json(page: Page[Any]) -> dict[str, Any]:
    """Return the `data` of "Get All Batches"."""
    return {"batches": [batch_json(row) for row in page.rows], "pagination": pagination_json(page)}


def settings_json(batch: Any) -> dict[str, Any]:
    """Return a batch's name and settings."""
    return {"batchId": batch.id, "batchName": batch.name, **effective_settings(batch)}


def export_details(batch: Any, *, is_complete: bool) -> dict[str, Any]:
    """Return the audit log's details of an export of calls; the row count only if all calls are exported."""
    return {"kind": "calls", "batch": batch.id} | ({"rows": batch.total_calls} if is_complete else {})


# The names of the filters for deleted batches.
DELETED_LABELS = {Deleted.ONLY: "Deleted", Deleted.INCLUDE: "With deleted"}


@dataclass(frozen=True)
class TrashView:
    """A deleted batch, the time of its deletion (milliseconds), and the user who deleted it."""

    batch: BatchView
    deleted_at: int
    deleted_by: str


def trash_view(row: Any) -> TrashView:
    """Return a row of the trash as the page shows it."""
    return TrashView(batch_view(row), row.deleted_at, row.deleted_by)


@dataclass(frozen=True)
class CallingHoursView:
    """A batch's calling hours, and their next start; empty if calls are allowed now. Both name the time zone."""

    text: str
    opening: str


def calling_hours_view(settings: Mapping[str, Any], now: int) -> CallingHoursView:
    """Return the calling hours of a batch's settings."""
    rules = dialing_rules(settings)
    return CallingHoursView(describe_window(rules.window, rules.zone), describe_opening(rules.window, rules.zone, now))


@dataclass(frozen=True)
class Listing(SortedView):
    """The list page without its messages."""

    parameters: BatchListParameters
    page: CountedPage[Any]
    has_batches: bool
    now: int

    ASCENDING_FIRST = (SortBy.BATCH_NAME,)

    @cached_property
    def rows(self) -> list[BatchView]:
        """Return the batches of the page."""
        return [batch_view(row, self.now) for row in self.page.rows]

    @property
    def chips(self) -> list[Chip]:
        """Return the status filters, "All" first, after that for deleted batches; a selected filter removes itself."""
        selected, counts = self.parameters.status, self.page.counts
        deleted = DELETED_LABELS.get(self.parameters.deleted)
        return [
            *([Chip("deleted", deleted, self.page.total, self.view(deleted=Deleted.EXCLUDE), True)] if deleted else ()),
            Chip("all", "All", sum(counts.values()), self.view(status=()), not selected),
            *(
                Chip(
                    status,
                    status.label,
                    counts[status],
                    self.view(status=() if status in selected else (status,)),
                    status in selected,
                )
                for status in QueueStatus
            ),
        ]

    @property
    def has_scheduled(self) -> bool:
        """Return whether a batch of the page starts by itself."""
        return any(batch.start for batch in self.rows)

    @property
    def is_new(self) -> bool:
        """Return whether the owner has no batches at all."""
        return not self.has_batches

    @property
    def announcement(self) -> str:
        """Return the text that screen readers announce when the table changes."""
        if not self.page.total:
            return "No matching batches" if self.has_batches else "No batches yet"
        return f"{self.page.first_row:,}–{self.page.last_row:,} of {self.page.total:,} batches"

    @property
    def title(self) -> str:
        """Return the title of the browser tab, such as “may” in batches, page 3."""
        name = f"“{self.parameters.search}” in batches" if self.parameters.search else "Batches"
        return f"{name}, page {self.page.number:,}" if self.page.number > 1 else name
