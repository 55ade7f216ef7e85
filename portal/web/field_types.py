"""Types of request fields, for query strings, forms and JSON bodies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema

from portal.contacts.phone_numbers import list_regions, parse_phone_number
from portal.ids import parse_id
from portal.text import check_name
from portal.times import ISO_DATE, ISO_DATE_TIME, TimeFormatError, find_zone, parse_moment_range
from portal.web.parameters import TEXT_PATTERN, text_type


def parse_hex_id(value: str) -> str:
    """Return an id in lower case. Raises ValueError."""
    parsed = parse_id(value)
    if parsed is None:
        raise ValueError("must be 24 hexadecimal characters")
    return parsed


# The characters that check_name accepts, for the OpenAPI document.
NAME_PATTERN = TEXT_PATTERN.replace("]*$", r"\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$")


def name_type(maximum: int, minimum: int = 0, description: str = "") -> Any:
    """Return the type of a name of this length in characters, with at least one visible character."""
    pattern = Field(json_schema_extra={"pattern": NAME_PATTERN})
    return Annotated[text_type(maximum, minimum, description), pattern, AfterValidator(check_name)]


HexId = Annotated[
    str,
    AfterValidator(parse_hex_id),
    Field(
        json_schema_extra={"pattern": "^[0-9a-fA-F]{24}$"},
        description="24 hexadecimal characters.",
        examples=["64e5f12345abcdef98765432"],
    ),
]

HAS_OFFSET = re.compile(r"([Zz]|[+-]\d\d:?\d\d)$", re.ASCII)
YEAR_9999_MS = 253_370_764_800_000


def parse_moment_ms(value: str) -> int:
    """Return the milliseconds since 1970 UTC of a date-time with an offset. Raises ValueError."""
    try:
        moment = parse_moment_range(value, UTC)[1] if HAS_OFFSET.search(value) else None
    except TimeFormatError:
        moment = None
    if moment is None:
        raise ValueError("must be an ISO date-time with an offset, such as 2025-05-01T12:00:00Z")
    if not 0 <= moment < YEAR_9999_MS:
        raise ValueError("must be in the years 1970 to 9998")
    return moment


def validate_phone_number(value: str, info: ValidationInfo) -> str:
    """Return a phone number in E.164; a national number belongs to the region of the request. Raises ValueError."""
    return parse_phone_number(value, (info.context or {}).get("region", ""))


PhoneNumber = Annotated[text_type(40), AfterValidator(validate_phone_number), Field(examples=["+12025550101"])]


def validate_zone(value: str) -> str:
    """Return the IANA time zone that a name or a city means. Raises ValueError."""
    zone = find_zone(value)
    if zone is None:
        raise ValueError("must be an IANA time zone, such as Europe/Lisbon, or its city, such as Lisbon")
    return zone


Zone = Annotated[text_type(64), AfterValidator(validate_zone), Field(examples=["Europe/Lisbon"])]


def validate_region(value: str) -> str:
    """Return a region with a known format of national numbers; "" = none. Raises ValueError."""
    if value and value not in list_regions():
        raise ValueError("must be a two-letter country code, such as US")
    return value


Region = Annotated[text_type(2), AfterValidator(validate_region), Field(examples=["US"])]


@dataclass(frozen=True)
class MomentRange:
    """A date or date-time as it was sent, with its first and last millisecond."""

    text: str
    first_ms: int
    last_ms: int

    def __str__(self) -> str:
        return self.text

    @property
    def day(self) -> str:
        """Return the date as YYYY-MM-DD."""
        return self.text[:10]


def parse_moment(value: Any, info: ValidationInfo) -> MomentRange:
    """Return an ISO date or date-time, in the zone of the request. Raises ValueError."""
    if isinstance(value, MomentRange):
        return value
    zone = (info.context or {}).get("zone", UTC)
    return MomentRange(value, *parse_moment_range(value, zone))


# The accepted forms: more than JSON Schema's date and date-time, which require seconds and an offset.
DATE_SCHEMA = {
    "type": "string",
    "pattern": f"^({ISO_DATE.pattern}|{ISO_DATE_TIME.pattern})$",
    "examples": ["2025-05-01T12:00:00Z", "2025-05-01"],
}
DateBound = Annotated[MomentRange, BeforeValidator(parse_moment), WithJsonSchema(DATE_SCHEMA)]
