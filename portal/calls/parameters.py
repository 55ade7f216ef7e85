"""The parameters of a batch's calls, shared by the API and the pages, and the bodies that add and report calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from portal.contacts.number_search import find_number_forms
from portal.contacts.phone_numbers import parse_phone_number
from portal.models import CallStatus
from portal.text import fold
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
STATUS = "callStatus"


class CallSort(StrEnum):
    """The sort keys of calls; createdAt is the order in which they were added."""

    CREATED_AT = "createdAt"
    PHONE_NUMBER = "phoneNumber"
    CALL_STATUS = "callStatus"
    CALL_DURATION = "callDuration"
    LAST_EVENT = "lastEventAt"


@dataclass(frozen=True)
class CallSearch:
    """A search for calls that have a folded text in their number or fields, a status, or a part of their number.

    `statuses` have names or labels that contain the text; `number_forms` are as find_number_forms returns them.
    """

    text: str
    statuses: tuple[CallStatus, ...]
    number_forms: tuple[str, ...]


def parse_call_search(text: str, region: str) -> CallSearch | None:
    """Return the search for a text; None if it is empty. National numbers belong to `region`."""
    folded = fold(text)
    if not folded:
        return None
    statuses = tuple(status for status in CallStatus if folded in status or folded in fold(status.label))
    return CallSearch(folded, statuses, find_number_forms(folded, region))


@dataclass(frozen=True)
class CallQuery:
    """A selection of one batch's calls and a page of it. The defaults select all calls.

    `statuses` are those that a call may have; `other_values` maps each other field to the values that it may have.
    """

    search: CallSearch | None = None
    other_values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    statuses: tuple[CallStatus, ...] = ()
    sort_by: CallSort = CallSort.CREATED_AT
    sort_order: SortOrder = SortOrder.ASC
    page: int = 1
    limit: int = 25


Search = Annotated[
    text_type(200, description="Part of the phone number in any form, of any field, or of the status; ignores case."),
    Field(examples=["Lisbon"]),
]
SortCallsBy = Annotated[CallSort, Field(alias="sortBy", description="Sort key; ties in the order of creation.")]
SortCalls = Annotated[SortOrder, Field(alias="sortOrder", description="Sort direction.")]


class CallListParameters(Parameters):
    """One view of a batch's calls on a page."""

    page: PageNumber = 1
    limit: PageSize = 25
    search: Search = ""
    status: Annotated[tuple[CallStatus, ...], BeforeValidator(parse_choices(CallStatus))] = ()
    sort_by: SortCallsBy = CallSort.CREATED_AT
    sort_order: SortCalls = SortOrder.ASC

    @property
    def is_filtered(self) -> bool:
        """Whether the parameters exclude calls."""
        return bool(self.search or self.status)

    def to_query(self, region: str) -> CallQuery:
        """Return the selection of calls; national numbers in a search belong to `region`."""
        search = parse_call_search(self.search, region)
        return CallQuery(search, {}, self.status, self.sort_by, self.sort_order, self.page, self.limit)


def parse_filter(value: Any) -> dict[str, tuple[str, ...]]:
    """Parse a JSON object that maps field names to the value, or list of values, that a call must have."""
    if not isinstance(value, str):
        return value
    try:
        given = parse_json_object(value)
        check_value(given)
    except JsonError as error:
        raise ValueError(str(error)) from error
    values: dict[str, tuple[str, ...]] = {}
    for name, wanted in given.items():
        items = wanted if isinstance(wanted, list) else [wanted]
        if not all(isinstance(item, str | int | float) and not isinstance(item, bool) for item in items):
            raise ValueError(f"must give {truncate(name)} a string, a number, or a list of them")
        if not name or len(name) > 200 or set(name) & set('"\\'):
            raise ValueError("must use field names without quotes and backslashes")
        values[name] = tuple(map(str, items))
    if unknown := set(values.get(STATUS, ())) - set(CallStatus):
        raise ValueError(f"must give {STATUS} one of {', '.join(CallStatus)}, not {truncate(sorted(unknown)[0])}")
    return values


class CallDetailsParameters(Parameters):
    """batch-details: one page of a batch's calls in the API."""

    page: PageNumber = 1
    limit: PageSize = 10
    search: Search = ""
    filter: Annotated[
        dict[str, tuple[str, ...]] | None,
        BeforeValidator(parse_filter),
        Field(
            description="A JSON object that maps callStatus, phoneNumber or any field of the calls to a value or a list"
            ' of values, such as {"callStatus":"completed"}.',
            json_schema_extra={"anyOf": [{"type": "string"}, {"type": "null"}]},
            examples=['{"callStatus":"completed"}'],
        ),
    ] = None
    sort_by: SortCallsBy = CallSort.CREATED_AT
    sort_order: SortCalls = SortOrder.ASC

    def to_query(self, region: str) -> CallQuery:
        """Return the selection of calls; national numbers in a search belong to `region`."""
        search = parse_call_search(self.search, region)
        others = dict(self.filter or {})
        statuses = tuple(map(CallStatus, dict.fromkeys(others.get(STATUS, ()))))
        if statuses:  # an empty list stays among the others, and no call matches it
            del others[STATUS]
        return CallQuery(search, others, statuses, self.sort_by, self.sort_order, self.page, self.limit)


