"""The settings of a batch: the fields that createBatch and uploads accept, and how a batch stores them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from portal.batches.calling_hours import CallingHours
from portal.models.batch import NAME_LENGTH
from portal.web.field_types import PhoneNumber, Zone, name_type
from portal.web.parameters import Parameters, text_type, whole_number

CLOCK_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
MAX_CALLING_NUMBERS = 100
WEEKDAYS = range(7)


def validate_clock_time(value: str) -> str:
    """Return a time of day, HH:MM. Raises ValueError."""
    if not CLOCK_TIME.fullmatch(value):
        raise ValueError("must be a time of day, such as 09:00")
    return value


def parse_days(value: Any) -> Any:
    """Return weekdays in order without repetitions. Raises ValueError."""
    if not isinstance(value, list | tuple):
        raise ValueError("must be a list of weekdays, 0 (Sunday) to 6")
    # `in` compares by value: 1.0 is a whole number in JSON, and true is not.
    if any(isinstance(day, bool) or day not in WEEKDAYS for day in value):
        raise ValueError("must contain only weekdays, 0 (Sunday) to 6")
    return tuple(sorted({int(day) for day in value}))


ClockTime = Annotated[
    text_type(5),
    AfterValidator(validate_clock_time),
    Field(json_schema_extra={"pattern": f"^({CLOCK_TIME.pattern})$"}),
]
BatchName = name_type(NAME_LENGTH, minimum=1, description="The name of the batch, with a visible character.")


class BatchType(StrEnum):
    """The direction of a batch: outbound calls only, or callbacks as well."""

    OUTBOUND = "outbound"
    MIXED = "mixed"


class HourRange(Parameters):
    """The hours of the day in which calls may start; past midnight if start is later than end."""

    start: Annotated[ClockTime, Field(examples=["09:00"])]
    end: Annotated[ClockTime, Field(examples=["17:00"])]


CallingNumbers = Annotated[
    list[PhoneNumber],
    Field(min_length=1, max_length=MAX_CALLING_NUMBERS, description="The caller IDs to call from."),
]
Retry = Annotated[whole_number(0, 10, "The number of retries of an unanswered call."), Field(examples=[2])]
Delay = Annotated[whole_number(0, 604_800, "Seconds between two attempts."), Field(examples=[900])]
BatchZone = Annotated[Zone, Field(description="The IANA time zone of the calling hours.")]
AllowedDays = Annotated[
    tuple[Annotated[int, Field(ge=min(WEEKDAYS), le=max(WEEKDAYS))], ...],
    BeforeValidator(parse_days),
    Field(description="Weekdays, 0 (Sunday) to 6; empty = every day.", examples=[[1, 2, 3, 4, 5]]),
]


NAME_EXAMPLE = "Marketing Campaign May 2025"


class BatchSettings(Parameters):
    """How the dialer calls the contacts of a batch."""

    calling_numbers: Annotated[CallingNumbers, Field(alias="callingNumbers")]
    retry: Retry = 0
    delay: Delay = 0
    timezone: BatchZone = "UTC"
    calling_hour: Annotated[
        HourRange | None, Field(alias="callingHour", description="Without it, calls may start at any hour.")
    ] = None
    allowed_days: Annotated[AllowedDays, Field(alias="allowedDays")] = ()


class NewBatch(BatchSettings):
    """The body of createBatch: a batch without calls."""

    batch_name: Annotated[BatchName, Field(alias="batchName", examples=[NAME_EXAMPLE])]


class BatchChanges(Parameters):
    """The body that changes a batch: its name and any of its settings. null and missing fields do not change."""

    batch_name: Annotated[BatchName | None, Field(alias="batchName", examples=[NAME_EXAMPLE])] = None
    calling_numbers: Annotated[CallingNumbers | None, Field(alias="callingNumbers")] = None
    retry: Retry | None = None
    delay: Delay | None = None
    timezone: BatchZone | None = None
    calling_hour: Annotated[HourRange | None, Field(alias="callingHour", description="00:00 to 00:00 = all day.")] = (
        None
    )
    allowed_days: Annotated[AllowedDays | None, Field(alias="allowedDays")] = None


# Fields of forms and bodies that are not settings.
NOT_SETTINGS = {"batch_name", "user_id", "file", "type", "invalid_rows"}


def stored_settings(settings: BatchSettings) -> dict[str, Any]:
    """Return the settings as a batch stores them: by their API names, without default values."""
    return settings.model_dump(by_alias=True, mode="json", exclude=NOT_SETTINGS, exclude_defaults=True)


# The settings of a batch in the API's answers, with the values of those that it does not store.
SETTING_DEFAULTS: dict[str, Any] = {
    "callingNumbers": [],
    "retry": 0,
    "delay": 0,
    "timezone": "UTC",
    "callingHour": None,
    "allowedDays": [],
}


def effective_settings(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a batch's settings with defaults for those that it does not store."""
    return {name: stored.get(name, default) for name, default in SETTING_DEFAULTS.items()}


def changed_settings(changes: BatchChanges) -> dict[str, Any]:
    """Return the settings that a request changes, by their API names."""
    return changes.model_dump(by_alias=True, mode="json", exclude=NOT_SETTINGS, exclude_none=True)


def calling_hours_from(settings: dict[str, Any]) -> CallingHours | None:
    """Return the calling hours in stored settings; None if calls may start at any time."""
    hour, days = settings.get("callingHour"), tuple(settings.get("allowedDays", ()))
    if not hour and not days:
        return None
    hour = hour or {"start": "00:00", "end": "00:00"}
    return CallingHours(settings.get("timezone", "UTC"), hour["start"], hour["end"], days)
