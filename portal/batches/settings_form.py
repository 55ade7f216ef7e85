"""The form of a batch's name and settings: the same fields create a batch from a file and change an existing one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from portal.batches.settings import RetryOutcome
from portal.dialing.descriptions import WEEKDAYS
from portal.models import CallStatus
from portal.times import datetime_at, datetime_to_ms, find_zone, format_iso, zone_or_utc
from portal.trunks.presenter import CallerNumberView
from portal.web.field_types import parse_moment_ms

TEXT_FIELDS = ("batchName", "timezone")
NUMBER_FIELDS = ("retry", "delay", "attemptsPerDay", "maxConcurrent")
LIMITS = ("attemptsPerDay", "maxConcurrent")  # empty = no limit
WEEKDAY_DIGITS = tuple("0123456")
ALL_DAY = {"start": "00:00", "end": "00:00"}
LOCAL_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?", re.ASCII)

# Messages for fields whose form differs from the API's.
PROBLEM_TEXTS = {
    "start": "enter both times, such as 09:00 and 17:00",
    "end": "enter both times, such as 09:00 and 17:00",
    "retryOn": "select at least one outcome",
}


@dataclass(frozen=True)
class SettingsForm:
    """The fields of the form: a text, a list or a bool each, the problems by field, and the menu of caller numbers."""

    values: Mapping[str, Any]
    problems: Mapping[str, str]
    caller_numbers: Sequence[CallerNumberView]

    weekdays = WEEKDAYS
    outcomes = tuple((outcome, CallStatus(outcome).label) for outcome in RetryOutcome)

    @property
    def has_problems_in_details(self) -> bool:
        """Return whether a field other than the name and the caller IDs has a problem."""
        return bool(set(self.problems) & set(self.values) - {"batchName", "callingNumbers"})


def settings_form(
    name: str,
    settings: Mapping[str, Any],
    sent: MultiDict[str, str],
    problems: Mapping[str, str],
    caller_numbers: Sequence[CallerNumberView],
) -> SettingsForm:
    """Return the form with what was sent, or else with the name and the settings (by their API names)."""
    hours = settings["callingHour"] or {"start": "", "end": ""}
    values: dict[str, Any] = {
        "batchName": name,
        "callingNumbers": settings["callingNumbers"],
        "start": hours["start"],
        "end": hours["end"],
        "allowedDays": [str(day) for day in settings["allowedDays"]],
        "timezone": settings["timezone"],
        "useCalleeZone": settings["useCalleeZone"],
        "enableDNC": settings["enableDNC"],
        "retryOn": settings["retryOn"],
        "startsAt": local_start(settings),
    }
    values |= {
        field: "" if field in LIMITS and not settings[field] else str(settings[field]) for field in NUMBER_FIELDS
    }
    if sent:
        values = {field: sent_value(sent, field, value) for field, value in values.items()}
        values["callingNumbers"] = read_calling_numbers(sent)
    return SettingsForm(values, problems, caller_numbers)


def sent_value(sent: MultiDict[str, str], field: str, value: Any) -> Any:
    """Return a field as it was sent, in the type of its value."""
    if isinstance(value, list):
        return sent.getlist(field)
    return "true" in sent.getlist(field) if isinstance(value, bool) else sent.get(field, value)


def read_settings_fields(sent: MultiDict[str, str]) -> dict[str, Any]:
    """Return the fields of the form as the API's parameters. Fields that were not sent are left out."""
    given: dict[str, Any] = {field: sent[field] for field in TEXT_FIELDS if field in sent}
    given |= {field: sent[field].strip() or "0" for field in NUMBER_FIELDS if field in sent}
    given["callingNumbers"] = read_calling_numbers(sent)
    given["allowedDays"] = [int(day) for day in sent.getlist("allowedDays") if day in WEEKDAY_DIGITS]
    if "retryOn" in sent:  # with an empty value beside the selected ones
        given["retryOn"] = [outcome for outcome in sent.getlist("retryOn") if outcome]
    given |= {field: "true" in sent.getlist(field) for field in ("useCalleeZone", "enableDNC") if field in sent}
    start, end = sent.get("start", ""), sent.get("end", "")
    if start or end:
        given["callingHour"] = {"start": start, "end": end}
    if "startsAt" in sent:
        given["startsAt"] = read_local_start(sent["startsAt"], sent.get("timezone", ""))
    return given


def read_calling_numbers(sent: MultiDict[str, str]) -> list[str]:
    """Return the numbers chosen from the menu and those typed beside it."""
    return [number for text in sent.getlist("callingNumbers") for number in split_numbers(text)]


def split_numbers(text: str) -> list[str]:
    """Split a list of numbers at line breaks, commas and semicolons."""
    numbers = (number.strip() for number in text.replace("\n", ",").replace(";", ",").split(","))
    return [number for number in numbers if number]


def local_start(settings: Mapping[str, Any]) -> str:
    """Return the scheduled start as the form shows it, in the zone of the batch: 2026-11-30T09:00."""
    if not settings["startsAt"]:
        return ""
    starts_at = datetime_at(parse_moment_ms(settings["startsAt"]), zone_or_utc(settings["timezone"]))
    return starts_at.replace(tzinfo=None).isoformat(timespec="minutes")


def read_local_start(text: str, zone: str) -> str:
    """Return a date and time in a zone in the API's format; text of another form unchanged."""
    try:
        local = datetime.fromisoformat(text) if LOCAL_TIME.fullmatch(text) else None
    except ValueError:  # a day that does not exist
        local = None
    return text if local is None else format_iso(datetime_to_ms(local, zone_or_utc(find_zone(zone) or "UTC")))


def problems_by_field(problems: Mapping[str, str]) -> dict[str, str]:
    """Return problems by field of the form, without the API's names: callingNumbers[0] becomes callingNumbers."""
    by_field: dict[str, str] = {}
    for name, message in problems.items():
        field = {"callingHour.start": "start", "callingHour.end": "end"}.get(name, name.partition("[")[0])
        text = PROBLEM_TEXTS.get(field) or message.removeprefix(name).strip()
        by_field.setdefault(field, "enter a date and a time" if "ISO date-time" in text else text)
    return by_field
