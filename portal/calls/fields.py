"""The fields of a call and of its log in JSON and in exports, and the names of a contact's own fields beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from portal.api.fields import ApiField, cells_reader, headings, json_reader, optional_time_field, time_field
from portal.api.schema import CALL_ID, Count, PublicIdText
from portal.api.schema import PHONE_NUMBER as NUMBER_EXAMPLE
from portal.models import CallStatus
from portal.models.call import HeldFor
from portal.times import known_zones

ID = ApiField("_id", "id", PublicIdText, CALL_ID, label="Call ID")
PHONE_NUMBER = ApiField(
    "phoneNumber",
    "phone_number",
    Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$")],
    NUMBER_EXAMPLE,
    label="Phone number",
)
STATUS = ApiField("callStatus", "status", CallStatus, "completed", cell=CallStatus, label="Outcome")
DURATION = ApiField("callDuration", "duration_seconds", Count, 64, label="Length (seconds)")
CREATED_AT = time_field("createdAt", "created_at", "Added")

NEXT_AT = optional_time_field("nextAt", "next_at")
HELD_FOR = ApiField("heldFor", "held_for", HeldFor | None, "window")

JSON_FIELDS = (ID, PHONE_NUMBER, CREATED_AT, ApiField("attempts", "tries", Count, 1), NEXT_AT, HELD_FOR)
EXPORT_FIELDS = (
    ID,
    PHONE_NUMBER,
    STATUS,
    DURATION,
    ApiField("attempts", "attempts", Count, label="Attempts"),
    time_field("lastEventAt", "last_event_at", "Last event"),
    CREATED_AT,
)
LOG_FIELDS = (
    STATUS,
    DURATION,
    ApiField("recordingUrl", "recording_url", str, "https://recordings.example.com/call-1.mp3"),
    ApiField("transcript", "transcript", str, "Good morning, this is the clinic."),
    time_field("createdAt", "at", "Time"),
)
EXPORT_HEADER = headings(EXPORT_FIELDS)

read_call = json_reader(JSON_FIELDS)
read_phone_log = json_reader(LOG_FIELDS)
read_export_cells = cells_reader(EXPORT_FIELDS)

# --- the contact's own fields -----------------------------------------------------------------------------------------

PORTAL_NAMES = frozenset({*EXPORT_HEADER, NEXT_AT.name, HELD_FOR.name, "phoneLogs"})
PORTAL_LABELS = {heading.label: str(heading) for heading in EXPORT_HEADER}
EXPORT_MARKS = {"_id", "callStatus", "lastEventAt"}  # an export of calls has these columns, even if others were deleted
OWN = " (contact)"
REPEATED = re.compile(r"(.+) \([2-9]\)")  # as the reader of contact files numbers equal names
IN_A_ZONE = re.compile(r"(.+) \(([^()]+)\)")


def portal_name(heading: str) -> str | None:
    """Return the API name of a column that the portal exports, by its name in CSV or in workbooks; None for others."""
    if (match := IN_A_ZONE.fullmatch(heading)) and match[2] in known_zones():
        heading = f"{match[1]} ({{zone}})"
    return PORTAL_LABELS.get(heading, heading if heading in PORTAL_NAMES else None)


def name_own_fields(names: Iterable[str], is_taken: Callable[[str], object] = PORTAL_NAMES.__contains__) -> list[str]:
    """Return the names of a contact's own fields beside the portal's: `createdAt` becomes `createdAt (contact)`."""
    names = list(names)
    known, used = set(names), set()
    for index, name in enumerate(names):
        shown = name
        while is_taken(shown) or shown in used or (shown != name and shown in known):
            shown += OWN
        names[index] = shown
        used.add(shown)
    return names


def own_fields(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a contact's own fields by their names beside the portal's."""
    if PORTAL_NAMES.isdisjoint(fields):
        return fields
    return dict(zip(name_own_fields(fields), fields.values(), strict=True))


def export_header(names: Iterable[str]) -> list[str]:
    """Return the header of an export of calls with these own fields: no two names and no two labels are equal."""
    return [*EXPORT_HEADER, *name_own_fields(names, portal_name)]


def is_call_export(header: Iterable[str]) -> bool:
    """Return whether a file with this header is an export of calls of the portal."""
    return {portal_name(name) for name in header} >= EXPORT_MARKS


def is_repeated(name: str) -> bool:
    """Return whether a column repeats one of the portal's: exports of early releases could have each of them twice."""
    match = REPEATED.fullmatch(name)
    return match is not None and portal_name(match[1]) is not None


def stored_names(header: Sequence[str], phone_column: str) -> dict[str, str]:
    """Return the name under which each column beside the phone numbers is stored; those left out are missing.

    An export of the portal loses the portal's own columns, and the contact's columns get their own names back. In other
    files, a name of the portal becomes that of a contact's own field.
    """
    columns = [name for name in header if name != phone_column]
    if not is_call_export(header):
        return dict(zip(columns, name_own_fields(columns), strict=True))
    columns = [name for name in columns if portal_name(name) in (None, PHONE_NUMBER.name) and not is_repeated(name)]
    bare = [name.removesuffix(OWN) for name in columns]
    own = [short if portal_name(short) else name for name, short in zip(columns, bare, strict=True)]
    return dict(zip(columns, name_own_fields(own), strict=True))
