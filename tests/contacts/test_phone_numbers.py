"""Phone numbers as people type them: accepted forms, and the reasons for refusing others."""

from __future__ import annotations

import re

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.contacts.phone_numbers import format_national, list_regions, parse_phone_number

E164 = re.compile(r"\+[1-9][0-9]{6,14}")


@pytest.mark.parametrize(
    ("typed", "region", "number"),
    [
        ("+12025550101", "", "+12025550101"),
        (" +1 (202) 555-0101 ", "", "+12025550101"),
        ("(202) 555-0101", "US", "+12025550101"),
        ("202.555.0101", "US", "+12025550101"),
        ("2025550101", "US", "+12025550101"),
        ("12025550101", "US", "+12025550101"),
        ("12025550101.0", "US", "+12025550101"),  # a number in a spreadsheet
        ("011 44 20 7946 0000", "US", "+442079460000"),
        ("0044 20 7946 0000", "DE", "+442079460000"),
        ("020 7946 0000", "GB", "+442079460000"),
        ("(+44) 20 7946 0000", "", "+442079460000"),
        ("+44 (0)20 7946 0000", "", "+442079460000"),
        ("tel:+1-202-555-0101", "", "+12025550101"),
        ("TEL: 2025550101", "US", "+12025550101"),
        ("06 1234 5678", "IT", "+390612345678"),  # the zero belongs to the number
        ("\u202a+1\u00a0202\u00a0555\u00a00101\u202c", "", "+12025550101"),  # as an address book copies it
        ("＋１２０２５５５０１０１", "", "+12025550101"),
        ("+290 2158", "", "+2902158"),  # the shortest E.164 number here
        ("+800 1234 5678", "", "+80012345678"),  # of no region
    ],
)
def test_typed_numbers_are_parsed(typed: str, region: str, number: str) -> None:
    assert parse_phone_number(typed, region) == number


@pytest.mark.parametrize(
    ("typed", "region", "reason"),
    [
        ("", "US", "is empty"),
        (" \u00a0", "US", "is empty"),
        ("tel:", "US", "is empty"),
        ("unknown", "US", "must be a phone number, such as +12015550123"),
        ("+12025550101 or +12025550102", "", "must be a phone number, such as +12015550123"),
        ("+12025550101; +12025550102", "", "must be a phone number, such as +12015550123"),
        ("Call +12025550101", "", "must be a phone number, such as +12015550123"),
        ("1-800-FLOWERS", "US", "must be a phone number, such as +12015550123"),
        ("=+12025550101", "", "must be a phone number, such as +12015550123"),
        ("+", "US", "must be a phone number, such as +12015550123"),
        ("2" * 5000, "US", "must be a phone number, such as +12015550123"),
        ("+1 202 555 0101 ext. 5", "", "must not have an extension"),
        ("202 555 0101 x5", "US", "must not have an extension"),
        ("tel:+12025550101;ext=5", "", "must not have an extension"),
        ("+120255501", "", "has too few digits"),
        ("5550101", "US", "has too few digits; add the area code"),
        ("+120255501011", "", "has too many digits"),
        ("2" * 40, "US", "has too many digits"),
        ("+999 1234 5678", "", "has an unknown country code"),
        ("2025550101", "", "has no country code; add it, or choose a country"),
        ("+1555010", "", "has too few digits"),
        ("1.20256E+10", "US", "was shortened by a spreadsheet; format its column as text and enter the number again"),
    ],
)
def test_a_number_that_cannot_be_dialed_is_refused_with_a_reason(typed: str, region: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        parse_phone_number(typed, region)


@pytest.mark.parametrize(("region", "area"), [("IS", "IS"), ("", "+354"), ("US", "+354")])
def test_an_unused_length_between_two_used_ones_is_refused(region: str, area: str) -> None:
    with pytest.raises(ValueError, match=rf"^has an invalid length for {re.escape(area)}$"):
        parse_phone_number("+354 5550 1010", region)


@settings(deadline=None)  # the first number of a region loads its metadata
@given(st.from_regex(E164, fullmatch=True))
@example("+12025550101")
@example("+5215512345678")
@example("+4402079460000")
def test_an_international_number_is_accepted_exactly_if_its_country_uses_the_length(number: str) -> None:
    try:
        parsed = phonenumbers.parse(number)
        expected = phonenumbers.is_possible_number_with_reason(parsed) == phonenumbers.ValidationResult.IS_POSSIBLE
    except phonenumbers.NumberParseException:
        expected = False
    try:
        found = parse_phone_number(number, "")
    except ValueError:
        assert not expected or len(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)) < 8
    else:
        assert expected
        assert E164.fullmatch(found)


@settings(deadline=None)  # the first number of a region loads its metadata
@given(st.integers(0, 10**10 - 1), st.sampled_from(["", "US", "DE"]))
def test_numbers_of_ten_digits_with_country_code_1_are_unchanged(digits: int, region: str) -> None:
    number = f"+12{digits % 10**9:09}"
    assert parse_phone_number(number, region) == number


@settings(deadline=None)  # the first number of a region loads its metadata
@given(
    st.text(alphabet="+0123456789 -().tel:x/#,;eE１٢\u00a0\n\ud800") | st.text(), st.sampled_from(["", *list_regions()])
)
def test_any_text_is_a_number_or_refused(typed: str, region: str) -> None:
    try:
        number = parse_phone_number(typed, region)
    except ValueError as error:
        number, reason = None, str(error)
    assert E164.fullmatch(number) if number else re.match("is |has |must |was ", reason)


def test_regions_are_sorted_iso_codes() -> None:
    assert {"US", "GB", "PT"} <= set(list_regions())
    assert list(list_regions()) == sorted(set(list_regions()))
    assert all(re.fullmatch("[A-Z]{2}", region) for region in list_regions())


@pytest.mark.parametrize(
    ("number", "region", "written"),
    [
        ("+12025550101", "US", "(202) 555-0101"),
        ("+12025550101", "CA", "(202) 555-0101"),
        ("+12025550101", "GB", "+1 202-555-0101"),
        ("+442079460000", "GB", "020 7946 0000"),
        ("+442079460000", "", "+44 20 7946 0000"),
        ("+442079460000", "US", "+44 20 7946 0000"),
        ("no number", "US", "no number"),
        ("", "US", ""),
    ],
)
def test_a_number_is_formatted_for_the_readers_region(number: str, region: str, written: str) -> None:
    assert format_national(number, region) == written
