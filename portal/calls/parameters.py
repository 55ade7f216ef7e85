"""What may be asked about a batch's calls, the same names in the API and in a page's address; and what fills them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from portal.contacts.phone_numbers import parse_phone_number
from portal.models import CallStatus
from portal.web.field_types import HexId, PhoneNumber, parse_moment_ms
from portal.web.json_body import JsonError, check_value, parse_json_object
from portal.web.pagination import SortOrder
from portal.web.parameters import (
    InvalidParameter,
    PageNumber,
    PageSize,
    Parameters,
    parse_choices,
    text_type,
    truncate,
    whole_number,
)

MAX_CALLS = 100_000
MAX_EVENTS = 1000
MAX_FIELDS = 200
PHONE = "phoneNumber"


class CallSort(StrEnum):
    """What calls can be sorted by; createdAt is the order in which they were added."""

    CREATED_AT = "createdAt"
    PHONE_NUMBER = "phoneNumber"
    CALL_STATUS = "callStatus"
    CALL_DURATION = "callDuration"
    LAST_EVENT = "lastEventAt"


Search = text_type(200, description="Part of the number, of any field, or of the status, whatever the case.")
SortCallsBy = Annotated[CallSort, Field(alias="sortBy", description="What to sort by; equals as they were added.")]
SortCalls = Annotated[SortOrder, Field(alias="sortOrder", description="Which way to sort.")]


class CallListParameters(Parameters):
    """One view of a batch's calls, on a page."""

    page: PageNumber = 1
    limit: PageSize = 25
    search: Search = ""
    status: Annotated[tuple[CallStatus, ...], BeforeValidator(parse_choices(CallStatus))] = ()
    sort_by: SortCallsBy = CallSort.CREATED_AT
    sort_order: SortCalls = SortOrder.ASC

    @property
    def narrows(self) -> bool:
        """Whether anything leaves calls out."""
        return bool(self.search or self.status)


def parse_filter(value: Any) -> dict[str, tuple[str, ...]]:
    """A JSON object of field names and the text, or texts, that a call must have there."""
    if not isinstance(value, str):
        return value
    try:
        given = parse_json_object(value)
        check_value(given)
    except JsonError as error:
        raise ValueError(str(error)) from error
    found: dict[str, tuple[str, ...]] = {}
    for name, wanted in given.items():
        texts = wanted if isinstance(wanted, list) else [wanted]
        if not all(isinstance(text, str | int | float) and not isinstance(text, bool) for text in texts):
            raise ValueError(f"must give {truncate(name)} a text, a number, or a list of them")
        if not name or len(name) > 200 or set(name) & set('"\\'):
            raise ValueError("must name fields without quotes and backslashes")
        found[name] = tuple(map(str, texts))
    if unknown := set(found.get("callStatus", ())) - set(CallStatus):
        raise ValueError(f"must give callStatus one of {', '.join(CallStatus)}, not {truncate(sorted(unknown)[0])}")
    return found


class CallDetailsParameters(Parameters):
    """batch-details: one page of a batch's calls, in the API."""

    page: PageNumber = 1
    limit: PageSize = 10
    search: Search = ""
    filter: Annotated[
        dict[str, tuple[str, ...]] | None,
        BeforeValidator(parse_filter),
        Field(
            description="A JSON object: callStatus, phoneNumber or a field of the calls, and what it must be, such as"
            ' {"callStatus":"completed"}.',
            json_schema_extra={"anyOf": [{"type": "string", "maxLength": 4000}, {"type": "null"}]},
        ),
    ] = None
    sort_by: SortCallsBy = CallSort.CREATED_AT
    sort_order: SortCalls = SortOrder.ASC


# --- filling ----------------------------------------------------------------------------------------------------------


