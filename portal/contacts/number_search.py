"""Search E.164 numbers by numbers as people write them, whole or in part."""

from __future__ import annotations

import re
import unicodedata

from phonenumbers import PhoneMetadata, country_code_for_region, ndd_prefix_for_region

from portal.contacts.phone_numbers import MIN_DIGITS, parse_phone_number

MIN_PART = 3  # digits; fewer are searched literally
NUMBER = re.compile(r"[+0-9 ()\[\]./\u2010-\u2015\u2212-]+")
FRACTION = re.compile(r"[0-9]+\.[0-9]+")
NATIONAL_ZERO = re.compile(r"\( ?0 ?\)")  # +44 (0)20 …
NOT_DIGITS = re.compile(r"[^0-9]+")


def find_number_forms(text: str, region: str) -> tuple[str, ...]:
    """Return the texts to look for in E.164 numbers; none if `text`, which is folded, is not written like a number.

    National numbers belong to `region`; with "" only international ones are recognized. A form with a plus sign
    matches only the beginning of a number.
    """
    typed = "".join(str(unicodedata.decimal(character, character)) for character in text)
    digits = NOT_DIGITS.sub("", typed)
    forms = [find_whole_number(text, region)] if len(digits) >= MIN_DIGITS else []
    if NUMBER.fullmatch(typed) and not (FRACTION.fullmatch(typed) and len(digits) < MIN_DIGITS):
        forms += list_part_forms(NOT_DIGITS.sub("", NATIONAL_ZERO.sub("", typed)), "+" in typed, region)
    return tuple(dict.fromkeys(form for form in forms if len(form.lstrip("+")) >= MIN_PART))


def find_whole_number(text: str, region: str) -> str:
    """Return the E.164 form of a whole number; an empty string if it is none."""
    try:
        return parse_phone_number(text, region)
    except ValueError:
        return ""


def list_part_forms(digits: str, has_plus: bool, region: str) -> list[str]:
    """Return the forms that the digits of a number's beginning, or of any part of it, have in E.164."""
    if has_plus:
        return [f"+{digits}"]
    forms = [digits]
    if international := re.match(f"(?:00|{find_international_prefix(region)})(?=[1-9])", digits):
        forms.append(f"+{digits[international.end() :]}")
    national = ndd_prefix_for_region(region, True) if region else None
    if national and national != str(country_code_for_region(region)) and digits.startswith(national):
        forms.append(digits.removeprefix(national))
    return forms


def find_international_prefix(region: str) -> str:
    """Return the pattern of the digits before a country code in calls from the region, such as 011 for the US."""
    metadata = PhoneMetadata.metadata_for_region(region, None) if region else None
    return (metadata and metadata.international_prefix) or "00"
