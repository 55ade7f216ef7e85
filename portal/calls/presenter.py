"""Present calls on pages, in exports and in the API. No SQL, no request, no HTML."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.attempts.presenter import AttemptView, attempt_status, attempt_view
from portal.calls.fields import export_header, own_fields, read_call, read_export_cells, read_phone_log
from portal.calls.parameters import CallListParameters, CallSort
from portal.calls.query import CallPage
from portal.contacts.phone_numbers import format_national
from portal.models import Call, CallStatus
from portal.models.call import OUTCOME_ORDER, ProgressPart
from portal.times import format_duration
from portal.web.listing import Chip, percent
from portal.web.pagination import Page, SortedView

MAX_FIELD_COLUMNS = 3  # the contact's own fields with a column in the table; the others open below the row


@dataclass(frozen=True)
class CallRow:
    """One call of a batch: `number` in the format of the reader's region, `length` of the talk or None, the contact's
    other `fields`, the time of the next attempt if one follows, and the recorded attempts."""

    id: str
    number: str
    status: CallStatus
    length: str | None
    attempts: int
    last_event_at: int | None
    fields: dict[str, str]
    next_at: int | None = None
    tries: Sequence[AttemptView] = ()

    def others(self, columns: Iterable[str]) -> dict[str, str]:
        """Return the fields without a column of their own."""
        return {name: value for name, value in self.fields.items() if name not in columns}


def call_view(call: Call, region: str, attempts: Sequence[Any] = ()) -> CallRow:
    """Return a call with its attempts as shown to a reader of that region ("" = none)."""
    return CallRow(
        id=call.id,
        number=format_national(call.phone_number, region),
        status=CallStatus(call.status),
        length=format_duration(call.duration_seconds) if call.duration_seconds else None,
        attempts=call.tries,
        last_event_at=call.last_event_at,
        fields={name: str(value) for name, value in call.fields.items()},
        next_at=call.next_at,
        tries=[attempt_view(attempt, region) for attempt in attempts],
    )


def field_columns(calls: Iterable[CallRow]) -> list[str]:
    """Return the names of the first few fields that the calls have."""
    names = dict.fromkeys(name for call in calls for name in call.fields)
    return list(names)[:MAX_FIELD_COLUMNS]


@dataclass(frozen=True)
class CallListing(SortedView):
    """The table of calls. Each `query` in it is a query string that begins with `?`."""

    parameters: CallListParameters
    page: Page[Any]
    rows: list[CallRow]
    columns: list[str]
    chips: list[Chip]
    has_calls: bool

    ASCENDING_FIRST = (CallSort.PHONE_NUMBER, CallSort.CALL_STATUS)

    @property
    def announcement(self) -> str:
        """The text that screen readers announce when the table changes."""
        if not self.page.total:
            return "No calls match" if self.has_calls else "No calls yet"
        return f"Calls {self.page.first_row:,}–{self.page.last_row:,} of {self.page.total:,}"


def call_listing(
    parameters: CallListParameters,
    page: CallPage,
    attempts: Mapping[int, Sequence[Any]],
    region: str,
    *,
    has_calls: bool,
) -> CallListing:
    """Return the table of one page of calls, with a chip for each status; attempts are given by the key of the call."""
    rows = [call_view(call, region, attempts.get(call.key, ())) for call in page.rows]
    counts = page.counts
    total = page.total if counts is None else sum(counts.values())
    chips = [Chip("all", "All", total, parameters.query(page=1, status=()), not parameters.status)]
    for status in OUTCOME_ORDER:
        is_selected = status in parameters.status
        query = parameters.query(page=1, status=() if is_selected else (status,))
        chips.append(Chip(status, status.label, counts and counts[status], query, is_selected))
    return CallListing(parameters, page, rows, field_columns(rows), chips, has_calls)


def export_columns(names: Sequence[str]) -> tuple[list[str], Callable[[Any], list[Any]]]:
    """Return the header of an export of calls with these own fields, and the function that makes a row of a call."""

    def cells(call: Any) -> list[Any]:
        return [*read_export_cells(call), *(format_cell(call.fields.get(name)) for name in names)]

    return export_header(names), cells


def format_cell(value: Any) -> str | int | float | None:
    """Format a field of any type as one cell."""
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        return value
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class OutcomeView:
    """The calls with one status: their number, their share of all calls (%, rounded), and the bar's length (%).

    `part` is the part of the progress bar that the calls belong to.
    """

    status: CallStatus
    part: ProgressPart
    count: int
    share: int | None
    length: float


def outcome_views(counts: Mapping[CallStatus, int]) -> list[OutcomeView]:
    """Return all statuses, final ones first; those without calls too, so that a live page keeps its shape."""
    total = sum(counts.values())
    return [
        OutcomeView(
            status,
            ProgressPart.of(status),
            counts[status],
            percent(counts[status], total),
            round(100 * counts[status] / (total or 1), 2),
        )
        for status in OUTCOME_ORDER
    ]


# --- the API ----------------------------------------------------------------------------------------------------------


def details_json(
    batch: Any,
    page: Page[Call],
    attempts: Mapping[int, Sequence[Any]],
    recordings: Mapping[tuple[int, int], Any],
) -> dict[str, Any]:
    """Return the `data` of batch-details; attempts by the key of the call, recordings also by their number."""
    return {
        "batchId": batch.id,
        "batchName": batch.name,
        "batchStatus": batch.status,
        "page": page.number,
        "limit": page.limit,
        "total": page.total,
        "totalPages": page.total_pages,
        "data": [call_json(call, phone_logs(call, attempts.get(call.key, ()), recordings)) for call in page.rows],
    }


def call_json(call: Call, logs: Sequence[PhoneLog]) -> dict[str, Any]:
    """Return one call with the contact's own fields beside the API's."""
    return {**read_call(call), "phoneLogs": list(map(read_phone_log, logs)), **own_fields(call.fields)}


@dataclass(frozen=True)
class PhoneLog:
    """An attempt as an entry of phoneLogs; `at` is the time of its last change in milliseconds."""

    status: CallStatus
    duration_seconds: int
    at: int
    recording_url: str = ""
    transcript: str = ""


def phone_logs(call: Call, attempts: Sequence[Any], recordings: Mapping[tuple[int, int], Any]) -> list[PhoneLog]:
    """Return the log of a call: its attempts, or its state if none is recorded, as in an imported history."""
    if not attempts and call.status != CallStatus.PENDING:
        return [PhoneLog(CallStatus(call.status), call.duration_seconds, call.last_event_at or call.created_at)]
    return [phone_log(attempt, recordings.get((call.key, attempt.number))) for attempt in attempts]


def phone_log(attempt: Any, recording: Any | None) -> PhoneLog:
    """Return the entry of an attempt with its recording and transcript."""
    return PhoneLog(
        attempt_status(attempt),
        attempt.duration_seconds,
        attempt.ended_at or attempt.answered_at or attempt.placed_at or attempt.taken_at,
        recording.recording_url if recording else "",
        recording.transcript if recording else "",
    )
