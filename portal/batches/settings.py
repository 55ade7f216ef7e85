"""The settings of a batch: the fields that createBatch and uploads accept, and how a batch stores them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from portal.dialing.rules import DialingRules
from portal.dialing.windows import ANY_TIME, Window
from portal.ids import parse_id
from portal.models.batch import NAME_LENGTH
from portal.models.call import CallStatus
from portal.times import DAY_MS, format_iso, now_ms
from portal.web.field_types import Zone, name_type, parse_moment_ms, validate_phone_number
from portal.web.parameters import Parameters, text_type, whole_number

CLOCK_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
MAX_CALLING_NUMBERS = 100
MAX_DAYS_AHEAD = 365  # of a scheduled start; pages show it without the year
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


def parse_outcomes(value: Any) -> Any:
    """Return outcomes in order without repetitions. Raises ValueError."""
    if not isinstance(value, list | tuple):
        raise ValueError("must be a list of outcomes")
    if any(outcome not in list(RetryOutcome) for outcome in value):
        raise ValueError(f"must contain only {', '.join(RetryOutcome)}")
    return tuple(outcome for outcome in RetryOutcome if outcome in value)


def validate_start(value: str) -> str:
    """Return the time of a scheduled start in the API's format; empty = none. Raises ValueError."""
    if not value:
        return ""
    starts_at, now = parse_moment_ms(value), now_ms()
    if not now < starts_at <= now + MAX_DAYS_AHEAD * DAY_MS:
        raise ValueError(f"must be in the future, at most {MAX_DAYS_AHEAD} days ahead")
    return format_iso(starts_at)


class RetryOutcome(StrEnum):
    """The outcomes of an attempt after which a call can be retried."""

    BUSY = CallStatus.BUSY
    NO_ANSWER = CallStatus.NO_ANSWER
    FAILED = CallStatus.FAILED
    DROPPED = CallStatus.DROPPED


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


def parse_calling_number(value: str, info: ValidationInfo) -> str:
    """Return a phone id in lower case, or a phone number in E.164. Raises ValueError."""
    return parse_id(value) or validate_phone_number(value, info)


CallingNumber = Annotated[
    text_type(40), AfterValidator(parse_calling_number), Field(examples=["+12025550100", "64e5f0e245abcdef98765435"])
]
CallingNumbers = Annotated[
    list[CallingNumber],
    Field(
        min_length=1,
        max_length=MAX_CALLING_NUMBERS,
        description="The caller IDs, used in rotation: ids of caller numbers, phone numbers, or both.",
    ),
]
Retry = Annotated[
    whole_number(0, 10, "The number of retries of a call, after the outcomes of retryOn."), Field(examples=[2])
]
Delay = Annotated[whole_number(0, 604_800, "Seconds between two attempts."), Field(examples=[900])]
BatchZone = Annotated[Zone, Field(description="The IANA time zone of callingHour and allowedDays.")]
AllowedDays = Annotated[
    tuple[Annotated[int, Field(ge=min(WEEKDAYS), le=max(WEEKDAYS))], ...],
    BeforeValidator(parse_days),
    Field(description="Weekdays, 0 (Sunday) to 6; empty = every day.", examples=[[1, 2, 3, 4, 5]]),
]
RetryOn = Annotated[
    tuple[RetryOutcome, ...],
    Field(min_length=1, description="The outcomes after which a call is retried."),
    BeforeValidator(parse_outcomes),
]
StartTime = Annotated[
    text_type(40),
    AfterValidator(validate_start),
    Field(
        description="When a pending batch with calls becomes active by itself: an ISO date-time with an offset, in the"
        " future; empty = it is started by hand.",
        examples=["2026-11-30T08:00:00.000Z"],
    ),
]
MaxConcurrent = whole_number(0, 1000, "The maximum number of calls of the batch at the same time; 0 = no limit.")
AttemptsPerDay = whole_number(0, 100, "The maximum number of attempts per phone number in 24 hours; 0 = no limit.")
UseCalleeZone = Annotated[
    bool,
    Field(description="Call people only between 08:00 and 21:00 in their own time zone, as well as in callingHour."),
]
EnableDnc = Annotated[
    bool,
    Field(description="Do not call numbers on any do-not-call list. The account's own opt-outs always count."),
]
DEFAULT_RETRY_ON = (RetryOutcome.BUSY, RetryOutcome.NO_ANSWER)


