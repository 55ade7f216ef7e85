"""The settings of a batch: the fields that createBatch and uploads accept, and how a batch stores them."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from portal.batches.calling_hours import CallingHours
from portal.models.batch import NAME_LENGTH
from portal.web.field_types import PhoneNumber, Zone
from portal.web.parameters import Parameters, text_type, whole_number

CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d", re.ASCII)
MAX_CALLING_NUMBERS = 100


def validate_clock_time(value: str) -> str:
    """Return a time of day, HH:MM. Raises ValueError."""
    if not CLOCK_TIME.fullmatch(value):
        raise ValueError("must be a time of day, such as 09:00")
    return value


def parse_days(value: Any) -> Any:
    """Return weekdays in order without repetitions. Raises ValueError."""
    if not isinstance(value, list | tuple):
        raise ValueError("must be a list of weekdays, 0 (Sunday) to 6")
    if not all(isinstance(day, int) and not isinstance(day, bool) and 0 <= day <= 6 for day in value):
        raise ValueError("must contain only weekdays, 0 (Sunday) to 6")
    return tuple(sorted(set(value)))


ClockTime = Annotated[text_type(5), AfterValidator(validate_clock_time), Field(examples=["09:00"])]
BatchName = text_type(NAME_LENGTH, minimum=1, description="The name of the batch.")


class BatchType(StrEnum):
    """The direction of a batch: outbound calls only, or callbacks as well."""

    OUTBOUND = "outbound"
    MIXED = "mixed"


class HourRange(Parameters):
    """The hours of the day in which calls may start; past midnight if start is later than end."""

    start: ClockTime
    end: ClockTime


class BatchSettings(Parameters):
    """How the dialer calls the contacts of a batch."""

    calling_numbers: Annotated[
        list[PhoneNumber],
        Field(
            alias="callingNumbers",
            min_length=1,
            max_length=MAX_CALLING_NUMBERS,
            description="The caller IDs to call from.",
        ),
    ]
    retry: whole_number(0, 10, "The number of retries of an unanswered call.") = 0
    delay: whole_number(0, 604_800, "Seconds between two attempts.") = 0
    timezone: Annotated[Zone, Field(description="The IANA time zone of the calling hours.")] = "UTC"
    calling_hour: Annotated[HourRange | None, Field(alias="callingHour", description="null = all day.")] = None
    allowed_days: Annotated[
        tuple[int, ...],
        BeforeValidator(parse_days),
        Field(alias="allowedDays", description="Weekdays, 0 (Sunday) to 6; empty = every day."),
    ] = ()


class NewBatch(BatchSettings):
    """The body of createBatch: a batch without calls."""

    batch_name: Annotated[BatchName, Field(alias="batchName")]


# Fields of forms and bodies that are not settings.
NOT_SETTINGS = {"batch_name", "user_id", "file", "type", "invalid_rows"}


def stored_settings(settings: BatchSettings) -> dict[str, Any]:
    """Return the settings as a batch stores them: by their API names, without default values."""
    return settings.model_dump(by_alias=True, mode="json", exclude=NOT_SETTINGS, exclude_defaults=True)


def calling_hours_from(settings: dict[str, Any]) -> CallingHours | None:
    """Return the calling hours in stored settings; None if calls may start at any time."""
    hour, days = settings.get("callingHour"), tuple(settings.get("allowedDays", ()))
    if not hour and not days:
        return None
    hour = hour or {"start": "00:00", "end": "00:00"}
    return CallingHours(settings.get("timezone", "UTC"), hour["start"], hour["end"], days)
