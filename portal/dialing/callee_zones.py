"""The time zones in which a callee may be: those of the phone number, or the one that the contact's file names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumber
from phonenumbers.timezone import time_zones_for_geographical_number, time_zones_for_number

from portal.times import find_zone, known_zones

ZONE_COLUMN = "timezone"
SEPARATORS = str.maketrans("", "", " _-")
NO_ZONE = "-"  # stored for a contact without a known zone


def find_zone_set(number: str, fields: Mapping[str, Any]) -> str:
    """Return the zones of a contact as calls store them."""
    return ",".join(find_zones(number, fields)) or NO_ZONE


@lru_cache(maxsize=4096)
def split_zone_set(zone_set: str) -> tuple[str, ...]:
    """Return the zones in a stored text."""
    return () if zone_set == NO_ZONE else tuple(zone_set.split(","))


def find_zones(number: str, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the time zones in which a contact may be; empty if none is known.

    A field of the contact named timezone ("Time zone", "time_zone") with an IANA zone or its city wins over the number.
    """
    for name, value in fields.items():
        if is_zone_column(name) and (zone := find_zone(str(value).strip())):
            return (zone,)
    return find_number_zones(number)


@lru_cache(maxsize=1024)
def is_zone_column(name: str) -> bool:
    """Return whether a column has this name because its values are time zones."""
    return name.translate(SEPARATORS).casefold() == ZONE_COLUMN


def find_number_zones(number: str) -> tuple[str, ...]:
    """Return the time zones of an E.164 number; empty if none is known.

    Most numbers have one, a number without a place (+1 800) has all of its country. Of a number in a range that is not
    in use, the prefix decides.
    """
    parsed = split_number(number)
    zones = keep_known(time_zones_for_number(parsed))
    return zones or keep_known(time_zones_for_geographical_number(parsed))


def split_number(number: str) -> PhoneNumber:
    """Return an E.164 number in its parts, in a fraction of the time that phonenumbers takes to parse it."""
    digits = number.removeprefix("+")
    length = next((length for length in (1, 2) if int(digits[:length]) in COUNTRY_CODE_TO_REGION_CODE), 3)
    national = digits[length:]
    zeros = len(national) - len(national.lstrip("0"))
    return PhoneNumber(
        country_code=int(digits[:length]),
        national_number=int(national),
        italian_leading_zero=zeros > 0 or None,
        number_of_leading_zeros=zeros if zeros > 1 else None,
    )


@cache  # phonenumbers has a few hundred different sets
def keep_known(zones: tuple[str, ...]) -> tuple[str, ...]:
    """Return the zones that this machine knows; phonenumbers has a name for an unknown one."""
    return tuple(zone for zone in zones if zone in known_zones())
