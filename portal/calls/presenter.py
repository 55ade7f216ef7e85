"""How a call is shown on a page. No SQL, no request, no HTML."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.calls.parameters import CallListParameters, CallSort
from portal.contacts.phone_numbers import format_national
from portal.models import Call, CallEvent, CallStatus
from portal.models.call import NOT_CALLED
from portal.times import format_iso
from portal.web.listing import Chip, percent
from portal.web.pagination import Page, SortedView

# So many of a row's own columns stand in the table; the others open below the row.
MAX_FIELD_COLUMNS = 3

STATUS_LABELS = {
    CallStatus.COMPLETED: "Completed",
    CallStatus.DROPPED: "Dropped",
    CallStatus.NO_ANSWER: "No answer",
    CallStatus.BUSY: "Busy",
    CallStatus.FAILED: "Failed",
    CallStatus.CANCELED: "Canceled",
    CallStatus.IN_PROGRESS: "In progress",
    CallStatus.DIALING: "Dialing",
    CallStatus.PENDING: "Not called yet",
}


@dataclass(frozen=True)
class CallRow:
    """One call of a batch: `number` as the reader's region writes it; `length` is the talk's, None when there was none;
    `fields` are its row's other columns."""

    id: str
    number: str
    status: CallStatus
    length: str | None
    attempts: int
    last_event_at: int | None
    fields: dict[str, str]

    @property
    def word(self) -> str:
        """What became of the call."""
        return STATUS_LABELS[self.status]

    def others(self, columns: Iterable[str]) -> dict[str, str]:
        """The fields that have no column of their own."""
        return {name: value for name, value in self.fields.items() if name not in columns}


def call_view(call: Call, region: str) -> CallRow:
    """A call as a page shows it to a reader of that region ("" = none)."""
    return CallRow(
        id=call.id,
        number=format_national(call.phone_number, region),
        status=CallStatus(call.status),
        length=format_duration(call.duration_seconds) if call.duration_seconds else None,
        attempts=max(call.attempts, int(call.status not in NOT_CALLED)),  # some dialers report the end alone
        last_event_at=call.last_event_at,
        fields={name: str(value) for name, value in call.fields.items()},
    )


def format_duration(seconds: int) -> str:
    """A talk's length: 48 s, 3 min 12 s, 1 h 02 min."""
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"


def field_columns(calls: Iterable[CallRow]) -> list[str]:
    """The first few of the rows' own columns, in the order in which they came."""
    names = dict.fromkeys(name for call in calls for name in call.fields)
    return list(names)[:MAX_FIELD_COLUMNS]


@dataclass(frozen=True)
class CallListing(SortedView):
    """Everything that the table of calls shows. Each `query` is the address of one view, from the ?."""

    asked: CallListParameters
    page: Page[Any]
    rows: list[CallRow]
    columns: list[str]
    chips: list[Chip]
    has_calls: bool

    ASCENDING_FIRST = (CallSort.PHONE_NUMBER, CallSort.CALL_STATUS)

    @property
    def announcement(self) -> str:
        """What is read out when the table has changed."""
        if not self.page.total:
            return "No calls match" if self.has_calls else "No calls yet"
        return f"Calls {self.page.first_row:,}–{self.page.last_row:,} of {self.page.total:,}"


def call_listing(
    asked: CallListParameters, page: Page[Call], counts: Mapping[CallStatus, int], region: str, *, has_calls: bool
) -> CallListing:
    """The table of what was asked, found and counted; chips for statuses that some call has, or that are chosen."""
    rows = [call_view(call, region) for call in page.rows]
    chips = [Chip("All", None, sum(counts.values()), not asked.status, asked.query(page=1, status=()))]
    for status, word in STATUS_LABELS.items():
        if counts[status] or status in asked.status:
            statuses = () if status in asked.status else (status,)
            query = asked.query(page=1, status=statuses)
            chips.append(Chip(word, status, counts[status], status in asked.status, query))
    return CallListing(asked, page, rows, field_columns(rows), chips, has_calls)


CALL_HEADER = ("_id", "phoneNumber", "callStatus", "callDuration", "attempts", "lastEventAt", "createdAt")


def export_columns(names: Sequence[str]) -> tuple[list[str], Callable[[Any], list[Any]]]:
    """The header of an export of calls whose rows came with these fields, and what makes a row of a call."""

    def cells(call: Any) -> list[Any]:
        last = format_iso(call.last_event_at) if call.last_event_at is not None else ""
        own = [call.id, call.phone_number, call.status, call.duration_seconds, call.attempts, last]
        return [*own, format_iso(call.created_at), *(format_cell(call.fields.get(name)) for name in names)]

    return [*CALL_HEADER, *names], cells


def format_cell(value: Any) -> str | int | float | None:
    """A field of any kind as one cell."""
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        return value
    return json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class OutcomeView:
    """How many calls stand at a status, and their share of all calls in per cent: whole, and as the bar's length."""

    status: CallStatus
    word: str
    count: int
    share: int | None
    length: float


def outcome_views(counts: Mapping[CallStatus, int]) -> list[OutcomeView]:
    """What became of the calls, the final words first; those that no call has are left out."""
    total = sum(counts.values())
    return [
        OutcomeView(
            status, word, counts[status], percent(counts[status], total), round(100 * counts[status] / total, 2)
        )
        for status, word in STATUS_LABELS.items()
        if counts[status]
    ]


# --- the API ----------------------------------------------------------------------------------------------------------


def details_json(batch: Any, page: Page[Call], reports: Mapping[int, Sequence[CallEvent]]) -> dict[str, Any]:
    """The `data` of batch-details."""
    return {
        "batchId": batch.id,
        "batchName": batch.name,
        "batchStatus": batch.status,
        "page": page.number,
        "limit": page.limit,
        "total": page.total,
        "totalPages": page.total_pages,
        "data": [call_json(call, reports.get(call.key, ())) for call in page.rows],
    }


def call_json(call: Call, reports: Sequence[CallEvent]) -> dict[str, Any]:
    """One call: the row's own fields stand beside the API's, which come first where they bear the same name."""
    own = {"_id": call.id, "phoneNumber": call.phone_number}
    logs = [
        log_json(event.status, event.duration_seconds, event.recording_url, event.transcript, event.occurred_at)
        for event in reports
    ]
    if not logs and call.status != CallStatus.PENDING:  # it came with a call history, which tells of its end alone
        logs = [log_json(call.status, call.duration_seconds, "", "", call.last_event_at or call.created_at)]
    return own | call.fields | own | {"phoneLogs": logs, "createdAt": format_iso(call.created_at)}


def log_json(status: str, duration: int, recording_url: str, transcript: str, at: int) -> dict[str, Any]:
    """One report of the dialer."""
    return {
        "callStatus": status,
        "callDuration": duration,
        "recordingUrl": recording_url,
        "transcript": transcript,
        "createdAt": format_iso(at),
    }
