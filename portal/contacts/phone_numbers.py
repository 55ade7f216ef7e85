"""Parse phone numbers as people type them into E.164, and format them for a region."""

from __future__ import annotations

import re
from functools import lru_cache

from phonenumbers import (
    SUPPORTED_REGIONS,
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    ValidationResult,
    country_code_for_region,
    format_number,
    is_possible_number_with_reason,
    parse,
)

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
NOT_A_NUMBER = "must be a phone number, such as +12015550123"
UNKNOWN_COUNTRY_CODE = "has an unknown country code"
MAX_TYPED_LENGTH = 60  # characters; longer than any number with spaces and brackets

# Characters that surround a number copied from an address book or a web page: spaces and zero-width marks.
INVISIBLE = (
    " \t\r\n\u00a0\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
BLANKS = r" \t\u00a0\u2000-\u200d\u2060\u202f\u3000"
SHAPE = re.compile(rf"[(\[]?[{BLANKS}]*[+＋]?[\d{BLANKS}()\[\]./\-‐-―−－（）．／]+")
WHOLE_NUMBER = re.compile(r"([0-9]+)\.0+")
SHORTENED = re.compile(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]+")
EXTENSION = re.compile(r"\d\W*(?:e?xt(?:ension)?|x|[,;#])\W*\d{1,7}\W*$", re.IGNORECASE)


@lru_cache(maxsize=1)
def list_regions() -> tuple[str, ...]:
    """Return the sorted ISO codes of the regions whose national numbers can be parsed."""
    return tuple(sorted(SUPPORTED_REGIONS))


def parse_phone_number(text: str, region: str) -> str:
    """Return the E.164 form of a typed number. The number must be possible, not assigned.

    `region` (an ISO code) applies to numbers without a country code; with "" they are refused. Raises ValueError with
    a reason such as "has too few digits".
    """
    number = parse_with_library(strip_decoration(text), region)
    require_possible(number, region)
    formatted = format_number(number, PhoneNumberFormat.E164)
    if not E164.fullmatch(formatted):
        raise ValueError("has too few digits" if len(formatted) < len("+1234567") else "has too many digits")
    return formatted


def strip_decoration(text: str) -> str:
    """Remove the additions of spreadsheets and links around a number. Raises ValueError."""
    typed = text.strip(INVISIBLE)
    if typed[:4].lower() == "tel:":
        typed = typed[4:].strip(INVISIBLE)
    if not typed:
        raise ValueError("is empty")
    if SHORTENED.fullmatch(typed):
        raise ValueError("was shortened by a spreadsheet; format its column as text and enter the number again")
    if whole := WHOLE_NUMBER.fullmatch(typed):
        typed = whole[1]
    if len(typed) > MAX_TYPED_LENGTH or not SHAPE.fullmatch(typed):
        raise ValueError("must not have an extension" if EXTENSION.search(typed) else NOT_A_NUMBER)
    return typed


def parse_with_library(typed: str, region: str) -> PhoneNumber:
    """Parse a number with phonenumbers. Raises ValueError."""
    try:
        number = parse(typed, region or None)
    except NumberParseException as error:
        match error.error_type:
            case NumberParseException.INVALID_COUNTRY_CODE if region or "+" in typed or "＋" in typed:
                reason = UNKNOWN_COUNTRY_CODE
            case NumberParseException.INVALID_COUNTRY_CODE:
                reason = "has no country code; add it, or choose a country"
            case NumberParseException.TOO_LONG:
                reason = "has too many digits"
            case NumberParseException.TOO_SHORT_NSN | NumberParseException.TOO_SHORT_AFTER_IDD:
                reason = "has too few digits"
            case _:
                reason = NOT_A_NUMBER
        raise ValueError(reason) from error
    if number.extension:
        raise ValueError("must not have an extension")
    return number


def require_possible(number: PhoneNumber, region: str) -> None:
    """Raise ValueError if no number of the country has that many digits."""
    result = is_possible_number_with_reason(number)
    if result == ValidationResult.IS_POSSIBLE:
        return
    if result == ValidationResult.TOO_SHORT:
        raise ValueError("has too few digits")
    if result == ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
        raise ValueError("has too few digits; add the area code")
    if result == ValidationResult.TOO_LONG:
        raise ValueError("has too many digits")
    if result == ValidationResult.INVALID_COUNTRY_CODE:
        raise ValueError(UNKNOWN_COUNTRY_CODE)
    is_national = region and country_code_for_region(region) == number.country_code
    raise ValueError(f"has an invalid length for {region if is_national else f'+{number.country_code}'}")


@lru_cache(maxsize=4096)
def format_national(number: str, region: str) -> str:
    """Format an E.164 number for readers in `region`: without the country code if the number has theirs.

    Numbers of other countries are formatted internationally; text that is no number is returned unchanged.
    """
    try:
        parsed = parse(number)
    except NumberParseException:
        return number
    # Compare country codes, not regions: no country code is needed between the regions that share +1 or +44.
    is_national = bool(region) and country_code_for_region(region) == parsed.country_code
    return format_number(parsed, PhoneNumberFormat.NATIONAL if is_national else PhoneNumberFormat.INTERNATIONAL)
