"""Field types."""

from __future__ import annotations

import re
from datetime import UTC
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema

from portal.contacts.numbers import read_number, regions
from portal.ids import parse_id
from portal.parameters import Moment, as_moment, text
from portal.times import ISO_DATE, ISO_DATE_TIME, moment_ms, zone_names


def as_id(value: str) -> str:
    """24 hexadecimal characters, in lower case."""
    found = parse_id(value)
    if found is None:
        raise ValueError("must be 24 hexadecimal characters")
    return found


Id = Annotated[str, AfterValidator(as_id), Field(json_schema_extra={"pattern": "^[0-9a-fA-F]{24}$"})]


HAS_OFFSET = re.compile(r"(Z|[+-]\d\d:?\d\d)$", re.ASCII)


YEAR_9999_MS = 253_370_764_800_000


def as_moment_ms(value: str) -> int:
    """A moment that needs no guessing of its zone, in milliseconds since 1970 UTC."""
    if not HAS_OFFSET.search(value):
        raise ValueError("must be an ISO date-time with its zone, such as 2025-05-01T12:00:00Z")
    moment = moment_ms(value, UTC)[1]
    if not 0 <= moment < YEAR_9999_MS:
        raise ValueError("must be in the years 1970 to 9998")
    return moment


def as_phone_number(value: str, info: ValidationInfo) -> str:
    """A phone number as E.164; a national one is of the reading's region."""
    return read_number(value, (info.context or {}).get("region", ""))


PhoneNumber = Annotated[text(40), AfterValidator(as_phone_number), Field(examples=["+12025550101"])]


def is_zone(value: str) -> str:
    """An IANA time zone that this machine knows."""
    if value not in zone_names():
        raise ValueError("must be an IANA time zone, such as Europe/Lisbon")
    return value


Zone = Annotated[text(64), AfterValidator(is_zone)]


def as_region(value: str) -> str:
    """A region whose national numbers can be read; "" = none."""
    if value and value not in regions():
        raise ValueError("must be a country's two letters, such as US")
    return value


Region = Annotated[text(2), AfterValidator(as_region)]


# The forms that are taken, exactly: more than the formats date and date-time, which want seconds and an offset.
DATE_SCHEMA = {
    "type": "string",
    "pattern": f"^({ISO_DATE.pattern}|{ISO_DATE_TIME.pattern})$",
    "examples": ["2025-05-01", "2025-05-01T12:00:00Z"],
}


When = Annotated[Moment, BeforeValidator(as_moment), WithJsonSchema(DATE_SCHEMA)]
