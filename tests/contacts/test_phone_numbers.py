"""Phone numbers as people type them: accepted forms, and the reasons for refusing others."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from random import Random

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumber, PhoneNumberType

from portal.contacts.number_plans import is_in_use
from portal.contacts.number_problems import InvalidNumber, NumberProblem
from portal.contacts.phone_numbers import format_national, list_regions, parse_number, parse_phone_number

E164 = re.compile(r"\+[1-9][0-9]{6,14}")


@pytest.mark.parametrize(
    ("typed", "region", "number"),
    [
        ("+12025550101", "", "+12025550101"),
        (" +1 (202) 555-0101 ", "", "+12025550101"),
        ("(202) 555-0101", "US", "+12025550101"),
        ("202.555.0101", "US", "+12025550101"),
        ("202/555-0101", "US", "+12025550101"),
        ("2025550101", "US", "+12025550101"),
        ("12025550101", "US", "+12025550101"),
        ("011 44 20 7946 0000", "US", "+442079460000"),
        ("0044 20 7946 0000", "DE", "+442079460000"),
        ("0044 20 7946 0000", "US", "+442079460000"),
        ("0044 20 7946 0000", "", "+442079460000"),
        ("+0044 20 7946 0000", "", "+442079460000"),
        ("00+44 20 7946 0000", "", "+442079460000"),
        ("020 7946 0000", "GB", "+442079460000"),
        ("(+44) 20 7946 0000", "", "+442079460000"),
        ("[+44] 20 7946 0000", "", "+442079460000"),
        ("+44 (0)20 7946 0000", "", "+442079460000"),
        ("++44 20 7946 0000", "", "+442079460000"),
        ("+1.2025550101", "", "+12025550101"),  # as domain registries write it
        ("030/23125010", "DE", "+493023125010"),
        ("+49/30/23125010", "", "+493023125010"),
        ("01/99/00/12/40", "FR", "+33199001240"),
        ("044'668'18'00", "CH", "+41446681800"),
        ("06 1234 5678", "IT", "+390612345678"),  # the zero belongs to the number
        ("+290 2158", "", "+2902158"),  # the shortest E.164 number here
        ("+800 1234 5678", "", "+80012345678"),  # of no region
        ("91 98765 43210", "IN", "+919876543210"),
        ("(11) 96123-4567", "BR", "+5511961234567"),
        ("0491 570 156", "AU", "+61491570156"),
    ],
)
def test_typed_numbers_are_parsed(typed: str, region: str, number: str) -> None:
    assert parse_phone_number(typed, region) == number


@pytest.mark.parametrize("typed", [
    "tel:+1-202-555-0101", "TEL: +12025550101", "p:+12025550101", "whatsapp:+12025550101", "callto://+12025550101",
    "Tel. +12025550101", "Tel.: +12025550101", "T +12025550101", "M: +12025550101", "Mobil +1 202 555 0101",
    "Büro: +12025550101", "Phone Number: (+1) 202-555-0101", "(mobile) +12025550101", "[Home] +12025550101",
    "+12025550101 (mobile)", "+12025550101 mobile", "+12025550101 [h]", "+12025550101 cell.", "m +12025550101 (x)",
    "+12025550101x", "+12025550101 ext.", "+12025550101;", "+12025550101,", "+12025550101 /", "+12025550101.",
    "'+12025550101", '"+12025550101"', "“+12025550101”", '="+12025550101"', "=+12025550101", '""+12025550101""',
    "https://wa.me/12025550101", "wa.me/+12025550101?text=Hi", "12025550101@c.us", "12025550101@s.whatsapp.net",
    "https://api.whatsapp.com/send?phone=12025550101", "sip:+12025550101@example.com", "12025550101+",
    "📞 +1 202-555-0101", "☎️ +12025550101", "• +12025550101", "- +12025550101", "# +12025550101",
    "\u202a+1\u00a0202\u00a0555\u00a00101\u202c", "\u200e+1\u2009202\u202f555\u20110101", "+1\u00ad202\u200b5550101",
    "\ufeff+12025550101\u3164", "＋１２０２５５５０１０１", "（＋１）２０２・５５５・０１０１",
    "+١٢٠٢٥٥٥٠١٠١", "+۱۲۰۲۵۵۵۰۱۰۱",
    "+1 202 555 0101\n", "+1_202_555_0101", "+1–202–555–0101",
])  # fmt: skip
def test_decorations_of_numbers_are_removed(typed: str) -> None:
    assert parse_phone_number(typed, "") == "+12025550101"


@pytest.mark.parametrize("typed", ["12025550101.0", "12025550101,00", "1.2025550101E+10", "12,025,550,101"])
def test_numbers_as_spreadsheets_write_them_are_whole(typed: str) -> None:
    assert parse_phone_number(typed, "US") == "+12025550101"


@pytest.mark.parametrize(
    ("problem", "region", "texts"),
    [
        (NumberProblem.EMPTY, "US", ["", " \u00a0", "\u202e", "-", '""']),
        (NumberProblem.NOT_A_NUMBER, "US", ["unknown", "n/a", "tel:", "x", "NULL", "12:30", "50%"]),
        (NumberProblem.TOO_LONG, "US", ["2" * 5000, "1" + "," * 90_000 + "a", "+1 202 555 0101 " * 9]),
        (
            NumberProblem.LETTERS,
            "US",
            ["1-800-FLOWERS", "+12025550101 Ana", "2025550101@example.com", "Fax: 2025550101", "ID: 2025550101"],
        ),
        (
            NumberProblem.EXTENSION,
            "US",
            ["+1 202 555 0101 ext. 5", "202 555 0101 x5", "2025550101#5", "202-555-0101 #12"],
        ),
        (NumberProblem.EXTENSION, "", ["tel:+12025550101;ext=5", "+12025550101,,5", "+493023125010 Durchwahl 12"]),
        (NumberProblem.TOO_FEW_DIGITS, "", ["+120255501", "+1555010"]),
        (NumberProblem.NO_AREA_CODE, "US", ["5550101", "555-0101"]),
        (NumberProblem.TOO_MANY_DIGITS, "US", ["+120255501011", "2" * 40, "202-555-0101 202-555-0102"]),
        (NumberProblem.UNUSED_LENGTH, "IS", ["+354 5550 1010", "5550 1010"]),
        (NumberProblem.UNKNOWN_COUNTRY_CODE, "US", ["+999 1234 5678", "+0 202 555 0101"]),
        (NumberProblem.NO_COUNTRY_CODE, "", ["2025550101", "(305) 555-0178", "030 23125010"]),
        (NumberProblem.ONLY_PLUS_MISSING, "", ["12025550101", "1 202 555 0123", "442079460101", "49 30 23125010"]),
        (NumberProblem.ONLY_PLUS_MISSING, "US", ["442079460101", "493023125010"]),
        (NumberProblem.SHORT_NUMBER, "US", ["911", "411"]),
        (NumberProblem.SHORT_NUMBER, "DE", ["112", "110", "116117"]),
        (NumberProblem.SHORTENED, "US", ["1.20256E+10", "4,91702E+11", "######"]),
        (NumberProblem.FRACTION, "DE", ["30.2312501", "30,2312501", "0.127648", "-0.5012345"]),
        (
            NumberProblem.DATE,
            "DE",
            ["2026-05-01", "2026/5/1", "01.05.2026", "5/1/2026", "31/12/26", "2026-05-01 09:00:00"],
        ),
        (NumberProblem.SPREADSHEET_ERROR, "DE", ["#N/A", "#REF!", "#NV", "#VALUE!"]),
        (NumberProblem.FORMULA, "DE", ["=A1&B1", "=VLOOKUP(A2,B:C,2)", "=TEXT(A1,0)"]),
    ],
)
def test_a_number_that_cannot_be_dialed_is_refused_with_a_reason(
    problem: NumberProblem, region: str, texts: list[str]
) -> None:
    for text in texts:
        with pytest.raises(InvalidNumber, match=f"^{re.escape(problem)}$"):
            parse_phone_number(text, region)


@pytest.mark.parametrize(("region", "texts"), [
    ("", ["+12025550101 or +12025550102", "+12025550101; +12025550102", "+12025550101+12025550102"]),
    ("US", ["202 555 0101, 202 555 0102", "202-555-0101\n202-555-0102", "2025550101&2025550102"]),
    ("DE", ["030 23125010 | 030 23125011", "030 23125010 oder 030 23125011", "030 23125010 und 0171 1234567"]),
    ("DE", ["555010/555011", "030 2312501/02", "0171/1234567/0172/1234567"]),
    ("DE", ["555010 555011", "030 2312501 030 2312502"]),
    ("BE", ["02/5550101/5550102"]),
    ("AT", ["2312501 2312502"]),
])  # fmt: skip
def test_several_numbers_in_a_cell_are_not_merged(region: str, texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(InvalidNumber, match=r"^holds several numbers"):
            parse_phone_number(text, region)


@pytest.mark.parametrize(
    ("typed", "region", "number"),
    [
        ("12025550101", "", "+12025550101"),
        ("44 20 7946 0101", "US", "+442079460101"),
        ("0049 30 23125010", "", "+493023125010"),
        ("+49 30 23125010", "US", "+493023125010"),
        ("030 23125010", "DE", "+493023125010"),  # national numbers begin with 0
    ],
)
def test_numbers_may_include_the_country_code_without_a_plus(typed: str, region: str, number: str) -> None:
    assert parse_number(typed, region, with_country_code=True).e164 == number


@pytest.mark.parametrize("character", "0123456789+-() .,;:/#xX=\"'eE\t\n&|\\@[]*_~aort\u0663\u00a0\u200b")
def test_long_texts_of_any_character_are_read_at_once(character: str) -> None:
    texts = [
        f"{start}{character * times}{end}"
        for start in ("", "1", "+1")
        for end in ("", "a", "5")
        for times in (97, 10**5)
    ]
    started = time.process_time()
    for text in texts:
        with suppress(InvalidNumber):
            parse_phone_number(text, "DE")
    assert time.process_time() - started < 0.05 * len(texts)


def example_numbers() -> Iterator[PhoneNumber]:
    """Yield an example of each type of number in each region, and of each country code of no region."""
    for region in list_regions():
        for kind in PhoneNumberType.values():
            if sample := phonenumbers.example_number_for_type(region, kind):
                yield sample
    for code in phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS:
        yield phonenumbers.example_number_for_non_geo_entity(code)


def test_numbers_in_use_are_those_that_phonenumbers_finds_valid() -> None:
    random = Random(11)
    for sample in example_numbers():
        digits = phonenumbers.national_significant_number(sample)
        for place in random.sample(range(len(digits)), 3):
            changed = f"+{sample.country_code}{digits[:place]}{random.randrange(10)}{digits[place + 1 :]}"
            number = phonenumbers.parse(changed)
            national = phonenumbers.national_significant_number(number)
            assert is_in_use(number.country_code, national) == phonenumbers.is_valid_number(number), changed


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
    except InvalidNumber as error:
        number, reason = None, str(error)
    assert E164.fullmatch(number) if number else reason in list(NumberProblem)


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