NAME_EXAMPLE = "Marketing Campaign May 2025"


class BatchSettings(Parameters):
    """How the dialer calls the contacts of a batch. New fields come last: generated clients pass them by position."""

    calling_numbers: Annotated[CallingNumbers, Field(alias="callingNumbers")]
    retry: Retry = 0
    delay: Delay = 0
    timezone: BatchZone = "UTC"
    calling_hour: Annotated[
        HourRange | None, Field(alias="callingHour", description="Without it, calls may start at any hour.")
    ] = None
    allowed_days: Annotated[AllowedDays, Field(alias="allowedDays")] = ()
    retry_on: Annotated[RetryOn, Field(alias="retryOn")] = DEFAULT_RETRY_ON
    use_callee_zone: Annotated[UseCalleeZone, Field(alias="useCalleeZone")] = True
    attempts_per_day: Annotated[AttemptsPerDay, Field(alias="attemptsPerDay")] = 0
    max_concurrent: Annotated[MaxConcurrent, Field(alias="maxConcurrent")] = 0
    enable_dnc: Annotated[EnableDnc, Field(alias="enableDNC")] = False
    starts_at: Annotated[StartTime, Field(alias="startsAt")] = ""


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
    retry_on: Annotated[RetryOn | None, Field(alias="retryOn")] = None
    use_callee_zone: Annotated[UseCalleeZone | None, Field(alias="useCalleeZone")] = None
    attempts_per_day: Annotated[AttemptsPerDay | None, Field(alias="attemptsPerDay")] = None
    max_concurrent: Annotated[MaxConcurrent | None, Field(alias="maxConcurrent")] = None
    enable_dnc: Annotated[EnableDnc | None, Field(alias="enableDNC")] = None
    starts_at: Annotated[StartTime | None, Field(alias="startsAt")] = None


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
    "retryOn": list(DEFAULT_RETRY_ON),
    "useCalleeZone": True,
    "attemptsPerDay": 0,
    "maxConcurrent": 0,
    "enableDNC": False,
    "startsAt": None,
}


# The settings for which calls are held: a change of them releases held calls.
RULE_SETTINGS = {"timezone", "callingHour", "allowedDays", "useCalleeZone", "attemptsPerDay", "enableDNC"}


def settings_columns(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a batch with these settings. The scheduled start has a column, by which it is found."""
    starts_at = settings.get("startsAt")
    return {
        "settings": {name: value for name, value in settings.items() if name != "startsAt"},
        "starts_at": parse_moment_ms(starts_at) if starts_at else None,
    }


def effective_settings(batch: Any) -> dict[str, Any]:
    """Return the settings of a batch or its row, with defaults for those that it does not store."""
    stored = dict(batch.settings)
    if batch.starts_at is not None:
        stored["startsAt"] = format_iso(batch.starts_at)
    return {name: stored.get(name, default) for name, default in SETTING_DEFAULTS.items()}


def changed_settings(changes: BatchChanges) -> dict[str, Any]:
    """Return the settings that a request changes, by their API names."""
    changed = changes.model_dump(by_alias=True, mode="json", exclude=NOT_SETTINGS, exclude_none=True)
    if (hours := changes.calling_hour) and hours.start == hours.end:
        changed["callingHour"] = None
    if changes.starts_at == "":
        changed["startsAt"] = None
    return changed


def dialing_rules(settings: Mapping[str, Any]) -> DialingRules:
    """Return the rules in stored settings."""
    hour, days = settings.get("callingHour"), tuple(settings.get("allowedDays", ()))
    window = Window(hour["start"], hour["end"], days) if hour else Window(days=days) if days else ANY_TIME
    return DialingRules(
        window=window,
        zone=settings.get("timezone", "UTC"),
        use_callee_zone=settings.get("useCalleeZone", True),
        attempts_per_day=settings.get("attemptsPerDay", 0),
    )