class AddCallsBody(Parameters):
    """addCallsToBatch: calls to be added; what each holds is looked at chunk by chunk (`read_calls`)."""

    batch_id: Annotated[HexId, Field(alias="batchId")]
    call_data: Annotated[
        list[Annotated[dict[str, Any], Field(max_length=MAX_FIELDS)]],
        Field(
            min_length=1,
            max_length=MAX_CALLS,
            description="Each with its phoneNumber and any other fields; `callData` is taken, too.",
        ),
    ]


@dataclass(frozen=True)
class CallInput:
    """A call to be added: its number (E.164), and everything else that came with it."""

    phone_number: str
    fields: Mapping[str, Any]


def parse_calls(items: Sequence[Mapping[str, Any]], first: int, region: str) -> list[CallInput]:
    """The items of call_data, of which these begin at number `first`. Raises BadParameter at the first wrong one."""
    found = []
    for number, item in enumerate(items, first):
        place = f"call_data[{number}]"
        typed = item.get(PHONE)
        if not isinstance(typed, str):
            raise InvalidParameter({place: f"{place}.{PHONE} {'must be text' if PHONE in item else 'is required'}"})
        try:
            phone_number = parse_phone_number(typed, region)
        except ValueError as error:
            raise InvalidParameter({place: f"{place}.{PHONE} {error}"}) from error
        fields = {name: value for name, value in item.items() if name != PHONE}
        for name, value in fields.items():
            try:
                check_value(name)
                check_value(value)
            except ValueError as error:
                raise InvalidParameter({place: f"{place}.{truncate(name)} {error}"}) from error
        found.append(CallInput(phone_number, fields))
    return found


# --- reports ----------------------------------------------------------------------------------------------------------


def parse_event_time(value: Any) -> Any:
    """A moment with its zone, in milliseconds."""
    if not isinstance(value, str):
        raise ValueError("must be an ISO date-time with its zone, such as 2025-05-01T12:00:00Z")
    return parse_moment_ms(value)


def parse_link(value: str) -> str:
    """An address on the web, or nothing."""
    if value and not value.startswith(("https://", "http://")):
        raise ValueError("must begin with https:// or http://")
    return value


def parse_long_text(value: Any) -> Any:
    """A text that may run over several lines."""
    check_value(value)
    return value


def require_call_reference(event: CallEventBody) -> CallEventBody:
    """An event says which call it is of: by its id, or by its batch and number."""
    if not event.call_id and not (event.batch_id and event.phone_number):
        raise ValueError("must hold callId, or batchId and phoneNumber")
    return event


class CallEventBody(Parameters):
    """One event: what the dialer reports of a call. Which call: callId, or batchId and phoneNumber."""

    event_id: Annotated[
        text_type(200, minimum=1, description="Counts once, however often it is sent."), Field(alias="eventId")
    ]
    call_id: Annotated[HexId | None, Field(alias="callId")] = None
    batch_id: Annotated[HexId | None, Field(alias="batchId")] = None
    phone_number: Annotated[PhoneNumber | None, Field(alias="phoneNumber")] = None
    call_status: Annotated[CallStatus, Field(alias="callStatus")]
    call_duration: Annotated[whole_number(0, 1_000_000, "Seconds talked."), Field(alias="callDuration")] = 0
    recording_url: Annotated[text_type(2000), AfterValidator(parse_link), Field(alias="recordingUrl")] = ""
    transcript: Annotated[str, Field(max_length=100_000), BeforeValidator(parse_long_text)] = ""
    occurred_at: Annotated[
        int | None,
        BeforeValidator(parse_event_time),
        Field(
            alias="occurredAt",
            description="When it happened, with its zone; now, where it is not given.",
            json_schema_extra={"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
        ),
    ] = None


class CallEventsBody(Parameters):
    """call-events: what the dialer reports, up to 1000 events at once."""

    events: Annotated[
        list[Annotated[CallEventBody, AfterValidator(require_call_reference)]],
        Field(min_length=1, max_length=MAX_EVENTS),
    ]
