"""How a batch is to be called: what createBatch and upload take, and what is kept in a batch's `settings`."""

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


def parse_clock_time(value: str) -> str:
    """A time of the day, HH:MM."""
    if not CLOCK_TIME.fullmatch(value):
        raise ValueError("must be a time of the day, such as 09:00")
    return value


def parse_days(value: Any) -> Any:
    """Days of the week, each once, in order."""
    if not isinstance(value, list | tuple):
        raise ValueError("must be a list of days, 0 = Sunday to 6")
    if not all(isinstance(day, int) and not isinstance(day, bool) and 0 <= day <= 6 for day in value):
        raise ValueError("must hold days from 0 = Sunday to 6 alone")
    return tuple(sorted(set(value)))


ClockTime = Annotated[text_type(5), AfterValidator(parse_clock_time), Field(examples=["09:00"])]
BatchName = text_type(NAME_LENGTH, minimum=1, description="What people call the batch.")


class BatchType(StrEnum):
    """Whether the batch only calls, or is called back, too."""

    OUTBOUND = "outbound"
    MIXED = "mixed"


class HourRange(Parameters):
    """The hours of the day in which calls are made; where start is later than end, over midnight."""

    start: ClockTime
    end: ClockTime


class BatchSettings(Parameters):
    """How the dialer is to go about a batch."""

    calling_numbers: Annotated[
        list[PhoneNumber],
        Field(
            alias="callingNumbers",
            min_length=1,
            max_length=MAX_CALLING_NUMBERS,
            description="The numbers to call from.",
        ),
    ]
    retry: whole_number(0, 10, "How often an unanswered call is tried again.") = 0
    delay: whole_number(0, 604_800, "Seconds between two tries.") = 0
    timezone: Annotated[Zone, Field(description="IANA time zone of the hours.")] = "UTC"
    calling_hour: Annotated[HourRange | None, Field(alias="callingHour", description="None = all day.")] = None
    allowed_days: Annotated[
        tuple[int, ...],
        BeforeValidator(parse_days),
        Field(alias="allowedDays", description="Days of the week, 0 = Sunday to 6; none = every day."),
    ] = ()


class NewBatch(BatchSettings):
    """createBatch: a batch that is still to be filled."""

    batch_name: Annotated[BatchName, Field(alias="batchName")]


# What is sent with the settings and is no part of them.
NOT_SETTINGS = {"batch_name", "user_id", "file", "type", "invalid_rows"}


def stored_settings(settings: BatchSettings) -> dict[str, Any]:
    """What a batch keeps of its settings: by the API's names, without what was left at its default."""
    return settings.model_dump(by_alias=True, mode="json", exclude=NOT_SETTINGS, exclude_defaults=True)


def calling_hours_from(settings: dict[str, Any]) -> CallingHours | None:
    """The calling window that a batch keeps; None where calls may be made at any time."""
    hour, days = settings.get("callingHour"), tuple(settings.get("allowedDays", ()))
    if not hour and not days:
        return None
    hour = hour or {"start": "00:00", "end": "00:00"}
    return CallingHours(settings.get("timezone", "UTC"), hour["start"], hour["end"], days)
