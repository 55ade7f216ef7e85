"""Display a number by a number format of a spreadsheet (ECMA-376, part 1, 18.8.31), such as 00000 for a ZIP code.

The decimal separator is a point and the thousands separator a comma, because a workbook does not say in which language
it is displayed. Formats that show fewer digits than the number has (0.00E+00) or a fraction (# ?/?) are not applied.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property, lru_cache
from operator import eq, ge, gt, le, lt, ne

MAX_LENGTH = 255  # characters of a format, as in Excel
MAX_EXACT = 10**15  # spreadsheets store 15 digits
BUILT_IN = {  # formats that a workbook names by number only
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    49: "@",
    37: "#,##0;(#,##0)",
    38: "#,##0;(#,##0)",
    39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;(#,##0.00)",
    41: "#,##0;(#,##0)",
    42: "$#,##0;$(#,##0)",
    43: "#,##0.00;(#,##0.00)",
    44: "$#,##0.00;$(#,##0.00)",
}
TOKEN = re.compile(
    r'"([^"]{0,255})"|\\(.)|_.|\*.|\[\$([^\]-]{0,20})(?:-[^\]]{0,20})?\]|\[([<>=]{1,2})(-?[\d.]{1,20})\]'
    r"|\[[^\]]{0,40}\]|(General)|(.)",
    re.I | re.S,
)
OPERATORS: dict[str, Callable[[float, float], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge, "=": eq, "<>": ne}
ZEROS = re.compile(r"0+")
NOT_APPLIED = frozenset("eE/")


@dataclass(frozen=True)
class Section:
    """One part of a format: its tokens, each a placeholder or literal text, and the condition for using it."""

    tokens: tuple[tuple[bool, str], ...]  # whether it is a placeholder, and the text
    condition: Callable[[float], bool] | None = None

    @cached_property
    def placeholders(self) -> str:
        """All placeholders in their order."""
        return "".join(text for is_placeholder, text in self.tokens if is_placeholder)


@lru_cache(maxsize=1000)
def parse_format(code: str) -> tuple[Section, ...]:
    """Return the sections of a format: for positive numbers, negative ones, zero and text."""
    sections: list[Section] = []
    tokens: list[tuple[bool, str]] = []
    condition = None
    for match in TOKEN.finditer(code[:MAX_LENGTH]):
        quoted, escaped, currency, operator, bound, general, character = match.groups()
        if character == ";":
            sections.append(Section(tuple(tokens), condition))
            tokens, condition = [], None
        elif operator in OPERATORS:
            condition = make_condition(operator, bound)
        elif general:
            tokens.append((True, "G"))
        elif character and character in "0#?.,%@/eE":
            tokens.append((True, character))
        else:
            tokens.append((False, quoted or escaped or currency or character or " "))
    return (*sections, Section(tuple(tokens), condition))


def make_condition(operator: str, bound: str) -> Callable[[float], bool] | None:
    """Return the test of a condition such as [<=9999999]."""
    try:
        limit = float(bound)
    except ValueError:
        return None
    return lambda value: OPERATORS[operator](value, limit)


def display_text(text: str, code: str) -> str:
    """Return a text as displayed: some formats add characters to it, such as "+"@."""
    sections = parse_format(code)
    section = sections[3] if len(sections) > 3 else sections[-1]
    if "@" not in section.placeholders:
        return text
    return "".join(text if is_placeholder else literal for is_placeholder, literal in section.tokens).strip()


def display_number(value: float, code: str) -> str:
    """Return a number as displayed. A format that would show nothing of it is not applied."""
    if value >= 0 and value.is_integer() and ZEROS.fullmatch(code):  # by far the most frequent format
        return plain_number(value).zfill(len(code))
    section, is_signed = choose_section(parse_format(code), value)
    placeholders = section.placeholders
    if not section.tokens or NOT_APPLIED & set(placeholders) or abs(value) >= MAX_EXACT:
        return plain_number(value)
    if "G" in placeholders or "@" in placeholders:
        shown = plain_number(value if is_signed else abs(value))
        return "".join(shown if is_placeholder else text for is_placeholder, text in section.tokens).strip()
    if not set("0#?") & set(placeholders):  # text only
        return "".join(text for _, text in section.tokens).strip() or plain_number(value)
    sign = "-" if is_signed and value < 0 else ""
    shown = (sign + fill_placeholders(abs(Decimal(repr(float(value)))), section)).strip()
    return shown if any(map(str.isdigit, shown)) else plain_number(value)


def choose_section(sections: tuple[Section, ...], value: float) -> tuple[Section, bool]:
    """Return the section for a number, and whether a negative number needs a minus sign."""
    if any(section.condition for section in sections):
        for section in sections[:3]:
            if section.condition is None or section.condition(value):
                return section, True
        return sections[-1], True
    if value < 0 and len(sections) > 1:
        return sections[1], False
    if value == 0 and len(sections) > 2:
        return sections[2], True
    return sections[0], True


def plain_number(value: float) -> str:
    """Return all digits of a number that a spreadsheet stores: at most 15, whole numbers without a fraction."""
    if value.is_integer() and abs(value) < MAX_EXACT:
        return str(int(value))
    return f"{value:.15g}"


def fill_placeholders(number: Decimal, section: Section) -> str:
    """Return the digits of a number in the places of the section's 0, # and ?, with its text between them."""
    whole_part, _, fraction_part = section.placeholders.replace("%", "").partition(".")
    scale = len(whole_part) - len(whole_part.rstrip(","))  # each comma behind the last digit divides by 1,000
    number = number * 100 ** section.placeholders.count("%") / 1000**scale
    places = len(fraction_part.replace(",", ""))
    digits = format(number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP), "f")
    whole, _, fraction = digits.partition(".")
    grouped = "," in whole_part.rstrip(",")
    point = next((place for place, token in enumerate(section.tokens) if token == (True, ".")), len(section.tokens))
    return fill_whole(whole.lstrip("0"), section.tokens[:point], grouped) + fill_fraction(
        fraction, section.tokens[point:]
    )


def fill_whole(digits: str, tokens: tuple[tuple[bool, str], ...], grouped: bool) -> str:
    """Fill the places before the decimal point from the right; the first one takes all remaining digits."""
    remaining = sum(is_placeholder and text in "0#?" for is_placeholder, text in tokens)
    filled: list[str] = []  # from the right
    written = 0
    for is_placeholder, text in reversed(tokens):
        if not is_placeholder or text == "%":
            filled.append(text)
        if not is_placeholder or text not in "0#?":
            continue
        remaining -= 1
        take = len(digits) if remaining == 0 else 1
        for digit in reversed(digits[-take:] if digits and take else {"0": "0", "?": " "}.get(text, "")):
            if grouped and written and written % 3 == 0:
                filled.append(",")
            filled.append(digit)
            written += 1
        digits = digits[:-take] if take else digits
    return "".join(reversed(filled))


def fill_fraction(digits: str, tokens: tuple[tuple[bool, str], ...]) -> str:
    """Fill the places behind the decimal point; # shows no zeros at the end."""
    filled: list[str] = []
    for is_placeholder, text in tokens:
        if is_placeholder and text in "0#?":
            digit, digits = digits[:1] or "0", digits[1:]
            filled.append("" if text == "#" and digit == "0" and not digits.strip("0") else digit)
        elif text != "," or not is_placeholder:
            filled.append(text)
    return "".join(filled)
