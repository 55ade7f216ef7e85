"""A row of the batch list: its columns, its fields in JSON and CSV, and its figures on pages.

A field added to BATCH_FIELDS appears in the API's JSON, in its OpenAPI schema and example, and in exports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import Field

from portal.api.fields import ApiField, cells_reader, headings, json_reader, time_field
from portal.api.schema import Count, PublicIdText
from portal.batches.settings import dialing_rules
from portal.dialing.descriptions import describe_opening, describe_time
from portal.live import Deleted
from portal.models import Batch, QueueStatus
from portal.models.batch import NAME_LENGTH
from portal.models.call import ProgressPart
from portal.web.listing import percent
from portal.web.spreadsheets import Cell, Heading

# In the contract's order.
BATCH_FIELDS = (
    ApiField("_id", "id", PublicIdText, "64e5f12345abcdef98765432", label="Batch ID"),
    ApiField(
        "batchName",
        "name",
        Annotated[str, Field(min_length=1, max_length=NAME_LENGTH)],
        "Marketing Campaign May 2025",
        label="Name",
    ),
    ApiField("totalCalls", "total_calls", Count, 150, label="Calls"),
    ApiField("callsPicked", "calls_picked", Count, 120, label="Picked up"),
    ApiField("callsCompleted", "calls_completed", Count, 100, label="Completed"),
    ApiField("queue_status", "status", QueueStatus, "active", cell=QueueStatus, label="Status"),
    time_field("createdAt", "created_at", "Created", "2025-05-01T12:00:00.000Z"),
    time_field("updatedAt", "updated_at", "Updated", "2025-05-15T14:30:00.000Z"),
)
# Of deleted batches only, in lists that ask for them.
DELETED_FIELD = time_field("deletedAt", "deleted_at", "Deleted", "2025-05-16T09:00:00.000Z")

live_batch_json = json_reader(BATCH_FIELDS)
deleted_batch_json = json_reader((*BATCH_FIELDS, DELETED_FIELD))


def batch_json(row: Any) -> dict[str, Any]:
    """Return a row of the list; the time of its deletion, the last key, is absent for a live batch."""
    return live_batch_json(row) if row.deleted_at is None else deleted_batch_json(row)


@cache
def export_columns(deleted: Deleted) -> tuple[tuple[Heading, ...], Callable[[Any], list[Cell]]]:
    """Return the header of an export of batches, and the function that reads a row's cells."""
    fields = BATCH_FIELDS if deleted is Deleted.EXCLUDE else (*BATCH_FIELDS, DELETED_FIELD)
    return headings(fields), cells_reader(fields)


# The columns that lists read: rows of values cost much less than objects of the session.
LIST_COLUMNS = (
    *(getattr(Batch, field.attribute) for field in (*BATCH_FIELDS, DELETED_FIELD)),
    Batch.calls_called,
    Batch.settings,
    Batch.starts_at,
)


@dataclass(frozen=True)
class BatchView:
    """A batch on a page. Times are milliseconds since 1970 UTC; shares are whole percentages, None of zero.

    `opening` describes when calls may start, for an active batch outside its calling hours, and `start` when a pending
    batch becomes active by itself; otherwise they are empty.
    `deleted_at` is None for a live batch.
    """

    id: str
    name: str
    status: QueueStatus
    total: int
    called: int
    picked: int
    completed: int
    created_at: int
    updated_at: int
    opening: str
    start: str
    deleted_at: int | None

    @property
    def badge(self) -> tuple[str, str, str, str]:
        """Return the name, label, icon and detail of the status that pages show."""
        if self.opening:
            return "waiting", "Waiting", "clock", f"until {self.opening}"
        if self.start:
            return self.status, "Starts", "clock", self.start
        return self.status, self.status.label, self.status.icon, ""

    @property
    def called_share(self) -> int | None:
        """Return the share of all calls that were called."""
        return percent(self.called, self.total)

    @property
    def picked_share(self) -> int | None:
        """Return the share of called calls that were picked up."""
        return percent(self.picked, self.called)

    @property
    def completed_share(self) -> int | None:
        """Return the share of picked-up calls that were completed."""
        return percent(self.completed, self.picked)

    @property
    def part_counts(self) -> tuple[tuple[ProgressPart, int], ...]:
        """Return the number of calls in each part of the progress bar."""
        ends = (0, self.completed, self.picked, self.called, self.total)
        return tuple((part, end - start) for part, start, end in zip(ProgressPart, ends, ends[1:], strict=False))

    @property
    def bar(self) -> tuple[tuple[ProgressPart, float, float], ...]:
        """Return the parts of the progress bar that are not empty: name, start and length, in percent of all calls."""
        parts, start = [], 0
        for part, count in self.part_counts:
            if count:
                parts.append((part, round(100 * start / self.total, 2), round(100 * count / self.total, 2)))
            start += count
        return tuple(parts)


def batch_view(row: Any, now: int | None = None) -> BatchView:
    """Return a batch or row as pages show it at a time (milliseconds); without a time, calling hours are ignored."""
    status = QueueStatus(row.status)
    return BatchView(
        id=row.id,
        name=row.name,
        status=status,
        total=row.total_calls,
        called=row.calls_called,
        picked=row.calls_picked,
        completed=row.calls_completed,
        created_at=row.created_at,
        updated_at=row.updated_at,
        opening=opening_text(row, now) if status is QueueStatus.ACTIVE and now is not None else "",
        start=start_text(row, now) if status is QueueStatus.PENDING and now is not None else "",
        deleted_at=row.deleted_at,
    )


def opening_text(row: Any, now: int) -> str:
    """Return when calls of a batch may start, or an empty text within its calling hours."""
    rules = dialing_rules(row.settings)
    return describe_opening(rules.window, rules.zone, now)


def start_text(row: Any, now: int) -> str:
    """Return when a pending batch starts by itself, in its own time zone; empty if it does not."""
    if row.starts_at is None:
        return ""
    if row.starts_at <= now:
        return "in a few seconds" if row.total_calls else "when it has calls"
    return describe_time(row.starts_at, dialing_rules(row.settings).zone)
