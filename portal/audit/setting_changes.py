"""Describe changes of a batch's settings (portal/batches/settings.py) as pages name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from portal.dialing.descriptions import describe_days, describe_hours, describe_time
from portal.dialing.windows import ANY_TIME, Window
from portal.models import CallStatus
from portal.web.field_types import parse_moment_ms

MAX_SECONDS = 120  # longer delays are shown in minutes, if these are whole


def format_limit(limit: int) -> str:
    """Format a number whose zero means no limit."""
    return f"{limit:,}" if limit else "no limit"


def format_seconds(seconds: int) -> str:
    """Format a delay: "90 s", "15 min"."""
    return f"{seconds:,} s" if seconds <= MAX_SECONDS or seconds % 60 else f"{seconds // 60:,} min"


def format_hours(hours: Mapping[str, str] | None) -> str:
    """Format calling hours: "09:00 to 17:00"."""
    return describe_hours(Window(hours["start"], hours["end"]) if hours else ANY_TIME)


# The name of each setting, and how its values are shown; caller IDs are not, because the log has no phone numbers.
SETTINGS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "callingNumbers": ("caller IDs", str),
    "retry": ("retries", str),
    "delay": ("delay", format_seconds),
    "retryOn": ("retried outcomes", lambda outcomes: ", ".join(map(CallStatus.label_of, outcomes)).lower()),
    "timezone": ("time zone", str),
    "callingHour": ("calling hours", format_hours),
    "allowedDays": ("days", lambda days: describe_days(tuple(days)) if days else "every day"),
    "useCalleeZone": ("hours in the callee's time zone", lambda is_on: "on" if is_on else "off"),
    "attemptsPerDay": ("attempts in 24 hours", format_limit),
    "maxConcurrent": ("simultaneous calls", format_limit),
    "enableDNC": ("do-not-call lists", lambda is_on: "all" if is_on else "own"),
    "startsAt": ("scheduled start", lambda at: describe_time(parse_moment_ms(at), "UTC") if at else "none"),
}


def describe_changed_settings(details: Mapping[str, Any]) -> str:
    """Describe the changes of an entry: "retries (0 → 2), caller IDs".

    Entries of earlier releases have no values, and those of later releases may have settings of theirs.
    """
    old, new = details.get("from", {}), details.get("to", {})
    texts = []
    for name in details.get("changed", ()):
        label, format_setting = SETTINGS.get(name, (name, str))
        values = f" ({format_setting(old[name])} → {format_setting(new[name])})" if name in new else ""
        texts.append(f"{label}{values}")
    return ", ".join(texts)
