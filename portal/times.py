"""Times: milliseconds since 1970 UTC in code and database, ISO 8601 in the API, text on pages."""

from __future__ import annotations

import re
import time
import unicodedata
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from portal.text import fold

EPOCH = datetime(1970, 1, 1)
MILLISECOND = timedelta(milliseconds=1)
DAY_MS = 86_400_000
YOUNG_MS = 6 * 3_600_000  # up to this age, a relative time is in minutes or hours

# The areas whose zones are named after cities; others are former names and fixed offsets.
AREAS = {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
# Files beside the zones: the machine's own setting, and the placeholder of machines without one.
NOT_ZONES = {"localtime", "Factory"}

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
# T and Z may be in lower case (RFC 3339, section 5.6).
ISO_DATE_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?([Zz]|[+-]([01]\d|2[0-3]):?[0-5]\d)?",
    re.ASCII,
)
# In a URL, + means a blank: the offset of a date-time that was sent without encoding it.
DECODED_PLUS = re.compile(r"[0-9-]{10}[Tt][0-9:.]{5,18} [0-9]{2}:?[0-9]{2}")


def now_ms() -> int:
    """Return the current time in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


@lru_cache(maxsize=16_384)  # lists show the same rows many times
def format_iso(ms: int) -> str:
    """Return a time in the contract's format, ISO 8601 in UTC: 2025-05-01T12:00:00.000Z."""
    moment = EPOCH + timedelta(milliseconds=ms)
    return f"{moment.isoformat(timespec='milliseconds')}Z"


def format_optional_iso(ms: int | None) -> str | None:
    """Return a time in the same format, or None."""
    return None if ms is None else format_iso(ms)


def datetime_at(ms: int, zone: tzinfo) -> datetime:
    """Return a time as a datetime in `zone`."""
    return (EPOCH + timedelta(milliseconds=ms)).replace(tzinfo=UTC).astimezone(zone)


@lru_cache(maxsize=1)
def list_zones() -> tuple[str, ...]:
    """Return the names of the IANA time zones that menus offer, sorted: those named after a place, and UTC."""
    return tuple(sorted(name for name in known_zones() if "/" in name or name == "UTC"))


@lru_cache(maxsize=1)
def known_zones() -> frozenset[str]:
    """Return all names of IANA time zones on this machine, such as Europe/Paris, UTC, GMT and EST."""
    return frozenset(available_timezones() - NOT_ZONES)


@lru_cache(maxsize=1)
def zones_by_words() -> dict[str, str]:
    """Return the zones by their folded names, and by those of their cities: "europe/paris" and "paris"."""
    places = [name for name in list_zones() if name.partition("/")[0] in AREAS]
    return {fold_place(zone_city(name)): name for name in places} | {fold_place(name): name for name in known_zones()}


def fold_place(name: str) -> str:
    """Return the name of a zone or city without case, accents and underscores: "sao paulo"."""
    letters = unicodedata.normalize("NFD", name.replace("_", " "))
    return fold("".join(letter for letter in letters if not unicodedata.combining(letter)))


def find_zone(text: str) -> str | None:
    """Return the IANA time zone that a text names in any case: Europe/Paris, europe/paris, Paris, New York, GMT."""
    return text if text in known_zones() else zones_by_words().get(fold_place(text))


def zone_city(name: str) -> str:
    """Return the last part of an IANA name, as people say it: "New York" for America/New_York."""
    return name.rpartition("/")[2].replace("_", " ")


def zone_or_utc(name: str) -> ZoneInfo:
    """Return the zone with this name, or UTC if the machine's zone data does not include it."""
    return ZoneInfo(name if name in known_zones() else "UTC")


class TimeFormatError(ValueError):
    """Text that is not an ISO date or date-time; the message shows examples, or how to encode an offset in a URL."""

    def __init__(self, text: str = "") -> None:
        if DECODED_PLUS.fullmatch(text):
            super().__init__(
                "must be an ISO date or date-time with + encoded as %2B, such as 2025-05-01T12:00:00%2B02:00"
            )
        else:
            super().__init__("must be an ISO date or date-time, such as 2025-05-01 or 2025-05-01T12:00:00Z")


