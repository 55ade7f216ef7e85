"""Phone numbers as people type them, read into E.164, and written back as a region writes them."""

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
MAX_TYPED_LENGTH = 60  # characters; more than any number with its blanks and brackets

# What copying from an address book or a web page leaves around a number: blanks, marks without width.
AROUND = " \t\r\n\u00a0\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
BLANKS = r" \t\u00a0\u2000-\u200d\u2060\u202f\u3000"
SHAPE = re.compile(rf"[(\[]?[{BLANKS}]*[+＋]?[\d{BLANKS}()\[\]./\-‐-―−－（）．／]+")
WHOLE_NUMBER = re.compile(r"([0-9]+)\.0+")
SHORTENED = re.compile(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]+")
EXTENSION = re.compile(r"\d\W*(?:e?xt(?:ension)?|x|[,;#])\W*\d{1,7}\W*$", re.IGNORECASE)


@lru_cache(maxsize=1)
def list_regions() -> tuple[str, ...]:
    """The ISO codes of the regions whose national numbers can be read, sorted."""
    return tuple(sorted(SUPPORTED_REGIONS))


def parse_phone_number(text: str, region: str) -> str:
    """The E.164 form of a number as somebody typed it, for dialling; it need not be given out to anybody.

    `region` (an ISO code) is that of numbers without a country code; with "" those are refused. Raises ValueError
    with a reason such as "has too few digits".
    """
    number = parse_with_library(strip_decoration(text), region)
    require_possible(number, region)
    found = format_number(number, PhoneNumberFormat.E164)
    if not E164.fullmatch(found):
        raise ValueError("has too few digits" if len(found) < len("+1234567") else "has too many digits")
    return found


def strip_decoration(text: str) -> str:
    """The number alone: without what a spreadsheet or a link puts around it. Raises ValueError."""
    typed = text.strip(AROUND)
    if typed[:4].lower() == "tel:":
        typed = typed[4:].strip(AROUND)
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
    """What phonenumbers makes of it. Raises ValueError."""
    try:
        number = parse(typed, region or None)
    except NumberParseException as error:
        match error.error_type:
            case NumberParseException.INVALID_COUNTRY_CODE if "+" in typed or "＋" in typed:
                reason = "begins with a country code that does not exist"
            case NumberParseException.INVALID_COUNTRY_CODE if region:
                reason = "begins with a country code that does not exist"
            case NumberParseException.INVALID_COUNTRY_CODE:
                reason = "begins with no country code, and no country is chosen"
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
    """Raises ValueError when its country has no number of that many digits."""
    result = is_possible_number_with_reason(number)
    if result == ValidationResult.IS_POSSIBLE:
        return
    if result == ValidationResult.TOO_SHORT:
        raise ValueError("has too few digits")
    if result == ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
        raise ValueError("has too few digits; its area code is missing")
    if result == ValidationResult.TOO_LONG:
        raise ValueError("has too many digits")
    if result == ValidationResult.INVALID_COUNTRY_CODE:
        raise ValueError("begins with a country code that does not exist")
    of_region = region and country_code_for_region(region) == number.country_code
    raise ValueError(f"is not a number that {region if of_region else f'+{number.country_code}'} gives out")


@lru_cache(maxsize=4096)
def format_national(number: str, region: str) -> str:
    """An E.164 number as people of `region` write it: without the country code where it is their own.

    Other countries' numbers are in international form; what is no number is returned as it is.
    """
    try:
        parsed = parse(number)
    except NumberParseException:
        return number
    # By country code and not by region: one who dials within +1 or +44 writes no country code either.
    own = bool(region) and country_code_for_region(region) == parsed.country_code
    return format_number(parsed, PhoneNumberFormat.NATIONAL if own else PhoneNumberFormat.INTERNATIONAL)
