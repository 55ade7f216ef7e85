"""Parse phone numbers as people type them into E.164, and format them for a region."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from phonenumbers import (
    SUPPORTED_REGIONS,
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    ValidationResult,
    country_code_for_region,
    format_number,
    is_possible_number_with_reason,
    is_valid_short_number_for_region,
    national_significant_number,
    parse,
)

from portal.contacts.number_plans import is_in_use, starts_with_country_code
from portal.contacts.number_problems import InvalidNumber, NumberProblem
from portal.contacts.typed_numbers import strip_decoration

MIN_DIGITS, MAX_DIGITS = 7, 15  # of an E.164 number here, with the country code
MAX_SHORT_DIGITS = 6
NOT_DIGITS = re.compile(r"[^0-9]+")


class ParsedNumber(NamedTuple):
    """A number in E.164, its country code, and whether it belongs to a range in use in its country."""

    e164: str
    country_code: int
    is_in_use: bool


@lru_cache(maxsize=1)
def list_regions() -> tuple[str, ...]:
    """Return the sorted ISO codes of the regions whose national numbers can be parsed."""
    return tuple(sorted(SUPPORTED_REGIONS))


def parse_phone_number(text: str, region: str) -> str:
    """Return the E.164 form of a typed number. The number must be possible, not in use.

    `region` (an ISO code) applies to numbers without a country code; with "" they are refused. Raises InvalidNumber, a
    ValueError whose message is the reason, such as "has too many digits for one phone number".
    """
    return parse_number(text, region).e164


def parse_number(text: str, region: str, *, with_country_code: bool = False) -> ParsedNumber:
    """Parse a typed number. `with_country_code` reads numbers without + as beginning with it, unless they start with 0.

    Numbers that begin with 00 have a country code, unless 00 means something else in the region. Raises InvalidNumber.
    """
    typed = strip_decoration(text)
    has_plus = typed.lstrip("([ ").startswith("+")
    digits = NOT_DIGITS.sub("", typed)
    if has_plus and digits.startswith("00"):  # +0044 …
        digits = digits[2:]
    if not has_plus and with_country_code and not digits.startswith("0"):
        return check_number(parse_with_library(f"+{digits}", ""), "")
    try:
        return check_number(parse_with_library(f"+{digits}" if has_plus else digits, region), region)
    except InvalidNumber as error:
        if has_plus or error.problem is NumberProblem.SHORT_NUMBER:
            raise
        if starts_with_country_code(digits.removeprefix("00")):
            if digits.startswith("00"):
                return check_number(parse_with_library(f"+{digits[2:]}", ""), "")
            raise InvalidNumber(NumberProblem.ONLY_PLUS_MISSING) from error
        raise


def parse_with_library(typed: str, region: str) -> PhoneNumber:
    """Parse a number with phonenumbers. Raises InvalidNumber."""
    if not region and not typed.startswith("+"):
        raise InvalidNumber(NumberProblem.NO_COUNTRY_CODE)
    try:
        return parse(typed, region or None)
    except NumberParseException as error:
        match error.error_type:
            case NumberParseException.INVALID_COUNTRY_CODE:
                problem = NumberProblem.UNKNOWN_COUNTRY_CODE
            case NumberParseException.TOO_LONG:
                problem = NumberProblem.TOO_MANY_DIGITS
            case NumberParseException.TOO_SHORT_NSN | NumberParseException.TOO_SHORT_AFTER_IDD:
                problem = NumberProblem.TOO_FEW_DIGITS
            case _:
                problem = NumberProblem.NOT_A_NUMBER
        raise InvalidNumber(problem) from error


def check_number(number: PhoneNumber, region: str) -> ParsedNumber:
    """Return a number that is in use or possible. Raises InvalidNumber."""
    country_code, national = number.country_code, national_significant_number(number)
    e164 = f"+{country_code}{national}"
    in_use = is_in_use(country_code, national)
    if not in_use:
        if len(national) <= MAX_SHORT_DIGITS and region and is_valid_short_number_for_region(number, region):
            raise InvalidNumber(NumberProblem.SHORT_NUMBER)
        require_possible(number)
    if len(e164) <= MIN_DIGITS:
        raise InvalidNumber(NumberProblem.TOO_FEW_DIGITS)
    if len(e164) > MAX_DIGITS + 1:
        raise InvalidNumber(NumberProblem.TOO_MANY_DIGITS)
    return ParsedNumber(e164, country_code, in_use)


POSSIBILITY_PROBLEMS = {
    ValidationResult.TOO_SHORT: NumberProblem.TOO_FEW_DIGITS,
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: NumberProblem.NO_AREA_CODE,
    ValidationResult.TOO_LONG: NumberProblem.TOO_MANY_DIGITS,
    ValidationResult.INVALID_COUNTRY_CODE: NumberProblem.UNKNOWN_COUNTRY_CODE,
    ValidationResult.INVALID_LENGTH: NumberProblem.UNUSED_LENGTH,
}


def require_possible(number: PhoneNumber) -> None:
    """Raise InvalidNumber if no number of the country has that many digits."""
    result = is_possible_number_with_reason(number)
    if result != ValidationResult.IS_POSSIBLE:
        raise InvalidNumber(POSSIBILITY_PROBLEMS[result])


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