# --- adding calls -----------------------------------------------------------------------------------------------------


# parse_calls applies these rules; the values of all other fields are free.
CALL_SCHEMA: dict[str, Any] = {
    "required": [PHONE],
    "properties": {PHONE: {"type": "string", "maxLength": 40, "examples": ["+12025550101"]}},
    "examples": [{PHONE: "+12025550101", "name": "First contact", "city": "Lisbon"}],
}


class AddCallsBody(Parameters):
    """The body of addCallsToBatch; parse_calls checks the calls, chunk by chunk."""

    batch_id: Annotated[HexId, Field(alias="batchId")]
    call_data: Annotated[
        list[Annotated[dict[str, Any], Field(max_length=MAX_FIELDS, json_schema_extra=CALL_SCHEMA)]],
        Field(
            min_length=1,
            max_length=MAX_CALLS,
            description="Each with its phoneNumber and any other fields. `callData` is accepted, too.",
        ),
    ]


@dataclass(frozen=True)
class CallInput:
    """A call to add: its number (E.164) and all other fields."""

    phone_number: str
    fields: Mapping[str, Any]


def parse_calls(items: Sequence[Mapping[str, Any]], first: int, region: str) -> list[CallInput]:
    """Parse the items of call_data from index `first` on. Raises InvalidParameter at the first invalid one."""
    calls = []
    for index, item in enumerate(items, first):
        path = f"call_data[{index}]"
        number = item.get(PHONE)
        if not isinstance(number, str):
            raise InvalidParameter({path: f"{path}.{PHONE} {'is required' if number is None else 'must be text'}"})
        try:
            phone_number = parse_phone_number(number, region)
        except ValueError as error:
            raise InvalidParameter({path: f"{path}.{PHONE} {error}"}) from error
        fields = {name: value for name, value in item.items() if name != PHONE}
        for name, value in fields.items():
            try:
                check_value(name)
                check_value(value)
            except ValueError as error:
                raise InvalidParameter({path: f"{path}.{truncate(name)} {error}"}) from error
        calls.append(CallInput(phone_number, fields))
    return calls


# --- reporting events -------------------------------------------------------------------------------------------------


def parse_event_time(value: Any) -> Any:
    """Parse an ISO date-time with its zone into milliseconds."""
    if not isinstance(value, str):
        raise ValueError("must be an ISO date-time with its zone, such as 2025-05-01T12:00:00Z")
    return parse_moment_ms(value)


def parse_link(value: str) -> str:
    """Parse an http(s) URL, or an empty string."""
    if value and not value.startswith(("https://", "http://")):
        raise ValueError("must begin with https:// or http://")
    return value


def parse_long_text(value: Any) -> Any:
    """Parse a text that may have several lines."""
    check_value(value)
    return value


def require_call_reference(event: CallEventBody) -> CallEventBody:
    """Refuse an event without a reference to its call."""
    if not event.attempt_id and not event.call_id and not (event.batch_id and event.phone_number):
        raise ValueError("must have attemptId, callId, or batchId and phoneNumber")
    return event


RecordingUrl = Field(
    alias="recordingUrl",
    json_schema_extra={"pattern": "^(https?://.*)?$"},
    examples=["https://recordings.example.com/call-1.mp3"],
)


class CallEventBody(Parameters):
    """One event of a call, identified by attemptId, by callId, or by batchId and phoneNumber.

    Without attemptId, the times of the events decide which attempt it belongs to.
    """

    event_id: Annotated[
        text_type(200, 1, "Counts once, however often it is sent."), Field(alias="eventId", examples=["call-1-end"])
    ]
    attempt_id: Annotated[HexId | None, Field(alias="attemptId")] = None
    call_id: Annotated[HexId | None, Field(alias="callId", examples=["64e5f2aa45abcdef98765433"])] = None
    batch_id: Annotated[HexId | None, Field(alias="batchId")] = None
    phone_number: Annotated[PhoneNumber | None, Field(alias="phoneNumber")] = None
    call_status: Annotated[CallStatus, Field(alias="callStatus", examples=["completed"])]
    call_duration: Annotated[
        whole_number(0, 1_000_000, "Talk time in seconds."), Field(alias="callDuration", examples=[64])
    ] = 0
    recording_url: Annotated[text_type(2000), AfterValidator(parse_link), RecordingUrl] = ""
    transcript: Annotated[
        str,
        Field(max_length=100_000, examples=["Good morning, this is the clinic."]),
        BeforeValidator(parse_long_text),
    ] = ""
    occurred_at: Annotated[
        int | None,
        BeforeValidator(parse_event_time),
        Field(
            alias="occurredAt",
            description="The time of the event, with its zone; the time of receipt by default, and for a time more than"
            " five minutes ahead.",
            json_schema_extra={"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]},
            examples=["2025-05-01T12:01:04.000Z"],
        ),
    ] = None


class CallEventsBody(Parameters):
    """The body of call-events: up to 1000 events of calls."""

    events: Annotated[
        list[Annotated[CallEventBody, AfterValidator(require_call_reference)]],
        Field(min_length=1, max_length=MAX_EVENTS),
    ]