def parse_moment_range(text: str, zone: tzinfo) -> tuple[int, int]:
    """Return the first and last millisecond of an ISO date or date-time. Raises TimeFormatError.

    A date is the whole day in `zone`; a date-time without an offset is in `zone`. A date-time between two milliseconds
    starts at the later one and ends at the earlier one, so that a range never includes a time outside its bounds.
    """
    try:
        if ISO_DATE.fullmatch(text):
            day = date.fromisoformat(text)
            return day_start_ms(day, zone), day_start_ms(day, zone, days=1) - 1
        if not ISO_DATE_TIME.fullmatch(text):
            raise TimeFormatError(text)
        seconds, dot, rest = text.upper().partition(".")
        fraction = re.match(r"\d*", rest).group() if dot else ""
        moment = datetime.fromisoformat(seconds + rest[len(fraction) :])
    except ValueError as error:
        raise error if isinstance(error, TimeFormatError) else TimeFormatError(text) from error
    whole = datetime_to_ms(moment, zone)
    nanos = int(fraction.ljust(9, "0")) if fraction else 0
    return whole + -(-nanos // 1_000_000), whole + nanos // 1_000_000


def datetime_to_ms(moment: datetime, zone: tzinfo) -> int:
    """Return the milliseconds since 1970 UTC of a date-time, which is in `zone` if it has no offset."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    # astimezone() overflows at the ends of the calendar, so subtract the offset here.
    return (moment.replace(tzinfo=None) - EPOCH - (moment.utcoffset() or timedelta())) // MILLISECOND


def day_start_ms(day: date, zone: tzinfo, days: int = 0) -> int:
    """Return the first millisecond of the day `days` after `day` in `zone`."""
    midnight = datetime(day.year, day.month, day.day)
    if midnight.date() == date.max and days:
        return datetime_to_ms(midnight, zone) + days * DAY_MS
    return datetime_to_ms(midnight + timedelta(days=days), zone)


def format_relative(ms: int, now: int, zone: tzinfo) -> str:
    """Return a time relative to now, or its date if it is more than a week ago or in the future."""
    minutes = (now - ms) // 60_000
    if 0 <= minutes < 1:
        return "just now"
    if 0 <= minutes < 60:
        return f"{minutes} min ago"
    if 0 <= now - ms < YOUNG_MS:
        return f"{minutes // 60} h ago"
    then, today = datetime_at(ms, zone), local_day(now, zone)
    days = (today - then.date()).days
    if days == 0:
        return f"today, {then:%H:%M}"
    if days == 1:
        return f"yesterday, {then:%H:%M}"
    if 1 < days < 7:
        return f"{days} days ago"
    return f"{then.day} {then:%b}" if then.year == today.year else f"{then.day} {then:%b %Y}"


@lru_cache(maxsize=64)  # called for every row of a list
def local_day(now: int, zone: tzinfo) -> date:
    """Return today's date in `zone`."""
    return datetime_at(now, zone).date()


def format_minute(ms: int, zone: tzinfo) -> str:
    """Return a time to the minute: Tue 17 Nov, 08:00."""
    then = datetime_at(ms, zone)
    return f"{then:%a} {then.day} {then:%b, %H:%M}"


@lru_cache(maxsize=16_384)
def format_exact(ms: int, zone: tzinfo) -> str:
    """Return a time to the second with its zone: Tue 17 Nov 2026, 08:00:12 Europe/Lisbon (UTC+00:00)."""
    then = datetime_at(ms, zone)
    offset = then.strftime("%z")
    return f"{then:%a} {then.day} {then:%b %Y, %H:%M:%S} {zone} (UTC{offset[:3]}:{offset[3:5]})"


def format_duration(seconds: int) -> str:
    """Format a duration: 48 s, 3 min 12 s, 1 h 02 min."""
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02} min"
