"""The fields of an attempt in JSON and in CSV."""

from __future__ import annotations

from portal.api.fields import ApiField, cells_reader, headings, json_reader, optional_time_field
from portal.api.schema import ATTEMPT_ID, CALL_ID, PHONE_NUMBER, Count, PublicIdText
from portal.models import AttemptState, CallStatus

ATTEMPT_FIELDS = (
    ApiField("_id", "id", PublicIdText, ATTEMPT_ID, label="Attempt ID"),
    ApiField("callId", "call_id", PublicIdText, CALL_ID, label="Call ID"),
    ApiField("phoneNumber", "phone_number", str, PHONE_NUMBER, label="Phone number"),
    ApiField("number", "number", Count, 1, label="Attempt"),
    ApiField("from", "from_number", str | None, "+12025550100", label="From"),
    ApiField("state", "state", AttemptState, "ended", label="State"),
    ApiField("outcome", "outcome", CallStatus | None, "completed", label="Outcome"),
    ApiField("cause", "cause", int | None, 16, label="Cause (Q.850)"),
    ApiField("lost", "lost", bool, False, cell=int, label="Lost"),
    optional_time_field("takenAt", "taken_at", "Taken", "2025-05-01T11:58:50.000Z"),
    optional_time_field("placedAt", "placed_at", "Placed", "2025-05-01T11:58:51.000Z"),
    optional_time_field("answeredAt", "answered_at", "Answered", "2025-05-01T11:58:56.000Z"),
    optional_time_field("endedAt", "ended_at", "Ended"),
)
ATTEMPT_HEADER = headings(ATTEMPT_FIELDS)

attempt_json = json_reader(ATTEMPT_FIELDS)
attempt_cells = cells_reader(ATTEMPT_FIELDS)
