"""The fields of a call and of its log: one list for the API's JSON, its schema, and the columns of exports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from portal.api.schema import Count, PublicIdText, TimeText
from portal.models import CallStatus
from portal.times import format_iso


@dataclass(frozen=True)
class ApiField:
    """A field: its name in JSON and in files, the type of its JSON value, and the function that reads it from a row."""

    name: str
    type: Any
    value: Callable[[Any], Any]


def read_fields(fields: Iterable[ApiField], row: Any) -> dict[str, Any]:
    """Return the values of a row by the names of the fields."""
    return {field.name: field.value(row) for field in fields}


def format_last_event(call: Any) -> str:
    """Return the time of the last event, or an empty cell."""
    return "" if call.last_event_at is None else format_iso(call.last_event_at)


ID = ApiField("_id", PublicIdText, lambda call: call.id)
PHONE_NUMBER = ApiField(
    "phoneNumber", Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$")], lambda call: call.phone_number
)
STATUS = ApiField("callStatus", CallStatus, lambda row: row.status)
DURATION = ApiField("callDuration", Count, lambda row: row.duration_seconds)
CREATED_AT = ApiField("createdAt", TimeText, lambda call: format_iso(call.created_at))

JSON_FIELDS = (ID, PHONE_NUMBER, CREATED_AT)
EXPORT_FIELDS = (
    ID,
    PHONE_NUMBER,
    STATUS,
    DURATION,
    ApiField("attempts", Count, lambda call: call.attempts),
    ApiField("lastEventAt", TimeText, format_last_event),
    CREATED_AT,
)
LOG_FIELDS = (
    STATUS,
    DURATION,
    ApiField("recordingUrl", str, lambda event: event.recording_url),
    ApiField("transcript", str, lambda event: event.transcript),
    ApiField("createdAt", TimeText, lambda event: format_iso(event.occurred_at)),
)
