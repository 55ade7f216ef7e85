"""Which numbers are in use in a country, by the numbering plans of phonenumbers."""

from __future__ import annotations

import re
from functools import lru_cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata

KINDS = (
    *("fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost"),
    *("personal_number", "voip", "pager", "uan", "voicemail"),
)
UNUSED = re.compile(r"(?!)")


@lru_cache(maxsize=512)
def compile_plan(country_code: int) -> re.Pattern[str]:
    """Return the pattern of all national numbers in use under a country code.

    phonenumbers.is_valid_number gives the same result, but searches for the region and the kind of each number: 20
    times the time.
    """
    patterns = []
    for region in COUNTRY_CODE_TO_REGION_CODE.get(country_code, ()):
        metadata = PhoneMetadata.metadata_for_region_or_calling_code(country_code, region)
        kinds = [getattr(metadata, kind) for kind in KINDS]
        patterns += [kind.national_number_pattern for kind in kinds if kind and kind.national_number_pattern]
    return re.compile("|".join(dict.fromkeys(patterns))) if patterns else UNUSED


def is_in_use(country_code: int, national_number: str) -> bool:
    """Return whether a national number belongs to a range in use. Ranges for fictional numbers count as in use."""
    return compile_plan(country_code).fullmatch(national_number) is not None


def starts_with_country_code(digits: str) -> bool:
    """Return whether the digits are a number in use that begins with its country code."""
    for length in (1, 2, 3):
        country_code = int(digits[:length] or 0)
        if country_code in COUNTRY_CODE_TO_REGION_CODE:
            return is_in_use(country_code, digits[length:])
    return False
