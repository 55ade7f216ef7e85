"""How a batch is shown: as the API's JSON, and as the figures and words of a page. No SQL, no request, no HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from portal.batches import calling_hours
from portal.batches.parameters import BatchListParameters, SortBy
from portal.batches.settings import calling_hours_from
from portal.models import QueueStatus
from portal.times import format_iso
from portal.web.listing import Chip, percent
from portal.web.pagination import Page, SortedView


class BatchFigures(Protocol):
    """What is shown of a batch: a model, or a row with the same names. Times are milliseconds since 1970 UTC."""

    id: str
    name: str
    status: str
    total_calls: int
    calls_called: int
    calls_picked: int
    calls_completed: int
    created_at: int
    updated_at: int


def batch_json(batch: BatchFigures) -> dict[str, Any]:
    """One batch as "Get All Batches" writes it, keys in the contract's order."""
    return {
        "_id": batch.id,
        "batchName": batch.name,
        "totalCalls": batch.total_calls,
        "callsPicked": batch.calls_picked,
        "callsCompleted": batch.calls_completed,
        "queue_status": batch.status,
        "createdAt": format_iso(batch.created_at),
        "updatedAt": format_iso(batch.updated_at),
    }


def list_json(page: Page[Any]) -> dict[str, Any]:
    """The `data` of "Get All Batches"."""
    return {
        "batches": [batch_json(row) for row in page.rows],
        "pagination": {
            "total": page.total,
            "page": page.number,
            "limit": page.limit,
            "totalPages": page.total_pages,
        },
    }


@dataclass(frozen=True)
class BatchView:
    """One batch as a page shows it. Shares are whole per cents of what the words beside them say; None of nothing."""

    id: str
    name: str
    status: QueueStatus
    total: int
    called: int
    picked: int
    completed: int
    created_at: int
    updated_at: int

    @property
    def called_share(self) -> int | None:
        """Called, of all calls."""
        return percent(self.called, self.total)

    @property
    def picked_share(self) -> int | None:
        """Picked up, of those called."""
        return percent(self.picked, self.called)

    @property
    def completed_share(self) -> int | None:
        """Completed, of those picked up."""
        return percent(self.completed, self.picked)

    @property
    def bar(self) -> tuple[tuple[str, float, float], ...]:
        """The progress bar: for each part its name, where it begins and how long it is, in per cent of all calls."""
        parts = (
            ("completed", 0, self.completed),
            ("picked", self.completed, self.picked),
            ("called", self.picked, self.called),
        )
        whole = self.total or 1
        return tuple(
            (name, round(100 * begin / whole, 2), round(100 * (end - begin) / whole, 2))
            for name, begin, end in parts
            if end > begin
        )


def batch_view(batch: BatchFigures) -> BatchView:
    """A row of the list, or a batch, as a page shows it."""
    return BatchView(
        id=batch.id,
        name=batch.name,
        status=QueueStatus(batch.status),
        total=batch.total_calls,
        called=batch.calls_called,
        picked=batch.calls_picked,
        completed=batch.calls_completed,
        created_at=batch.created_at,
        updated_at=batch.updated_at,
    )


@dataclass(frozen=True)
class TrashView:
    """A deleted batch: what it was, when it was deleted (milliseconds), and by whom."""

    batch: BatchView
    deleted_at: int
    deleted_by: str


def trash_view(row: Any) -> TrashView:
    """A row of the trash."""
    return TrashView(batch_view(row), row.deleted_at, row.deleted_by)


@dataclass(frozen=True)
class CallingHoursView:
    """When calls may be made, in words; `opens_at` (milliseconds) is the next opening, None while it is open."""

    words: str
    opens_at: int | None


def calling_hours_view(settings: Mapping[str, Any], now: int) -> CallingHoursView:
    """The calling window that a batch keeps; at any time, where it keeps none."""
    found = calling_hours_from(settings)
    if found is None:
        return CallingHoursView("At any time", None)
    return CallingHoursView(calling_hours.describe_hours(found), calling_hours.next_opening(found, now))


# --- files ------------------------------------------------------------------------------------------------------------

LIST_HEADER = (
    "_id",
    "batchName",
    "totalCalls",
    "callsPicked",
    "callsCompleted",
    "queue_status",
    "createdAt",
    "updatedAt",
)


def list_cells(row: BatchFigures) -> list[Any]:
    """A batch as a row of an export, by the API's names."""
    return list(batch_json(row).values())


def export_details(batch: BatchFigures, *, whole: bool) -> dict[str, Any]:
    """What the trail says of an export of the batch's calls; how many only where they are the `whole` of them."""
    return {"kind": "calls", "batch": batch.id} | ({"rows": batch.total_calls} if whole else {})


# --- the list ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Listing(SortedView):
    """Everything that a list page shows beside its messages. Each `query` is the address of one view, from the ?."""

    asked: BatchListParameters
    page: Page[Any]
    rows: list[BatchView]
    chips: list[Chip]
    has_batches: bool

    ASCENDING_FIRST = (SortBy.BATCH_NAME,)

    @property
    def is_new(self) -> bool:
        """Whether there is nothing at all yet, rather than nothing that matches."""
        return not self.has_batches

    @property
    def pages(self) -> dict[str, str]:
        """The other pages by relation: first, prev, next, last; prev and next only where there is one."""
        return {rel: self.asked.query(page=number) for rel, number in self.page.neighbours().items()}

    @property
    def announcement(self) -> str:
        """What is read out when the table has changed."""
        if not self.page.total:
            return "No batches match" if self.has_batches else "No batches yet"
        return f"{self.range_words} batches"

    @property
    def title(self) -> str:
        """What the browser calls this view: Batches, “may” in batches, Batches, page 3."""
        name = f"“{self.asked.search}” in batches" if self.asked.search else "Batches"
        return f"{name}, page {self.page.number:,}" if self.page.number > 1 else name

    @property
    def range_words(self) -> str:
        """Where the page stands: 21–30 of 312."""
        return f"{self.page.first_row:,}–{self.page.last_row:,} of {self.page.total:,}"


def listing_view(
    asked: BatchListParameters, page: Page[Any], counts: dict[QueueStatus, int], *, has_batches: bool
) -> Listing:
    """The list page of what was asked, found and counted."""
    everything = Chip("All", None, sum(counts.values()), not asked.status, asked.query(page=1, status=()))
    chips = [
        Chip(status.capitalize(), status, counts[status], status in asked.status, toggle_status(asked, status))
        for status in QueueStatus
    ]
    return Listing(asked, page, [batch_view(row) for row in page.rows], [everything, *chips], has_batches)


def toggle_status(asked: BatchListParameters, status: QueueStatus) -> str:
    """The view with that status alone; without it, where it is chosen already."""
    statuses = () if status in asked.status else (status,)
    return asked.query(page=1, status=statuses)
