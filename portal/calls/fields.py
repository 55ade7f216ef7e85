"""The fields of a call and of its log in JSON and in exports."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from portal.api.fields import ApiField, cells_reader, json_reader
from portal.api.schema import Count, PublicIdText, TimeText
from portal.models import CallStatus
from portal.times import format_iso


def format_last_event(ms: int | None) -> str:
    """Return the time of the last event, or an empty cell."""
    return "" if ms is None else format_iso(ms)


ID = ApiField("_id", "id", PublicIdText)
PHONE_NUMBER = ApiField("phoneNumber", "phone_number", Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$")])
STATUS = ApiField("callStatus", "status", CallStatus)
DURATION = ApiField("callDuration", "duration_seconds", Count)
CREATED_AT = ApiField("createdAt", "created_at", TimeText, format=format_iso)

JSON_FIELDS = (ID, PHONE_NUMBER, CREATED_AT)
EXPORT_FIELDS = (
    ID,
    PHONE_NUMBER,
    STATUS,
    DURATION,
    ApiField("attempts", "attempts", Count),
    ApiField("lastEventAt", "last_event_at", TimeText, format=format_last_event),
    CREATED_AT,
)
LOG_FIELDS = (
    STATUS,
    DURATION,
    ApiField("recordingUrl", "recording_url", str),
    ApiField("transcript", "transcript", str),
    ApiField("createdAt", "occurred_at", TimeText, format=format_iso),
)

read_call = json_reader(JSON_FIELDS)
read_event = json_reader(LOG_FIELDS)
read_export_cells = cells_reader(EXPORT_FIELDS)
